//! One axis of a convolution or of pooling: which inputs an output meets.

/// Output i meets input i · stride + k · dilation - padding with entry k of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

impl Axis {
    /// The input that an output meets with an entry of the kernel, unless it is padding.
    #[inline(always)]
    pub(super) fn meets(&self, output: usize, kernel: usize) -> Option<usize> {
        let at = (output * self.stride + kernel * self.dilation).checked_sub(self.padding)?;
        (at < self.input).then_some(at)
    }
}
