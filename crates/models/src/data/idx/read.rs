//! Reading IDX: header first, then exactly as many bytes as it declares, then nothing.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use byteorder::{BigEndian, ByteOrder};
use flate2::read::MultiGzDecoder;

use super::{Dtype, Element, IdxArray, IdxData, MAX_BYTES};
use crate::{Error, Result};

/// How much memory is taken before the first byte arrives.
const FIRST_BYTES: usize = 64 << 10;

/// The most that one byte of deflate can unpack to; a claim beyond it cannot be kept.
const DEFLATE_RATIO: u64 = 1032;

/// The first two bytes of a gzip file.
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads an IDX file, plain or gzipped.
///
/// The elements go straight into the vector that is returned: neither the packed nor the unpacked
/// file is held a second time.
///
/// # Errors
/// [`Error::Io`] if the system refuses; [`Error::Data`] if the file is cut short, too long, no IDX
/// file, declares a shape that is impossible or above [`MAX_BYTES`], or if its gzip is damaged.
pub fn read(path: &Path) -> Result<IdxArray> {
    let refused = |source| Error::Io {
        path: path.into(),
        source,
        help: "check that the file is there and may be read".into(),
    };
    let file = File::open(path).map_err(refused)?;
    let facts = file.metadata().map_err(refused)?;
    if facts.is_dir() {
        return Err(damaged(path, "is a folder, not an IDX file", "name a file in it"));
    }
    // A pipe has no length of its own.
    let length = facts.is_file().then_some(facts.len());
    read_sized(file, length, path)
}

/// Reads IDX, plain or gzipped, from anything that can be read; `place` names it in errors.
///
/// # Errors
/// As [`read`].
pub fn read_from(reader: impl Read, place: &Path) -> Result<IdxArray> {
    read_sized(reader, None, place)
}

/// `length` is the number of bytes that the reader holds, where that is known.
fn read_sized(mut reader: impl Read, length: Option<u64>, place: &Path) -> Result<IdxArray> {
    let mut start = [0; 2];
    let got = read_up_to(&mut reader, &mut start).map_err(|e| broken(place, e))?;
    if got == 0 {
        return Err(damaged(place, "is empty", "copy or download it again"));
    }
    let reader = Cursor::new(start).take(got as u64).chain(reader);
    if start == GZIP_MAGIC {
        let most = length.map(|packed| packed.saturating_mul(DEFLATE_RATIO));
        read_unpacked(MultiGzDecoder::new(reader), most, false, place)
    } else {
        read_unpacked(reader, length, true, place)
    }
}

/// `length` is the exact number of bytes if `exact`, else an upper bound.
fn read_unpacked(
    mut reader: impl Read,
    length: Option<u64>,
    exact: bool,
    place: &Path,
) -> Result<IdxArray> {
    let header = Header::read(&mut reader, place)?;
    let declared = header.bytes() + header.elements_bytes;
    if let Some(length) = length {
        if length < declared {
            let holds = if exact { "holds" } else { "can hold at most" };
            let what = format!("its header declares {declared} bytes, it {holds} {length}");
            return Err(damaged(place, &what, CUT_SHORT));
        }
        if exact && length > declared {
            let what = format!("its header declares {declared} bytes, it holds {length}");
            return Err(damaged(place, &what, TOO_LONG));
        }
    }

    let data = header.elements(&mut reader, place)?;

    // The next read is where gzip compares its checksum, and where a bomb would go on.
    let mut probe = [0; 1];
    if read_up_to(&mut reader, &mut probe).map_err(|e| broken(place, e))? != 0 {
        let what = format!("goes on after the {declared} bytes that its header declares");
        return Err(damaged(place, &what, TOO_LONG));
    }
    Ok(IdxArray { shape: header.shape, data })
}

/// What the first bytes of a file claim.
struct Header {
    dtype: Dtype,
    shape: Vec<usize>,
    /// The size of all elements; at most [`MAX_BYTES`].
    elements_bytes: u64,
}

impl Header {
    fn bytes(&self) -> u64 {
        4 + 4 * self.shape.len() as u64
    }

