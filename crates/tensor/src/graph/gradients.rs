//! What a backward pass leaves: the gradients of leaves.
//!
//! The gradient of a layer's weights is a product xᵀ ȳ, as large as the weights, of which an optimizer reads each number once. A large one stays a
//! product until somebody asks for its numbers, so that an optimizer can compute [some rows](optimizer::Gradient) of it and use them while
//! they are in a near cache; one thread then waits for memory while the other one multiplies.

use std::cell::RefCell;
use std::ops::Index;
use std::sync::OnceLock;

use super::mode;
use crate::kernels::gemm::{Matrix, Precision, Product};
use crate::kernels::optimizer;
use crate::{Real, Shape, Tensor};

/// The gradients of one loss with respect to the leaves that it depends on.
///
/// Indexing with a tensor that the loss does not depend on panics; [`get`](Gradients::get) gives
/// `None`. Gradients of large weights are products until they are asked for. Until these gradients are dropped, the factors of such
/// products, a layer's input and the cotangent of its output, stay alive, beside the numbers if there are any; who changes the input in place
/// meanwhile makes a copy.
pub struct Gradients<T: Real = f32> {
    /// By id of the leaf, ascending.
    by_leaf: Vec<(u64, Gradient<T>)>,
}

impl<T: Real> Gradients<T> {
    pub(super) fn new(mut by_leaf: Vec<(u64, Gradient<T>)>) -> Gradients<T> {
        by_leaf.sort_unstable_by_key(|(id, _)| *id);
        Gradients { by_leaf }
    }

    fn find(&self, leaf: &Tensor<T>) -> Option<&Gradient<T>> {
        let id = leaf.node.as_ref()?.id;
        let at = self.by_leaf.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.by_leaf[at].1)
    }

    /// The gradient with respect to a leaf, or `None` if the loss does not depend on it.
    pub fn get(&self, leaf: &Tensor<T>) -> Option<&Tensor<T>> {
        self.find(leaf).map(Gradient::value)
    }

    /// The same for an optimizer: as a product, if nobody has asked for its numbers.
    pub fn source(&self, leaf: &Tensor<T>) -> Option<optimizer::Gradient<'_, T>> {
        self.find(leaf).map(Gradient::source)
    }

    /// All gradients.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor<T>> {
        self.by_leaf.iter().map(|(_, gradient)| gradient.value())
    }
}

impl<T: Real> Index<&Tensor<T>> for Gradients<T> {
    type Output = Tensor<T>;

    #[track_caller]
    fn index(&self, leaf: &Tensor<T>) -> &Tensor<T> {
        match self.get(leaf) {
            Some(gradient) => gradient,
            None if !leaf.is_tracked() => {
                panic!("gradient: a constant of shape {}; call requires_grad first", leaf.shape())
            }
            None => panic!("gradient: the loss does not depend on this leaf of {}", leaf.shape()),
        }
    }
}

/// A cotangent: its numbers, or the product that they are.
#[derive(Clone)]
pub(super) struct Gradient<T: Real> {
    value: OnceLock<Tensor<T>>,
    /// Without it, the value is there.
    product: Option<Box<Outer<T>>>,
}

impl<T: Real> From<Tensor<T>> for Gradient<T> {
    fn from(value: Tensor<T>) -> Gradient<T> {
        Gradient { value: value.into(), product: None }
    }
}

impl<T: Real> From<Outer<T>> for Gradient<T> {
    fn from(product: Outer<T>) -> Gradient<T> {
        Gradient { value: OnceLock::new(), product: Some(Box::new(product)) }
    }
}

impl<T: Real> Gradient<T> {
    /// The numbers, which are computed if they are not there.
    pub(super) fn value(&self) -> &Tensor<T> {
        self.value.get_or_init(|| self.product.as_ref().expect("a value or a product").value())
    }

    pub(super) fn into_value(self) -> Tensor<T> {
        self.value();
        self.value.into_inner().expect("it was there or has been computed")
    }

