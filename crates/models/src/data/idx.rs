//! IDX files: an array of numbers behind a header of a few bytes, the format of MNIST.
//!
//! ```text
//! offset  bytes  what
//! 0       2      zero
//! 2       1      dtype: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64
//! 3       1      number of dimensions, d
//! 4       4 d    the dimensions, u32 big endian, slowest first
//! 4+4d    ...    the numbers, row-major, big endian
//! ```
//!
//! A file may be packed with gzip; that is seen from its first bytes, not from its name.

use std::path::Path;

use crate::{Error, Result};

mod number;
mod read;
mod write;

pub use read::{MAX_UNMEASURED, read, read_bytes, read_from};
pub use write::{write, write_to};

pub(crate) use read::{open_unpacked, trouble};

/// An array of numbers as an IDX file holds it: row-major, the last dimension fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct IdxArray {
    /// The dimensions, slowest first; none is zero.
    pub shape: Vec<usize>,
    /// The numbers, as many as the product of the dimensions.
    pub data: IdxData,
}

/// The numbers of an IDX file, one case per dtype of the format.
#[derive(Clone, Debug, PartialEq)]
pub enum IdxData {
    /// Dtype 08.
    U8(Vec<u8>),
    /// Dtype 09.
    I8(Vec<i8>),
    /// Dtype 0B.
    I16(Vec<i16>),
    /// Dtype 0C.
    I32(Vec<i32>),
    /// Dtype 0D.
    F32(Vec<f32>),
    /// Dtype 0E.
    F64(Vec<f64>),
}

impl IdxData {
    /// The count of numbers.
    pub fn len(&self) -> usize {
        match self {
            IdxData::U8(v) => v.len(),
            IdxData::I8(v) => v.len(),
            IdxData::I16(v) => v.len(),
            IdxData::I32(v) => v.len(),
            IdxData::F32(v) => v.len(),
            IdxData::F64(v) => v.len(),
        }
    }

    /// Whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The dtype as Rust spells it: `u8`, `i8`, `i16`, `i32`, `f32` or `f64`.
    pub fn dtype(&self) -> &'static str {
        match self {
            IdxData::U8(_) => "u8",
            IdxData::I8(_) => "i8",
            IdxData::I16(_) => "i16",
            IdxData::I32(_) => "i32",
            IdxData::F32(_) => "f32",
            IdxData::F64(_) => "f64",
        }
    }
}

/// The error of a file that holds something else than an IDX array.
fn damaged(path: &Path, what: impl Into<String>, help: impl Into<String>) -> Error {
    Error::Data { path: path.to_owned(), what: what.into(), help: help.into() }
}

/// The product of `shape` in bytes, if the shape is one that the format can hold.
fn body_bytes(path: &Path, shape: &[u64], width: u64) -> Result<u64> {
    const HELP: &str = "the header is damaged, or this is no IDX file";
    if shape.is_empty() {
        return Err(damaged(path, "the header declares no dimensions", HELP));
    }
    if let Some(axis) = shape.iter().position(|&d| d == 0) {
        let what = format!("dimension {} of {} is zero", axis + 1, shape.len());
        return Err(damaged(path, what, "an array without numbers is of no use here"));
    }
    shape.iter().try_fold(width, |bytes, &d| bytes.checked_mul(d)).ok_or_else(|| {
        let what = format!("the declared shape {shape:?} overflows 64 bits");
        damaged(path, what, HELP)
    })
}

#[cfg(test)]
mod tests;
