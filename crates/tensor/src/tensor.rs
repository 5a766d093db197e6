//! [`Tensor`]: a shape, a shared contiguous buffer, and perhaps the node that made it.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array, ArrayD, ArrayViewD, Dimension};

use crate::buffer::Buffer;
use crate::graph::Node;
use crate::{Real, Shape};

/// An immutable array of numbers, row-major and contiguous, that remembers how it was made.
///
/// Cloning shares the numbers. A tensor that was made from tensors that require gradients holds the
/// node of its operation, and through it the graph; [`detach`](Tensor::detach) lets go of it.
///
/// ```
/// use elbo_tensor::Tensor;
/// let x = Tensor::from([1.0, 2.0, 3.0]).requires_grad();
/// let y = (&x * &x).sum();
/// assert_eq!(y.backward()[&x].to_vec(), [2.0, 4.0, 6.0]);
/// ```
#[derive(Clone)]
pub struct Tensor<T: Real = f32> {
    pub(crate) data: Arc<Buffer<T>>,
    pub(crate) shape: Shape,
    pub(crate) node: Option<Arc<Node<T>>>,
}

impl<T: Real> Tensor<T> {
    /// # Panics
    /// If the number of values is not what the shape holds.
    #[track_caller]
    pub fn new(values: &[T], shape: impl Into<Shape>) -> Tensor<T> {
        let shape = shape.into();
        assert_eq!(
            values.len(),
            shape.count(),
            "Tensor::new: {} values for shape {shape}",
            values.len()
        );
        Tensor::from_buffer(Buffer::copied(values), shape)
    }

    /// One number, without axes.
    pub fn scalar(value: T) -> Tensor<T> {
        Tensor::full([], value)
    }

    /// The same number everywhere.
    pub fn full(shape: impl Into<Shape>, value: T) -> Tensor<T> {
        let shape = shape.into();
        Tensor::from_buffer(Buffer::filled(shape.count(), value), shape)
    }

    /// 0 everywhere.
    pub fn zeros(shape: impl Into<Shape>) -> Tensor<T> {
        Tensor::full(shape, T::ZERO)
    }

    /// 1 everywhere.
    pub fn ones(shape: impl Into<Shape>) -> Tensor<T> {
        Tensor::full(shape, T::ONE)
    }

    /// `values` written by a function that is given all of them, with values from an earlier use.
    ///
    /// This is how data becomes a tensor without another copy.
    pub fn write(shape: impl Into<Shape>, values: impl FnOnce(&mut [T])) -> Tensor<T> {
        let shape = shape.into();
        let mut buffer = Buffer::for_overwrite(shape.count());
        values(&mut buffer);
        Tensor::from_buffer(buffer, shape)
    }

    pub(crate) fn from_buffer(buffer: Buffer<T>, shape: Shape) -> Tensor<T> {
        Tensor { data: Arc::new(buffer), shape, node: None }
    }