    fn source(&self) -> optimizer::Gradient<'_, T> {
        match (self.value.get(), &self.product) {
            (None, Some(product)) => optimizer::Gradient::Product(product.product()),
            _ => optimizer::Gradient::Numbers(self.value().data()),
        }
    }
}

/// Where a rule leaves a product that need not be computed now, and of which input it is the cotangent.
pub(super) struct Later<T: Real>(RefCell<Option<(usize, Outer<T>)>>);

impl<T: Real> Later<T> {
    pub(super) fn empty() -> Later<T> {
        Later(RefCell::new(None))
    }

    pub(super) fn is_free(&self) -> bool {
        self.0.borrow().is_none()
    }

    pub(super) fn put(&self, input: usize, product: Outer<T>) {
        self.0.replace(Some((input, product)));
    }

    pub(super) fn take(&self) -> Option<(usize, Outer<T>)> {
        self.0.take()
    }
}

/// xᵀ ȳ, where x is [batch, in] and ȳ is [batch, out].
#[derive(Clone)]
pub(super) struct Outer<T: Real> {
    x: Tensor<T>,
    gy: Tensor<T>,
}

/// The bytes of a product from which on it may wait: what leaves the second-level caches of two threads. On two threads of Zen 4, a
/// step of a VAE takes 0.97 to 0.98 of the time with 800 to 3,200 hidden units and a batch of 128, and as long with 400.
const LARGE: usize = 2 << 20;

impl<T: Real> Outer<T> {
    /// The product of two matrices, if it may as well be computed later: it is large, and larger than both factors, which wait
    /// with it.
    pub(super) fn later(x: &Tensor<T>, gy: &Tensor<T>) -> Option<Outer<T>> {
        let count = x.shape[1] * gy.shape[1];
        let is_large = count * size_of::<T>() >= LARGE;
        let pays = is_large && x.count() + gy.count() <= count;
        // Which products are rounded depends on their size, and whoever looks for a NaN wants to see the operation.
        let is_plain = mode::is_plain() && mode::precision() == Precision::Full;
        (pays && is_plain).then(|| Outer { x: x.clone(), gy: gy.clone() })
    }

    pub(super) fn shape(&self) -> Shape {
        Shape::new(&[self.x.shape[1], self.gy.shape[1]])
    }

