//! Reading: nothing the header says is believed before something else bears it out.
//!
//! A plain file must be as long as its header says, which is known before a byte is allocated. A
//! packed file cannot hold more than deflate can pack into its length, and memory grows only as
//! numbers arrive. What follows the declared numbers is an error and is not read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use byteorder::{BigEndian, ReadBytesExt};
use flate2::bufread::MultiGzDecoder;

use super::number::Number;
use super::{IdxArray, body_bytes, damaged};
use crate::{Error, Result};

/// The largest body, in bytes, that is read where no file length bears the header out: 4 GiB.
pub const MAX_UNMEASURED: u64 = 4 << 30;

/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate's best: 258 bytes out of two bits.
const MOST_PACKED: u64 = 1032;

/// How much is taken at once where nothing better is known.
const CHUNK: usize = 1 << 16;

const REPLACE: &str = "the file is damaged: replace it by a fresh copy";
const NO_IDX: &str = "this is no IDX file: pass one that is, plain or .gz";

/// Reads the array in the IDX file at `path`, plain or packed with gzip.
///
/// # Errors
/// If the file cannot be read, is no IDX file, or holds less or more than its header says.
pub fn read(path: impl AsRef<Path>) -> Result<IdxArray> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_measured(file, length, path)
}

/// Opens the file at `path`, and measures it if it is one that has a length (a pipe has none).
fn open(path: &Path) -> Result<(BufReader<File>, Option<u64>)> {
    let help = "check the path and the permissions";
    let io = |source| Error::Io { path: path.to_owned(), source, help: help.into() };
    let file = File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    if about.is_dir() {
        return Err(damaged(path, "is a folder, not an IDX file", "pass a file inside it"));
    }
    let length = about.is_file().then_some(about.len());
    Ok((BufReader::with_capacity(CHUNK, file), length))
}

/// Reads an array from the bytes of an IDX file; `name` stands in error messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<IdxArray> {
    read_measured(bytes, Some(bytes.len() as u64), name.as_ref())
}

/// Reads an array from any reader to its end; `name` stands in error messages.
///
/// # Errors
/// As [`read`], and if the header declares more than [`MAX_UNMEASURED`] bytes.
pub fn read_from(reader: impl Read, name: impl AsRef<Path>) -> Result<IdxArray> {
    read_measured(BufReader::with_capacity(CHUNK, reader), None, name.as_ref())
}

