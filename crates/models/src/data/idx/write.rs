//! Writing IDX: whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use byteorder::{BigEndian, WriteBytesExt};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Element, IdxArray, IdxData};
use crate::atomic::Pending;
use crate::{Error, Result};

/// Writes an IDX file, gzipped if the name ends in `.gz`.
///
/// The file appears under its name only once it is complete; an older file of that name stays
/// until then. The same array gives the same bytes: no time is written into the gzip header.
///
/// # Errors
/// [`Error::Data`] if the shape does not fit the data or the format; [`Error::Io`] if the system
/// refuses.
pub fn write(path: &Path, array: &IdxArray) -> Result<()> {
    check(array).map_err(|(what, help)| Error::Data { path: path.into(), what, help })?;
    let mut pending = Pending::beside(path)?;
    let gzip = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let written = if gzip {
        let mut encoder = GzEncoder::new(BufWriter::new(&mut pending), Compression::best());
        write_checked(&mut encoder, array)
            .and_then(|()| encoder.finish())
            .and_then(|mut buffer| buffer.flush())
    } else {
        write_checked(&mut pending, array)
    };
    written.map_err(|source| Error::Io {
        path: path.into(),
        source,
        help: "check that the disk has room".into(),
    })?;
    pending.keep_as(path)
}

/// Writes an array as plain IDX.
///
/// # Errors
/// Those of the writer, and `InvalidInput` if the shape does not fit the data or the format.
pub fn write_to(mut writer: impl Write, array: &IdxArray) -> io::Result<()> {
    check(array).map_err(|(what, help)| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{what}; {help}"))
    })?;
    write_checked(&mut writer, array)
}

/// Refuses what [`read`](super::read) would refuse.
fn check(array: &IdxArray) -> Result<(), (String, String)> {
    let IdxArray { shape, data } = array;
    let elements = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
    let help = if shape.is_empty() || shape.len() > 255 {
        "IDX has 1 to 255 dimensions"
    } else if shape.iter().any(|&length| u32::try_from(length).is_err()) {
        "a dimension of IDX is at most 4294967295"
    } else if data.is_empty() {
        "give an array that holds data"
    } else if elements != Some(data.len()) {
        "the product of the dimensions must be the number of elements"
    } else if (data.len() as u64).saturating_mul(data.dtype().size() as u64) > super::MAX_BYTES {
        "at most 4 GiB can be read again"
    } else {
        return Ok(());
    };
    let what = format!("cannot hold shape {shape:?} with {} elements", data.len());
    Err((what, help.into()))
}

fn write_checked(writer: &mut impl Write, array: &IdxArray) -> io::Result<()> {
    let IdxArray { shape, data } = array;
    writer.write_all(&[0, 0, data.dtype().code(), shape.len() as u8])?;
    for &length in shape {
        writer.write_u32::<BigEndian>(length as u32)?;
    }
    match data {
        IdxData::U8(bytes) => writer.write_all(bytes),
        IdxData::I8(values) => write_numbers(writer, values),
        IdxData::I16(values) => write_numbers(writer, values),
        IdxData::I32(values) => write_numbers(writer, values),
        IdxData::F32(values) => write_numbers(writer, values),
        IdxData::F64(values) => write_numbers(writer, values),
    }
}

fn write_numbers<T: Element>(writer: &mut impl Write, values: &[T]) -> io::Result<()> {
    let mut buffer = [0; 8192];
    for some in values.chunks(buffer.len() / T::SIZE) {
        let packed = &mut buffer[..some.len() * T::SIZE];
        T::to_be(some, packed);
        writer.write_all(packed)?;
    }
    Ok(())
}