    /// The size along each axis.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.data.len()
    }

    /// All elements, row-major.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// A copy of all elements, row-major.
    pub fn to_vec(&self) -> Vec<T> {
        self.data.to_vec()
    }

    /// The only element.
    ///
    /// # Panics
    /// If there are more or none.
    #[track_caller]
    pub fn item(&self) -> T {
        assert_eq!(self.count(), 1, "item: a tensor of shape {} is not one number", self.shape);
        self.data[0]
    }

    /// Whether all elements are in [low, high]. NaN is not.
    pub fn is_within(&self, low: T, high: T) -> bool {
        crate::kernels::within::within(&self.data, [low, high])
    }

    /// The elements as an `ndarray` view, to be sliced and indexed without a copy.
    pub fn view(&self) -> ArrayViewD<'_, T> {
        ArrayViewD::from_shape(&*self.shape, &self.data).expect("a tensor is as long as its shape")
    }

    /// The elements as an `ndarray` of their own.
    pub fn to_ndarray(&self) -> ArrayD<T> {
        self.view().to_owned()
    }

    /// A leaf of the graph with the same numbers: gradients with respect to it can be asked for.
    pub fn requires_grad(&self) -> Tensor<T> {
        Tensor { data: self.data.clone(), shape: self.shape, node: Some(Node::leaf(self.shape)) }
    }

    /// The same numbers as a constant: what is made from them does not reach back.
    pub fn detach(&self) -> Tensor<T> {
        Tensor { data: self.data.clone(), shape: self.shape, node: None }
    }

    /// Whether gradients flow through this tensor.
    pub fn is_tracked(&self) -> bool {
        self.node.is_some()
    }

    /// The elements, to be changed in place; the tensor stays the leaf that it is.
    ///
    /// If the numbers are shared with another tensor or with a graph, they are copied first, so that
    /// nobody else sees the change. This is for optimizers and for reading checkpoints.
    ///
    /// # Panics
    /// If the tensor was made by an operation: its numbers follow from others.
    #[track_caller]
    pub fn data_mut(&mut self) -> &mut [T] {
        let made = self.node.as_ref().and_then(|node| node.op_name());
        assert!(made.is_none(), "data_mut: this tensor was made by `{}`", made.unwrap_or_default());
        if Arc::get_mut(&mut self.data).is_none() {
            self.data = Arc::new(Buffer::copied(&self.data));
        }
        Arc::get_mut(&mut self.data).expect("just made")
    }

    /// The buffer, if nobody else holds it and no graph leads here: then it may be written over.
    pub(crate) fn take_buffer(&mut self) -> Option<Buffer<T>> {
        let buffer = if self.node.is_none() { Arc::get_mut(&mut self.data)? } else { return None };
        Some(std::mem::replace(buffer, Buffer::for_overwrite(0)))
    }

    /// The same elements in double (or single) precision, detached.
    pub fn cast<U: Real>(&self) -> Tensor<U> {
        Tensor::write(self.shape, |out| {
            out.iter_mut().zip(self.data()).for_each(|(out, x)| *out = U::from_f64(x.to_f64()));
        })
    }
}

impl<T: Real, D: Dimension> From<Array<T, D>> for Tensor<T> {
    fn from(array: Array<T, D>) -> Tensor<T> {
        let shape = Shape::new(array.shape());
        match array.as_slice() {
            Some(values) => Tensor::new(values, shape),
            None => Tensor::write(shape, |out| {
                out.iter_mut().zip(array.iter()).for_each(|(out, x)| *out = *x);
            }),
        }
    }
}

impl<T: Real> From<ArrayViewD<'_, T>> for Tensor<T> {
    fn from(array: ArrayViewD<'_, T>) -> Tensor<T> {
        array.to_owned().into()
    }
}

impl<T: Real> From<T> for Tensor<T> {
    fn from(value: T) -> Tensor<T> {
        Tensor::scalar(value)
    }
}

impl<T: Real, const N: usize> From<[T; N]> for Tensor<T> {
    fn from(values: [T; N]) -> Tensor<T> {
        Tensor::new(&values, [N])
    }
}

impl<T: Real, const N: usize, const M: usize> From<[[T; M]; N]> for Tensor<T> {
    fn from(values: [[T; M]; N]) -> Tensor<T> {
        Tensor::new(values.as_flattened(), [N, M])
    }
}

impl<T: Real> From<&[T]> for Tensor<T> {
    fn from(values: &[T]) -> Tensor<T> {
        Tensor::new(values, [values.len()])
    }
}

impl<T: Real> From<Vec<T>> for Tensor<T> {
    fn from(values: Vec<T>) -> Tensor<T> {
        Tensor::new(&values, [values.len()])
    }
}

impl<T: Real> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

impl<T: Real> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} {}", T::NAME, self.shape, self.view())?;
        if let Some(node) = &self.node {
            write!(f, " from {}", node.op_name().unwrap_or("leaf"))?;
        }
        Ok(())
    }
}