/// Opens the file at `path` for its unpacked bytes, whatever they are.
pub(crate) fn open_unpacked(path: &Path) -> Result<Box<dyn Read>> {
    let (packed, whole) = peek(open(path)?.0, path)?;
    Ok(if packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// Says whether `reader` is packed with gzip, and hands back all of its bytes.
fn peek<R: BufRead>(mut reader: R, path: &Path) -> Result<(bool, impl BufRead + use<R>)> {
    let mut first = Vec::with_capacity(2);
    reader.by_ref().take(2).read_to_end(&mut first).map_err(|e| trouble(path, e, 0))?;
    Ok((first == GZIP_MAGIC, io::Cursor::new(first).chain(reader)))
}

/// Reads an array from `reader`, which holds `length` bytes where that is known.
fn read_measured(reader: impl BufRead, length: Option<u64>, path: &Path) -> Result<IdxArray> {
    let (packed, whole) = peek(reader, path)?;
    if packed {
        read_array(MultiGzDecoder::new(whole), Length::Packed(length), path)
    } else {
        read_array(whole, length.map_or(Length::Unknown, Length::Plain), path)
    }
}

/// What is known of the size of the input before it is read.
#[derive(Clone, Copy)]
enum Length {
    Plain(u64),
    Packed(Option<u64>),
    Unknown,
}

impl Length {
    /// Refuses a header that declares more, or less, than the input can hold.
    fn check(self, header: u64, body: u64, path: &Path) -> Result<()> {
        let told = header.saturating_add(body);
        let what = match self {
            Length::Plain(length) if length < told => {
                format!("ends after {length} of the {told} bytes that its header declares")
            }
            Length::Plain(length) if length > told => {
                format!("{} bytes follow the {told} bytes that its header declares", length - told)
            }
            Length::Packed(Some(length)) if told > length.saturating_mul(MOST_PACKED) => {
                format!("its header declares {told} bytes, more than gzip can pack into {length}")
            }
            Length::Packed(_) | Length::Unknown if body > MAX_UNMEASURED => format!(
                "its header declares {body} bytes, more than the {MAX_UNMEASURED} that are read \
                 from a packed file or a stream"
            ),
            _ => return Ok(()),
        };
        let help = match self {
            Length::Plain(_) | Length::Packed(Some(_)) if body <= MAX_UNMEASURED => REPLACE,
            _ => "unpack it first if it really is that large",
        };
        Err(damaged(path, what, help))
    }

    /// How many bytes to make room for at once, when `body` bytes are declared.
    ///
    /// Room for a packed file stays within 16 times its length: enough that images (MNIST's ratio
    /// is 5) land in one allocation, without a second one to copy them into.
    fn first_room(self, body: u64) -> u64 {
        match self {
            Length::Plain(_) => body,
            Length::Packed(Some(length)) => body.min(length.saturating_mul(16)),
            Length::Packed(None) | Length::Unknown => body.min(CHUNK as u64),
        }
    }
}

/// Reads header, numbers and the end of the (unpacked) stream.
fn read_array(mut stream: impl Read, length: Length, path: &Path) -> Result<IdxArray> {
    let mut magic = [0; 4];
    stream.read_exact(&mut magic).map_err(|e| trouble(path, e, 0))?;
    if magic[..2] != [0, 0] {
        let [a, b, ..] = magic;
        let what = format!("starts with the bytes {a:02x} {b:02x}, an IDX file with 00 00");
        return Err(damaged(path, what, NO_IDX));
    }
    let [_, _, code, dims] = magic;
    let read_body = match code {
        u8::CODE => body::<u8>,
        i8::CODE => body::<i8>,
        i16::CODE => body::<i16>,
        i32::CODE => body::<i32>,
        f32::CODE => body::<f32>,
        f64::CODE => body::<f64>,
        _ => {
            let what = format!("has the dtype {code:02x}; known are 08, 09, 0B, 0C, 0D and 0E");
            return Err(damaged(path, what, NO_IDX));
        }
    };
    let mut shape = Vec::with_capacity(dims.into());
    for at in (0..u64::from(dims)).map(|i| 4 + 4 * i) {
        let dim = stream.read_u32::<BigEndian>().map_err(|e| trouble(path, e, at))?;
        shape.push(u64::from(dim));
    }
    read_body(&mut stream, &shape, length, path)
}

/// Reads the numbers that `shape` declares, and makes sure that nothing follows.
fn body<T: Number>(
    stream: &mut dyn Read,
    shape: &[u64],
    length: Length,
    path: &Path,
) -> Result<IdxArray> {
    let header = 4 + 4 * shape.len() as u64;
    let bytes = body_bytes(path, shape, T::WIDTH as u64)?;
    length.check(header, bytes, path)?;
    let too_large = || damaged(path, format!("its {bytes} bytes do not fit in memory"), REPLACE);
    let count = usize::try_from(bytes).map_err(|_| too_large())? / T::WIDTH;

    let mut numbers: Vec<T> = Vec::new();
    let mut room = length.first_room(bytes) as usize / T::WIDTH;
    let mut chunk = [0; CHUNK];
    while numbers.len() < count {
        if numbers.len() == numbers.capacity() {
            // By a quarter, not twofold: while a vector moves, the old and the new one both exist.
            let grown = room.max(numbers.len() + numbers.len() / 4).max(CHUNK / T::WIDTH);
            room = 0;
            let more = grown.min(count) - numbers.len();
            numbers.try_reserve_exact(more).map_err(|_| too_large())?;
        }
        let at = numbers.len();
        let take = (CHUNK / T::WIDTH).min(count - at).min(numbers.capacity() - at);
        let part = &mut chunk[..take * T::WIDTH];
        let offset = header + (at * T::WIDTH) as u64;
        read_full(stream, part).map_err(|(error, got)| {
            let got = offset + got as u64;
            short(path, error, got, header + bytes)
        })?;
        numbers.resize(at + take, T::default());
        T::decode(part, &mut numbers[at..]);
    }
    // Reading to the end also makes gzip compare its checksum.
    match read_full(stream, &mut chunk[..1]) {
        Err((error, 0)) if error.kind() == io::ErrorKind::UnexpectedEof && at_end(&error) => {}
        Err((error, _)) => return Err(trouble(path, error, header + bytes)),
        Ok(()) => {
            let what = format!("goes on after the {} bytes its header declares", header + bytes);
            return Err(damaged(path, what, REPLACE));
        }
    }
    let shape = shape.iter().map(|&d| d as usize).collect();
    Ok(IdxArray { shape, data: T::wrap(numbers) })
}

/// Fills `target`, or says what stopped it and after how many bytes.
fn read_full(stream: &mut dyn Read, target: &mut [u8]) -> Result<(), (io::Error, usize)> {
    let mut got = 0;
    while got < target.len() {
        match stream.read(&mut target[got..]) {
            Ok(0) => return Err((io::Error::new(io::ErrorKind::UnexpectedEof, TheEnd), got)),
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((error, got)),
        }
    }
    Ok(())
}

/// Marks an orderly end, which gzip's own `UnexpectedEof` (a member cut short) is not.
#[derive(Debug)]
struct TheEnd;

impl std::fmt::Display for TheEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the end of the stream")
    }
}

impl std::error::Error for TheEnd {}

fn at_end(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TheEnd>())
}

/// The error of a body that stops early.
fn short(path: &Path, error: io::Error, got: u64, told: u64) -> Error {
    if at_end(&error) {
        let what = format!("ends after {got} of the {told} bytes that its header declares");
        return damaged(path, what, REPLACE);
    }
    trouble(path, error, got)
}

/// Tells what the system refused from what the bytes got wrong.
pub(crate) fn trouble(path: &Path, error: io::Error, at: u64) -> Error {
    if error.raw_os_error().is_some() {
        let help = "check the disk and the permissions".into();
        return Error::Io { path: path.to_owned(), source: error, help };
    }
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("is cut short after byte {at}"),
        _ => format!("is not valid gzip after unpacked byte {at} ({error})"),
    };
    damaged(path, what, REPLACE)
}
