//! Shapes, axes and broadcasting.

use std::fmt;
use std::ops::Deref;

/// The largest number of axes.
pub const MAX_RANK: usize = 8;

/// The size of a tensor along each axis, outermost first; a number alone has no axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    sizes: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// # Panics
    /// If there are more than [`MAX_RANK`] axes.
    pub fn new(sizes: &[usize]) -> Shape {
        assert!(sizes.len() <= MAX_RANK, "shape {sizes:?}: at most {MAX_RANK} axes are supported");
        let mut shape = Shape { sizes: [0; MAX_RANK], rank: sizes.len() as u8 };
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        shape
    }

    /// The number of elements: the product of the sizes, 1 without axes.
    ///
    /// # Panics
    /// If it is no `usize`. Kernels that write through pointers rely on it.
    pub fn count(&self) -> usize {
        if self.contains(&0) {
            return 0;
        }
        let count = self.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        count.unwrap_or_else(|| panic!("shape {self}: more elements than can be counted"))
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// Steps between neighbours along each axis, in elements, for row-major storage.
    pub(crate) fn strides(&self) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1;
        for axis in (0..self.rank()).rev() {
            strides[axis] = step;
            step *= self[axis];
        }
        strides
    }

    /// Steps through this shape while a larger one is walked: 0 where it is stretched.
    pub(crate) fn strides_within(&self, larger: &Shape) -> [usize; MAX_RANK] {
        let own = self.strides();
        let mut strides = [0; MAX_RANK];
        let extra = larger.rank() - self.rank();
        for axis in 0..self.rank() {
            strides[extra + axis] = if self[axis] == 1 { 0 } else { own[axis] };
        }
        strides
    }

    /// The common shape of two operands: axes are matched from the last, and a size of 1 stretches.
    ///
    /// `None` if two sizes differ and neither is 1.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let (long, short) = if self.rank >= other.rank { (self, other) } else { (other, self) };
        let mut common = *long;
        let extra = long.rank() - short.rank();
        for axis in 0..short.rank() {
            common.sizes[extra + axis] = match (long[extra + axis], short[axis]) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(common)
    }

    /// This shape with one axis of another size.
    pub(crate) fn with(mut self, axis: usize, size: usize) -> Shape {
        assert!(axis < self.rank(), "axis {axis} of {self}");
        self.sizes[axis] = size;
        self
    }

    /// This shape without the axes in `axes`, or with size 1 there.
    pub(crate) fn reduced(&self, axes: Axes, keepdim: bool) -> Shape {
        let mut sizes = Vec::with_capacity(self.rank());
        for (axis, &size) in self.iter().enumerate() {
            match (axes.contains(axis), keepdim) {
                (false, _) => sizes.push(size),
                (true, true) => sizes.push(1),
                (true, false) => {}
            }
        }
        Shape::new(&sizes)
    }

    /// The axis that `axis` names; -1 is the last.
    #[track_caller]
    pub(crate) fn axis(&self, axis: isize, what: &str) -> usize {
        let rank = self.rank() as isize;
        let index = if axis < 0 { axis + rank } else { axis };
        assert!((0..rank).contains(&index), "{what}: axis {axis} of {self}, which has {rank} axes");
        index as usize
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank as usize]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Shape {
        Shape::new(&sizes)
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Shape {
        Shape::new(sizes)
    }
}

impl From<usize> for Shape {
    fn from(size: usize) -> Shape {
        Shape::new(&[size])
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        *shape
    }
}

/// A set of axes of one tensor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Axes(u8);

impl Axes {
    pub(crate) fn contains(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }

    pub(crate) fn all(shape: &Shape) -> Axes {
        Axes(((1u16 << shape.rank()) - 1) as u8)
    }

    pub(crate) fn insert(&mut self, axis: usize) {
        self.0 |= 1 << axis;
    }

    pub(crate) fn none() -> Axes {
        Axes(0)
    }
}

/// What names axes: one number or several, -1 for the last.
pub trait IntoAxes {
    /// The axes of `shape` that are named.
    ///
    /// # Panics
    /// If an axis is out of range or named twice; the message begins with `what`.
    fn into_axes(self, shape: &Shape, what: &str) -> Axes;
}

impl IntoAxes for isize {
    #[track_caller]
    fn into_axes(self, shape: &Shape, what: &str) -> Axes {
        [self].into_axes(shape, what)
    }
}

impl<const N: usize> IntoAxes for [isize; N] {
    #[track_caller]
    fn into_axes(self, shape: &Shape, what: &str) -> Axes {
        self.as_slice().into_axes(shape, what)
    }
}

impl IntoAxes for &[isize] {
    #[track_caller]
    fn into_axes(self, shape: &Shape, what: &str) -> Axes {
        let mut axes = Axes::none();
        for &named in self {
            let axis = shape.axis(named, what);
            assert!(!axes.contains(axis), "{what}: axis {named} of {shape} is named twice");
            axes.insert(axis);
        }
        axes
    }
}

impl IntoAxes for Axes {
    fn into_axes(self, _: &Shape, _: &str) -> Axes {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_matches_axes_from_the_last() {
        let shape = |sizes: &[usize]| Shape::new(sizes);
        assert_eq!(shape(&[4, 1, 3]).broadcast(&shape(&[2, 1])), Some(shape(&[4, 2, 3])));
        assert_eq!(shape(&[]).broadcast(&shape(&[5])), Some(shape(&[5])));
        assert_eq!(shape(&[0]).broadcast(&shape(&[1])), Some(shape(&[0])));
        assert_eq!(shape(&[2]).broadcast(&shape(&[3])), None);
        assert_eq!(shape(&[2, 1]).strides_within(&shape(&[4, 2, 3]))[..3], [0, 1, 0]);
    }

    #[test]
    fn a_shape_with_an_axis_of_nothing_has_no_elements() {
        assert_eq!(Shape::new(&[usize::MAX, 0, usize::MAX]).count(), 0);
        assert_eq!(Shape::new(&[1 << 32, (1 << 31) - 1]).count(), (1 << 63) - (1 << 32));
    }

    /// 2³² (2³² + 1) would wrap to 2³² where overflow is not looked for.
    #[test]
    #[should_panic(expected = "shape [4294967296, 4294967297]: more elements than can be counted")]
    fn a_shape_of_more_elements_than_can_be_counted_has_no_count() {
        Shape::new(&[1 << 32, (1 << 32) + 1]).count();
    }

    #[test]
    #[should_panic(expected = "sum: axis 2 of [4, 5], which has 2 axes")]
    fn an_axis_out_of_range_names_the_operation_and_the_shape() {
        2.into_axes(&Shape::new(&[4, 5]), "sum");
    }
}
