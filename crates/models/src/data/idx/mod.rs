//! IDX: the format in which MNIST and its relatives are published.
//!
//! A file is a magic number (two zero bytes, a code for the element type, the number of
//! dimensions), one big-endian `u32` per dimension, and then the elements, row-major and
//! big-endian. Published files are gzipped more often than not; [`read`] recognises gzip by its
//! content, so the name does not matter.
//!
//! A header is a claim, not a fact: nothing is allocated on its word alone. What a file claims is
//! checked against its length where it has one, and memory grows only as bytes really arrive.

mod read;
mod write;

pub(crate) use read::{GZIP_MAGIC, broken};
pub use read::{read, read_from};
pub use write::{write, write_to};

use byteorder::{BigEndian, ByteOrder};

/// The largest array that a file may declare, in bytes.
///
/// The largest IDX file in common use (EMNIST, 814,255 images) has 0.64 GB.
pub const MAX_BYTES: u64 = 4 << 30;

/// An array of any element type and any number of dimensions, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct IdxArray {
    /// The length of each dimension; `[count, rows, cols]` for images.
    pub shape: Vec<usize>,
    /// The elements, the last dimension fastest.
    pub data: IdxData,
}

/// The elements of an [`IdxArray`], in the type that the file declares.
#[derive(Debug, Clone, PartialEq)]
pub enum IdxData {
    /// Unsigned bytes, code `0x08`.
    U8(Vec<u8>),
    /// Signed bytes, code `0x09`.
    I8(Vec<i8>),
    /// 16-bit integers, code `0x0B`.
    I16(Vec<i16>),
    /// 32-bit integers, code `0x0C`.
    I32(Vec<i32>),
    /// Single precision, code `0x0D`.
    F32(Vec<f32>),
    /// Double precision, code `0x0E`.
    F64(Vec<f64>),
}

impl IdxData {
    /// The number of elements.
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

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        match self {
            IdxData::U8(_) => Dtype::U8,
            IdxData::I8(_) => Dtype::I8,
            IdxData::I16(_) => Dtype::I16,
            IdxData::I32(_) => Dtype::I32,
            IdxData::F32(_) => Dtype::F32,
            IdxData::F64(_) => Dtype::F64,
        }
    }
}

/// The six element types of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Dtype {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Dtype {
    /// Every type, in the order of the codes.
    pub const ALL: [Dtype; 6] =
        [Dtype::U8, Dtype::I8, Dtype::I16, Dtype::I32, Dtype::F32, Dtype::F64];

    /// The third byte of the magic number.
    pub fn code(self) -> u8 {
        match self {
            Dtype::U8 => 0x08,
            Dtype::I8 => 0x09,
            Dtype::I16 => 0x0B,
            Dtype::I32 => 0x0C,
            Dtype::F32 => 0x0D,
            Dtype::F64 => 0x0E,
        }
    }

    /// The type with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|dtype| dtype.code() == code)
    }

    /// The size of one element in bytes.
    pub fn size(self) -> usize {
        match self {
            Dtype::U8 | Dtype::I8 => 1,
            Dtype::I16 => 2,
            Dtype::I32 | Dtype::F32 => 4,
            Dtype::F64 => 8,
        }
    }

    /// The name of the type in Rust.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::U8 => "u8",
            Dtype::I8 => "i8",
            Dtype::I16 => "i16",
            Dtype::I32 => "i32",
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
        }
    }
}

/// An element type that is more than a byte to the reader: how to turn it from and to big-endian.
trait Element: Copy + Default {
    const SIZE: usize = size_of::<Self>();
    fn from_be(bytes: &[u8], out: &mut [Self]);
    fn to_be(values: &[Self], out: &mut [u8]);
}

impl Element for i8 {
    fn from_be(bytes: &[u8], out: &mut [Self]) {
        out.iter_mut().zip(bytes).for_each(|(value, &byte)| *value = byte as i8);
    }
    fn to_be(values: &[Self], out: &mut [u8]) {
        out.iter_mut().zip(values).for_each(|(byte, &value)| *byte = value as u8);
    }
}

macro_rules! element {
    ($($type:ty: $read:ident, $write:ident;)*) => {$(
        impl Element for $type {
            fn from_be(bytes: &[u8], out: &mut [Self]) {
                BigEndian::$read(bytes, out);
            }
            fn to_be(values: &[Self], out: &mut [u8]) {
                BigEndian::$write(values, out);
            }
        }
    )*};
}

element! {
    i16: read_i16_into, write_i16_into;
    i32: read_i32_into, write_i32_into;
    f32: read_f32_into, write_f32_into;
    f64: read_f64_into, write_f64_into;
}

#[cfg(test)]
mod tests;
