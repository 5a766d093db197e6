//! Writing: a file appears whole or not at all, and the same array gives the same bytes.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use byteorder::{BigEndian, WriteBytesExt};
use flate2::{Compression, GzBuilder};

use super::number::Number;
use super::{IdxArray, IdxData, body_bytes, damaged};
use crate::data::whole;
use crate::{Error, Result};

/// Writes `array` to the IDX file at `path`, packed with gzip when the name ends in `.gz`.
///
/// A file that was there is replaced in one step; the packed bytes carry no time and no name.
///
/// # Errors
/// If the array breaks the rules of [`IdxArray`], or the file cannot be written.
pub fn write(path: impl AsRef<Path>, array: &IdxArray) -> Result<()> {
    let path = path.as_ref();
    check(path, array)?;
    let packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    whole::write(path, |file| {
        let mut file = BufWriter::new(file);
        if packed {
            let mut packer = GzBuilder::new().mtime(0).write(&mut file, Compression::best());
            encode(&mut packer, array)?;
            packer.finish()?;
        } else {
            encode(&mut file, array)?;
        }
        file.flush()
    })
}

/// Writes `array` as an unpacked IDX file to `writer`; `name` stands in error messages.
///
/// # Errors
/// If the array breaks the rules of [`IdxArray`], or the writer fails.
pub fn write_to(mut writer: impl Write, name: impl AsRef<Path>, array: &IdxArray) -> Result<()> {
    let path = name.as_ref();
    check(path, array)?;
    encode(&mut writer, array).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
        help: "check the free space".into(),
    })
}

/// Refuses a shape that the format cannot hold, or that is not the shape of the numbers.
fn check(path: &Path, array: &IdxArray) -> Result<()> {
    let help = "an IDX array has 1 to 255 dimensions of 1 to 4294967295, and a number for each";
    let fits = |d: &usize| u32::try_from(*d).is_ok();
    if array.shape.len() > 255 || !array.shape.iter().all(fits) {
        return Err(damaged(path, format!("no room for the shape {:?}", array.shape), help));
    }
    let shape: Vec<u64> = array.shape.iter().map(|&d| d as u64).collect();
    let count = body_bytes(path, &shape, 1)?;
    if count != array.data.len() as u64 {
        let what = format!("the shape {:?} wants {count} numbers, not {}", shape, array.data.len());
        return Err(damaged(path, what, help));
    }
    Ok(())
}

fn encode(writer: &mut dyn Write, array: &IdxArray) -> io::Result<()> {
    match &array.data {
        IdxData::U8(v) => encode_all(writer, &array.shape, v),
        IdxData::I8(v) => encode_all(writer, &array.shape, v),
        IdxData::I16(v) => encode_all(writer, &array.shape, v),
        IdxData::I32(v) => encode_all(writer, &array.shape, v),
        IdxData::F32(v) => encode_all(writer, &array.shape, v),
        IdxData::F64(v) => encode_all(writer, &array.shape, v),
    }
}

fn encode_all<T: Number>(writer: &mut dyn Write, shape: &[usize], data: &[T]) -> io::Result<()> {
    writer.write_all(&[0, 0, T::CODE, shape.len() as u8])?;
    for &dim in shape {
        writer.write_u32::<BigEndian>(dim as u32)?;
    }
    let mut bytes = [0; 1 << 13];
    for part in data.chunks(bytes.len() / T::WIDTH) {
        let bytes = &mut bytes[..part.len() * T::WIDTH];
        T::encode(part, bytes);
        writer.write_all(bytes)?;
    }
    Ok(())
}
