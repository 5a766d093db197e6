//! A fully connected layer in one operation.

use ndarray::{ArrayD, Ix2};

use super::run;
use crate::check::{Case, Checked, Sampler};
use crate::graph::precision;
use crate::kernels::gemm::{Matrix, Product};
use crate::{Batch, BatchReduce, Needs, Op, Real, Shape, Tensor, Values};

impl<T: Real> Tensor<T> {
    /// x W + b: `[.., in] × [in, out] + [out] → [.., out]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear(&self, weight: &Tensor<T>, bias: &Tensor<T>) -> Tensor<T> {
        run(Linear { relu: false }, [self.clone(), weight.clone(), bias.clone()])
    }

    /// max(x W + b, 0), in one pass over memory: [`linear`](Tensor::linear) and
    /// [`relu`](Tensor::relu).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear_relu(&self, weight: &Tensor<T>, bias: &Tensor<T>) -> Tensor<T> {
        run(Linear { relu: true }, [self.clone(), weight.clone(), bias.clone()])
    }
}

/// y = x W + b, or max(x W + b, 0)
#[derive(Clone, Copy)]
pub(super) struct Linear {
    relu: bool,
}

impl Linear {
    /// ȳ before the rectifier.
    fn through_relu<T: Real>(self, values: &Values<'_, T>, gy: Tensor<T>) -> Tensor<T> {
        if self.relu { gy.gate(&values.output(), 0.0) } else { gy }
    }
}

impl<T: Real> Op<T> for Linear {
    fn name(&self) -> &'static str {
        if self.relu { "linear_relu" } else { "linear" }
    }

    fn rule(&self) -> &'static str {
        match self.relu {
            false => "x̄ = ȳ Wᵀ, W̄ = xᵀ ȳ, b̄ = Σ ȳ over rows",
            true => "x̄ = ȳ Wᵀ, W̄ = xᵀ ȳ, b̄ = Σ ȳ over rows; ȳ only where y > 0",
        }
    }

    fn needs(&self) -> Needs {
        let factors = Needs::input(0).and(Needs::input(1));
        if self.relu { factors.and(Needs::OUTPUT) } else { factors }
    }

    #[track_caller]
    fn forward(&self, inputs: &mut [Tensor<T>]) -> Tensor<T> {
        let [x, weight, bias] = inputs else { panic!("linear: three inputs") };
        let fits = weight.rank() == 2
            && x.rank() >= 1
            && x.shape[x.rank() - 1] == weight.shape[0]
            && *bias.shape == weight.shape[1..];
        assert!(
            fits,
            "linear: x {} × weight {} + bias {}: expected [.., in] × [in, out] + [out]",
            x.shape, weight.shape, bias.shape
        );
        let (k, n) = (weight.shape[0], weight.shape[1]);
        let shape = x.shape.with(x.rank() - 1, n);
        let m = shape[..x.rank() - 1].iter().product();
        Tensor::write(shape, |y| {
            let (x, w) = (Matrix::new(x.data(), m, k), Matrix::new(weight.data(), k, n));
            let product = Product::new(x, w).bias(bias.data()).precision(precision());
            if self.relu { product.relu().write(y) } else { product.write(y) }
        })
    }

    fn vjp(&self, values: &Values<'_, T>, gy: Tensor<T>) -> Vec<Option<Tensor<T>>> {
        let gy = self.through_relu(values, gy);
        let [k, n] = [values.shape(1)[0], values.shape(1)[1]];
        let batch = values.shape(0).split_last().map_or(1, |(_, batch)| batch.iter().product());
        let rows = |x: &Tensor<T>, columns: usize| x.reshape([batch, columns]);
        let gy = if gy.rank() == 2 { gy } else { rows(&gy, n) };
        let x = values.wanted(0, || gy.matmul_nt(&values.input(1)).reshape(*values.shape(0)));
        let weight = values.wanted_product(1, || rows(&values.input(0), k), &gy);
        vec![x, weight, values.wanted(2, || gy.sum_axes(0, false))]
    }

    fn batch(&self, values: &Values<'_, T>, input: usize) -> Batch {
        match (input, values.shape(0).rank()) {
            (0, 1) => Batch::Mixed,
            (0, _) => Batch::Kept,
            _ => Batch::Shared,
        }
    }

    /// As long as a sample is one row: xₙᵀ ȳₙ in one product, Σ (xₙᵀ ȳₙ)² = (x²)ᵀ ȳ², and Σ ȳₙ².
    fn by_sample(
        &self,
        values: &Values<'_, T>,
        gy: &Tensor<T>,
        input: usize,
        reduce: BatchReduce,
    ) -> Option<Tensor<T>> {
        if gy.rank() != 2 {
            return None;
        }
        let gy = self.through_relu(values, gy.clone());
        let layer = |x: &Tensor<T>| x.reshape([x.shape[0], 1, x.shape[1]]);
        Some(match (reduce, input) {
            (BatchReduce::Sum, _) => return None,
            (BatchReduce::PerSample, 1) => layer(&values.input(0)).matmul_tn(&layer(&gy)),
            (BatchReduce::PerSample, _) => gy,
            (BatchReduce::SumOfSquares, 1) => values.input(0).square().matmul_tn(&gy.square()),
            (BatchReduce::SumOfSquares, _) => gy.square().sum_axes(0, false),
        })
    }
}

impl Checked for Linear {
    #[inline]
    fn cases(any: &mut Sampler) -> Vec<Case<Self>> {
        let [k, n] = [0; 2].map(|_| any.integer(1..=6) as usize);
        let batch = any.shape(0..=2);
        let x = Shape::new(&[&*batch, &[k]].concat());
        let inputs = [any.normal(&x), any.normal(&[k, n].into()), any.normal(&n.into())];
        // A bias far from 0 keeps every element away from the kink, on either side.
        let mut rectified = inputs.clone();
        rectified[2].mapv_inplace(|b| b + 50.0 * b.signum());
        vec![Case::new(Linear { relu: false }, inputs), Case::new(Linear { relu: true }, rectified)]
    }

    #[inline]
    fn reference(&self, inputs: &[ArrayD<f64>]) -> ArrayD<f64> {
        let weight = inputs[1].view().into_dimensionality::<Ix2>().expect("two axes");
        let (k, n) = weight.dim();
        let rows = inputs[0].len() / k;
        let x = inputs[0].to_shape((rows, k)).expect("rows");
        let mut shape = inputs[0].shape().to_vec();
        *shape.last_mut().expect("an axis") = n;
        let y = x.dot(&weight) + &inputs[2];
        let y = if self.relu { y.mapv_into(|y| y.max(0.0)) } else { y };
        y.into_shape_with_order(shape).expect("rows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_without_inputs_is_its_bias() {
        let leaf = |shape: [usize; 2]| Tensor::<f32>::ones(shape).requires_grad();
        let (x, w, b) = (leaf([3, 0]), leaf([0, 4]), Tensor::ones([4]).requires_grad());
        let y = x.linear(&w, &b);
        assert_eq!(y.to_vec(), [1.0; 12]);
        let gradients = y.sum().backward();
        assert_eq!(gradients[&b].to_vec(), [3.0; 4]);
        assert_eq!((gradients[&x].shape(), gradients[&w].shape()), (x.shape(), w.shape()));
    }
}
