//! [`Parameter`]: numbers that are trained.

use elbo_tensor::{Real, Shape, Tensor};

/// A leaf of the graph that an optimizer changes in place.
///
/// In memory a weight lies as its layer multiplies with it; to the outside, in checkpoints, it has
/// PyTorch's layout. [`stored`](Parameter::stored) and [`load`](Parameter::load) go between the two.
#[derive(Debug)]
pub struct Parameter<T: Real = f32> {
    tensor: Tensor<T>,
    /// Whether the stored form is the transpose of the one in memory.
    transposed: bool,
}

impl<T: Real> Parameter<T> {
    /// A parameter that is stored as it lies in memory.
    pub fn new(tensor: &Tensor<T>) -> Parameter<T> {
        Parameter { tensor: tensor.requires_grad(), transposed: false }
    }

    /// A matrix that is stored transposed: [in, out] in memory, [out, in] in checkpoints.
    ///
    /// # Panics
    /// If the tensor is not a matrix.
    pub fn transposed(tensor: &Tensor<T>) -> Parameter<T> {
        assert_eq!(tensor.rank(), 2, "Parameter: {} is not a matrix", tensor.shape());
        Parameter { tensor: tensor.requires_grad(), transposed: true }
    }

    /// The leaf.
    pub fn tensor(&self) -> &Tensor<T> {
        &self.tensor
    }

    /// The numbers, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [T] {
        self.tensor.data_mut()
    }

    /// The shape in checkpoints.
    pub fn stored_shape(&self) -> Shape {
        let shape = self.tensor.shape();
        if self.transposed { Shape::new(&[shape[1], shape[0]]) } else { *shape }
    }

    /// The numbers as checkpoints hold them.
    pub fn stored(&self) -> Tensor<T> {
        self.to_stored(&self.tensor)
    }

    /// Numbers that belong to this parameter, one to one, as checkpoints hold them.
    pub fn to_stored(&self, values: &Tensor<T>) -> Tensor<T> {
        let values = values.detach();
        if self.transposed { values.transpose(0, 1) } else { values }
    }

    /// Numbers as checkpoints hold them, as they lie in memory.
    pub fn from_stored(&self, values: &Tensor<T>) -> Tensor<T> {
        self.to_stored(values)
    }

    /// Takes over numbers as checkpoints hold them.
    ///
    /// # Panics
    /// If the shape is not [`stored_shape`](Parameter::stored_shape).
    pub fn load(&mut self, values: &Tensor<T>) {
        assert_eq!(*values.shape(), self.stored_shape(), "Parameter::load: shapes");
        let values = self.from_stored(values);
        self.data_mut().copy_from_slice(values.data());
    }
}
