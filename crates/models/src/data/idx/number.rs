//! The six kinds of number that the format knows: their code, their width, their bytes.

use byteorder::{BigEndian, ByteOrder};

use super::IdxData;

/// A number that an IDX file can hold.
pub(super) trait Number: Copy + Default {
    /// The third byte of the file.
    const CODE: u8;
    /// Bytes per number.
    const WIDTH: usize = size_of::<Self>();

    /// Reads `source`, big endian, into `target`.
    fn decode(source: &[u8], target: &mut [Self]);
    /// Writes `source`, big endian, into `target`.
    fn encode(source: &[Self], target: &mut [u8]);
    /// Names the dtype of the numbers.
    fn wrap(numbers: Vec<Self>) -> IdxData;
}

impl Number for u8 {
    const CODE: u8 = 0x08;
    fn decode(source: &[u8], target: &mut [u8]) {
        target.copy_from_slice(source);
    }
    fn encode(source: &[u8], target: &mut [u8]) {
        target.copy_from_slice(source);
    }
    fn wrap(numbers: Vec<u8>) -> IdxData {
        IdxData::U8(numbers)
    }
}

impl Number for i8 {
    const CODE: u8 = 0x09;
    fn decode(source: &[u8], target: &mut [i8]) {
        target.iter_mut().zip(source).for_each(|(t, s)| *t = s.cast_signed());
    }
    fn encode(source: &[i8], target: &mut [u8]) {
        target.iter_mut().zip(source).for_each(|(t, s)| *t = s.cast_unsigned());
    }
    fn wrap(numbers: Vec<i8>) -> IdxData {
        IdxData::I8(numbers)
    }
}

macro_rules! wide {
    ($type:ty, $code:literal, $case:ident, $read:ident, $write:ident) => {
        impl Number for $type {
            const CODE: u8 = $code;
            fn decode(source: &[u8], target: &mut [$type]) {
                BigEndian::$read(source, target);
            }
            fn encode(source: &[$type], target: &mut [u8]) {
                BigEndian::$write(source, target);
            }
            fn wrap(numbers: Vec<$type>) -> IdxData {
                IdxData::$case(numbers)
            }
        }
    };
}

wide!(i16, 0x0B, I16, read_i16_into, write_i16_into);
wide!(i32, 0x0C, I32, read_i32_into, write_i32_into);
wide!(f32, 0x0D, F32, read_f32_into, write_f32_into);
wide!(f64, 0x0E, F64, read_f64_into, write_f64_into);