    fn read(reader: &mut impl Read, place: &Path) -> Result<Header> {
        let mut magic = [0; 4];
        fill(reader, &mut magic, "the magic number", place)?;
        let [zero, also_zero, code, dimensions] = magic;
        if [zero, also_zero] != [0, 0] {
            let what = format!("starts with {magic:02x?}, an IDX file starts with two zero bytes");
            return Err(damaged(place, &what, "give an IDX file, plain or gzipped"));
        }
        let dtype = Dtype::from_code(code).ok_or_else(|| {
            let known = Dtype::ALL.map(|d| format!("{:#04x} {}", d.code(), d.name())).join(", ");
            let what = format!("declares the unknown element type {code:#04x}");
            damaged(place, &what, &format!("IDX knows {known}"))
        })?;
        if dimensions == 0 {
            return Err(damaged(place, "declares no dimensions", "give an array, not a number"));
        }

        let mut lengths = vec![0; 4 * usize::from(dimensions)];
        fill(reader, &mut lengths, "the dimensions", place)?;
        let shape: Vec<u32> = lengths.chunks_exact(4).map(BigEndian::read_u32).collect();
        if let Some(axis) = shape.iter().position(|&length| length == 0) {
            let what = format!("declares {}, whose dimension {axis} is empty", show(&shape));
            return Err(damaged(place, &what, "give a file that holds data"));
        }
        let elements_bytes = shape
            .iter()
            .try_fold(dtype.size() as u64, |bytes, &length| bytes.checked_mul(length.into()))
            .filter(|&bytes| bytes <= MAX_BYTES && usize::try_from(bytes).is_ok())
            .ok_or_else(|| {
                let what = format!("declares {} of {}", show(&shape), dtype.name());
                let limit = MAX_BYTES >> 30;
                damaged(place, &what, &format!("at most {limit} GiB can be read; is it IDX?"))
            })?;
        let shape = shape.into_iter().map(|length| length as usize).collect();
        Ok(Header { dtype, shape, elements_bytes })
    }

    fn elements(&self, reader: &mut impl Read, place: &Path) -> Result<IdxData> {
        let count = (self.elements_bytes / self.dtype.size() as u64) as usize;
        Ok(match self.dtype {
            Dtype::U8 => IdxData::U8(bytes(reader, count, place)?),
            Dtype::I8 => IdxData::I8(numbers(reader, count, place)?),
            Dtype::I16 => IdxData::I16(numbers(reader, count, place)?),
            Dtype::I32 => IdxData::I32(numbers(reader, count, place)?),
            Dtype::F32 => IdxData::F32(numbers(reader, count, place)?),
            Dtype::F64 => IdxData::F64(numbers(reader, count, place)?),
        })
    }
}

/// A shape for an error: a damaged header may declare 255 dimensions, and a line is short.
fn show(shape: &[u32]) -> String {
    match shape {
        [first, second, third, fourth, _, ..] => {
            let more = shape.len() - 4;
            format!("shape [{first}, {second}, {third}, {fourth} and {more} more]")
        }
        _ => format!("shape {shape:?}"),
    }
}

/// Reads `count` bytes. The vector doubles as bytes arrive, so that a lying header costs at most
/// twice what it delivers, and ends with exactly the capacity it needs.
fn bytes(reader: &mut impl Read, count: usize, place: &Path) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    while out.len() < count {
        let step = out.len().max(FIRST_BYTES).min(count - out.len());
        out.reserve_exact(step);
        let got = reader.take(step as u64).read_to_end(&mut out).map_err(|e| broken(place, e))?;
        if got < step {
            return Err(short(place, "the elements", count, out.len()));
        }
    }
    Ok(out)
}

/// Reads `count` big-endian numbers by way of one small buffer; grows as [`bytes`] does.
fn numbers<T: Element>(reader: &mut impl Read, count: usize, place: &Path) -> Result<Vec<T>> {
    let mut out: Vec<T> = Vec::new();
    let mut buffer = vec![0; FIRST_BYTES.min(count * T::SIZE)];
    while out.len() < count {
        let old = out.len();
        let step = (buffer.len() / T::SIZE).min(count - old);
        let packed = &mut buffer[..step * T::SIZE];
        let got = read_up_to(reader, packed).map_err(|e| broken(place, e))?;
        if got < packed.len() {
            return Err(short(place, "the elements", count * T::SIZE, old * T::SIZE + got));
        }
        if out.capacity() < old + step {
            out.reserve_exact(old.max(step).min(count - old));
        }
        out.resize(old + step, T::default());
        T::from_be(packed, &mut out[old..]);
    }
    Ok(out)
}

fn fill(reader: &mut impl Read, out: &mut [u8], part: &str, place: &Path) -> Result<()> {
    match read_up_to(reader, out).map_err(|e| broken(place, e))? {
        got if got < out.len() => Err(short(place, part, out.len(), got)),
        _ => Ok(()),
    }
}

/// Fills `out` as far as the reader goes, and says how far that was.
fn read_up_to(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match reader.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

const CUT_SHORT: &str = "it was cut short; copy or download it again";
const TOO_LONG: &str = "it was padded or joined; copy or download it again";

fn short(place: &Path, part: &str, wanted: usize, got: usize) -> Error {
    damaged(place, &format!("ends inside {part}, after {got} of {wanted} bytes"), CUT_SHORT)
}

/// An error of the reader: damaged gzip is the file's fault, all else is the system's.
pub(crate) fn broken(place: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => damaged(place, "its gzip ends too soon", CUT_SHORT),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let what = format!("its gzip is damaged ({source})");
            damaged(place, &what, "copy or download it again")
        }
        _ => Error::Io {
            path: place.into(),
            source,
            help: "check the disk or the connection, and try again".into(),
        },
    }
}

fn damaged(place: &Path, what: &str, help: &str) -> Error {
    Error::Data { path: place.into(), what: what.into(), help: help.into() }
}
