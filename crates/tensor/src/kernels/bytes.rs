//! Bytes to numbers.

use super::isa::{Kernel, dispatch};

struct OverMost<'a>(&'a [u8], &'a mut [f32]);

impl Kernel for OverMost<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.1.iter_mut().zip(self.0) {
            // Divided, not multiplied by 1/255, which is off by one bit for many bytes.
            *y = f32::from(x) / 255.0;
        }
    }
}

/// y = x / 255, rounded once: bytes become numbers in [0, 1].
///
/// # Panics
/// If the lengths differ.
pub fn over_255(x: &[u8], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "over_255: lengths");
    dispatch(OverMost(x, y));
}
