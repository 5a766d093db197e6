//! Axes in another order.

use crate::Real;
use crate::shape::Shape;

/// y has the axes of x in the order `axes`: y.shape[i] = x.shape[axes[i]].
pub(crate) fn permute<T: Real>(x: &[T], x_shape: &Shape, axes: &[usize], y: &mut [T]) {
    let strides = x_shape.strides();
    let sizes: Vec<usize> = axes.iter().map(|&axis| x_shape[axis]).collect();
    let steps: Vec<usize> = axes.iter().map(|&axis| strides[axis]).collect();
    if y.is_empty() {
        return;
    }
    let Some((&run, outer)) = sizes.split_last() else {
        y[0] = x[0];
        return;
    };
    let step = steps[outer.len()];
    let mut index = vec![0; outer.len()];
    let mut at = 0;
    for y in y.chunks_mut(run) {
        y.iter_mut().zip(x[at..].iter().step_by(step)).for_each(|(y, x)| *y = *x);
        // The next run: count up in the mixed base of the outer sizes.
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < outer[axis] {
                break;
            }
            at -= steps[axis] * outer[axis];
            index[axis] = 0;
        }
    }
}
