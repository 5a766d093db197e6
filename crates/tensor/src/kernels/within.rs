//! Whether numbers lie in a range.

use super::GRAIN;
use super::isa::{Kernel, dispatch};
use super::threads::{chunks, for_each_chunk};
use crate::Real;
use std::sync::atomic::{AtomicBool, Ordering};

struct Within<'a, T> {
    x: &'a [T],
    range: [T; 2],
}

impl<T: Real> Kernel for Within<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn run(self) -> bool {
        let [low, high] = self.range;
        // Without a short cut, so that it compiles to vector code.
        let mut ok = true;
        for &x in self.x {
            ok &= (x >= low) & (x <= high);
        }
        ok
    }
}

/// Whether all numbers are in [low, high]; NaN is not.
pub(crate) fn within<T: Real>(x: &[T], range: [T; 2]) -> bool {
    let ok = AtomicBool::new(true);
    for_each_chunk(chunks(x, GRAIN), |_, x| {
        if !dispatch(Within { x, range }) {
            ok.store(false, Ordering::Relaxed);
        }
    });
    ok.into_inner()
}

#[cfg(test)]
mod tests {
    use super::super::isa::{MOST_AGREED, agree, dispatch_to};
    use super::*;

    #[test]
    fn one_number_outside_is_seen_wherever_it_is() {
        for count in [0, 1, 15, 16, 17, GRAIN, 3 * GRAIN + 5] {
            let mut x: Vec<f32> = (0..count).map(|i| (i % 11) as f32 / 10.0).collect();
            assert!(within(&x, [0.0, 1.0]));
            for at in (0..count).step_by(count / 7 + 1) {
                for outside in [-1e-9, 1.000_000_1, f32::NAN, f32::INFINITY] {
                    let inside = std::mem::replace(&mut x[at], outside);
                    assert!(!within(&x, [0.0, 1.0]), "{outside} at {at} of {count}");
                    x[at] = inside;
                }
            }
        }
    }

    #[test]
    fn all_instruction_sets_see_it() {
        let mut x = vec![0.5f64; MOST_AGREED + 4];
        for at in [usize::MAX, 0, 1, 3, 4, 16, 64, MOST_AGREED] {
            if let Some(x) = x.get_mut(at) {
                *x = 1.5;
            }
            agree(|set, length, start| {
                let inside =
                    dispatch_to(set, Within { x: &x[start..][..length], range: [0.0, 1.0] });
                assert_eq!(
                    inside,
                    !(start..start + length).contains(&at),
                    "{at}: {length} {start}"
                );
                inside
            });
            x.fill(0.5);
        }
    }
}