    fn product(&self) -> Product<'_, T> {
        let [x, gy] = [&self.x, &self.gy].map(|x| Matrix::new(x.data(), x.shape[0], x.shape[1]));
        Product::new(x.transpose(), gy)
    }

    fn value(&self) -> Tensor<T> {
        Tensor::write(self.shape(), |g| self.product().write(g))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchReduce, Op, Stream, Values};
    use crate::{apply, find_nan, grad, hessian_vector_product, with_precision};

    /// Two batches of 16, and 600,000 weights.
    fn numbers() -> (Tensor<f32>, Tensor<f32>, Tensor<f32>) {
        let mut noise = Stream::new(1);
        let w = noise.normal::<f32>([1000, 600]).requires_grad();
        (noise.normal([16, 1000]), noise.normal([16, 1000]), w)
    }

    fn waits(gradients: &Gradients<f32>, w: &Tensor<f32>) -> bool {
        matches!(gradients.source(w), Some(optimizer::Gradient::Product(_)))
    }

    #[test]
    fn a_gradient_waits_until_it_is_asked_for() {
        let (x, _, w) = numbers();
        let bias = Tensor::zeros([600]).requires_grad();
        for y in [x.matmul(&w), x.linear(&w, &bias)] {
            let gradients = y.square().sum().backward();
            assert!(waits(&gradients, &w));
            let expected = x.matmul_tn(&(&y.detach() * 2.0));
            assert_eq!(gradients[&w].to_vec(), expected.to_vec());
            assert!(!waits(&gradients, &w));
            assert_eq!(gradients.iter().map(Tensor::count).max(), Some(600_000));
        }
    }

    #[test]
    fn a_leaf_that_is_used_twice_has_the_sum() {
        let (x, z, w) = numbers();
        let gradients = (x.matmul(&w) + z.matmul(&w)).sum().backward();
        let ones = Tensor::ones([16, 600]);
        // The newest use comes first.
        let expected = z.matmul_tn(&ones) + x.matmul_tn(&ones);
        assert_eq!(gradients[&w].to_vec(), expected.to_vec());
        let gradients = (x.matmul(&w).sum() + &w.square().sum()).backward();
        let expected = x.matmul_tn(&ones) + w.detach() * 2.0;
        let off = (&gradients[&w] - expected).abs().max().item();
        assert!(off < 1e-4, "{off}");
    }

    /// y = x V + x W
    struct Twice;

    impl Op<f32> for Twice {
        fn name(&self) -> &'static str {
            "twice"
        }
        fn rule(&self) -> &'static str {
            "V̄ = W̄ = xᵀ ȳ"
        }
        fn forward(&self, inputs: &mut [Tensor<f32>]) -> Tensor<f32> {
            inputs[0].matmul(&inputs[1]) + inputs[0].matmul(&inputs[2])
        }
        fn vjp(&self, values: &Values<'_, f32>, gy: Tensor<f32>) -> Vec<Option<Tensor<f32>>> {
            let product = |input| values.wanted_product(input, || values.input(0), &gy);
            vec![None, product(1), product(2)]
        }
    }

    #[test]
    fn of_two_products_of_one_operation_none_is_lost() {
        let (x, _, v) = numbers();
        let w = v.detach().requires_grad();
        let gradients = apply(Twice, [x.clone(), v.clone(), w.clone()]).sum().backward();
        let expected = x.matmul_tn(&Tensor::ones([16, 600])).to_vec();
        assert_eq!([gradients[&v].to_vec(), gradients[&w].to_vec()], [expected.clone(), expected]);
    }

    #[test]
    fn what_is_small_or_smaller_than_its_factors_does_not_wait() {
        let (x, _, w) = numbers();
        let small = Tensor::zeros([1000, 20]).requires_grad();
        assert!(!waits(&x.matmul(&small).sum().backward(), &small));
        let many = Tensor::zeros([400, 1000]);
        assert!(!waits(&many.matmul(&w).sum().backward(), &w));
    }

    #[test]
    fn who_looks_for_nan_and_rounded_factors_get_numbers() {
        let (x, _, w) = numbers();
        let (gradients, _) = find_nan(|| x.matmul(&w).sum().backward());
        assert!(!waits(&gradients, &w));
        // Its cotangent is infinite, and meets a 0 in this product alone.
        let zeros = Tensor::zeros([16, 1000]);
        let infinite = || (zeros.matmul(&w) * 1e30 * 1e30).sum().backward();
        let (_, origin) = find_nan(infinite);
        assert_eq!(origin.map(|origin| origin.op), Some("matmul"));
        let rounded = with_precision(Precision::Bf16, || x.matmul(&w).sum().backward());
        assert!(!waits(&rounded, &w));
    }

    #[test]
    fn derivatives_of_derivatives_and_gradients_of_samples_are_numbers() {
        let (x, _, w) = numbers();
        let loss = || x.matmul(&w).square().sum();
        let [first] = grad(&loss(), [&w]);
        assert!(first.is_tracked());
        assert_eq!(first.to_vec(), loss().backward()[&w].to_vec());
        // The Hessian of Σ (x w)² is 2 xᵀ x in each column.
        let v = Tensor::ones([1000, 600]);
        let product = hessian_vector_product(&loss(), &w, &v);
        let expected = x.matmul_tn(&(x.matmul(&v) * 2.0));
        let off = (product - expected).abs().max().item();
        assert!(off < 1e-2, "{off}");
        let squares = loss().backward_with(BatchReduce::SumOfSquares);
        assert_eq!(squares[&w].shape(), w.shape());
        assert!(!waits(&squares, &w));
    }
}
