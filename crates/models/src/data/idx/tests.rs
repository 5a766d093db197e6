//! What the reader must give back, and what it must refuse.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::{Error, Result};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn plain(array: &IdxArray) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_to(&mut bytes, array).unwrap();
    bytes
}

/// Reads bytes both ways, as a stream and as a file, which must agree.
fn parse(bytes: &[u8]) -> Result<IdxArray> {
    let streamed = read_from(bytes, Path::new("stream"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, bytes).unwrap();
    let filed = read(&path);
    match (&streamed, &filed) {
        (Ok(a), Ok(b)) => assert_eq!(plain(a), plain(b)),
        (Err(_), Err(_)) => {}
        _ => panic!("the stream gives {streamed:?}, the file {filed:?}"),
    }
    filed
}

#[track_caller]
fn refuses(bytes: &[u8], because: &str) {
    for (how, bytes) in [("plain", bytes.to_vec()), ("gzipped", gzip(bytes))] {
        match parse(&bytes) {
            Err(e @ Error::Data { .. }) => {
                let line = e.to_string();
                // Gzip hides the length, so the reason may be found later and differ.
                let fits = how == "gzipped" || line.contains(because);
                assert!(fits, "{how}: expected {because:?} in {line:?}");
                assert!(!line.contains('\n'), "{how}: {line:?} is not one line");
            }
            other => panic!("{how}: expected an error about {because:?}, got {other:?}"),
        }
    }
}

const SMALL: &[u8] = &[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

#[test]
fn the_format_is_what_its_author_says() {
    let small = IdxArray { shape: vec![2, 3], data: IdxData::U8(vec![1, 2, 3, 4, 5, 6]) };
    assert_eq!(parse(SMALL).unwrap(), small);
    assert_eq!(parse(&gzip(SMALL)).unwrap(), small);
    assert_eq!(plain(&small), SMALL);

    // One element of each other type, written out by hand.
    let one = |code: u8, bytes: &[u8]| {
        let mut file = vec![0, 0, code, 1, 0, 0, 0, 1];
        file.extend_from_slice(bytes);
        parse(&file).unwrap().data
    };
    assert_eq!(one(0x09, &[0xfe]), IdxData::I8(vec![-2]));
    assert_eq!(one(0x0B, &[0x01, 0x02]), IdxData::I16(vec![258]));
    assert_eq!(one(0x0C, &[0xff, 0xff, 0xff, 0xfe]), IdxData::I32(vec![-2]));
    assert_eq!(one(0x0D, &[0x3f, 0xc0, 0, 0]), IdxData::F32(vec![1.5]));
    assert_eq!(one(0x0E, &[0xc0, 0x04, 0, 0, 0, 0, 0, 0]), IdxData::F64(vec![-2.5]));
}

#[test]
fn damaged_files_are_refused_with_the_reason() {
    refuses(&[0], "ends inside the magic number");
    refuses(&SMALL[..3], "ends inside the magic number");
    refuses(&SMALL[..9], "ends inside the dimensions");
    refuses(&SMALL[..12], "declares 18 bytes, it holds 12");
    refuses(&SMALL[..17], "declares 18 bytes, it holds 17");
    refuses(&[SMALL, &[7]].concat(), "declares 18 bytes, it holds 19");
    refuses(b"PK\x03\x04 is a zip archive", "two zero bytes");
    refuses(&[0, 0, 7, 1, 0, 0, 0, 1, 1], "unknown element type 0x07");
    refuses(&[0, 0, 8, 0], "no dimensions");
    refuses(&[0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3], "dimension 0 is empty");
    refuses(&[0, 0, 8, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], "dimension 1 is empty");
    let line = parse(&[]).unwrap_err().to_string();
    assert!(line.contains("is empty"), "{line}");
}

#[test]
fn impossible_headers_are_refused_before_memory_is_taken() {
    let huge = [0xff; 4];
    // 2^128 elements; then 2^32 - 1 doubles, which is above the cap.
    let mut overflow = vec![0, 0, 8, 4];
    overflow.extend(huge.repeat(4));
    refuses(&overflow, "declares shape [4294967295, 4294967295");
    refuses(&[&[0, 0, 0x0E, 1][..], &huge].concat(), "at most 4 GiB");
    let mut many = vec![0, 0, 8, 255];
    many.extend(huge.repeat(255));
    refuses(&many, "and 251 more]");
    // Below the cap, but the file is nowhere near.
    for code in [0x08, 0x09] {
        refuses(&[&[0, 0, code, 1][..], &huge, &[1, 2, 3]].concat(), "it holds 11");
    }
    refuses(&[0, 0, 0x0E, 1, 0x1f, 0xff, 0xff, 0xff, 1], "it holds 9");
}

#[test]
fn damaged_gzip_is_refused() {
    let good = gzip(SMALL);
    for length in 2..good.len() {
        assert!(parse(&good[..length]).is_err(), "cut to {length} of {}", good.len());
    }
    let line = parse(&good[..good.len() - 9]).unwrap_err().to_string();
    assert!(line.contains("gzip ends too soon"), "{line}");

    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let line = parse(&wrong_sum).unwrap_err().to_string();
    assert!(line.contains("gzip is damaged"), "{line}");

    assert!(parse(&[&good[..], b"garbage"].concat()).is_err());
    assert!(parse(b"\x1f\x8b is not gzip at all").is_err());
    // Two members are one stream, as `cat a.gz b.gz` makes it.
    let joined = [gzip(&SMALL[..5]), gzip(&SMALL[5..])].concat();
    assert_eq!(plain(&parse(&joined).unwrap()), SMALL);
}

/// Zeros without end, and a count of how many were asked for.
struct Zeros(u64);

impl Read for &mut Zeros {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        out.fill(0);
        self.0 += out.len() as u64;
        Ok(out.len())
    }
}

#[test]
fn a_stream_that_goes_on_is_left_at_once() {
    let mut zeros = Zeros(0);
    let error = read_from(SMALL.chain(&mut zeros), Path::new("stream")).unwrap_err();
    assert!(error.to_string().contains("goes on after the 18 bytes"), "{error}");
    assert!(zeros.0 <= 1, "read {} bytes too many", zeros.0);

    // 64 MiB of zeros behind a header that declares six bytes.
    let mut bomb = SMALL.to_vec();
    bomb.resize(64 << 20, 0);
    let error = parse(&gzip(&bomb)).unwrap_err();
    assert!(error.to_string().contains("goes on after the 18 bytes"), "{error}");
}

#[test]
fn a_vector_ends_with_the_capacity_it_needs() {
    let count = 1_000_003;
    let data = IdxData::U8((0..count).map(|i| (i % 251) as u8).collect());
    let array = IdxArray { shape: vec![count], data };
    for file in [plain(&array), gzip(&plain(&array))] {
        let IdxData::U8(bytes) = parse(&file).unwrap().data else { panic!("not bytes") };
        assert_eq!(bytes.capacity(), count);
    }
    // More than one buffer of wider numbers.
    let values: Vec<i32> = (0..100_003).collect();
    let array = IdxArray { shape: vec![values.len()], data: IdxData::I32(values.clone()) };
    let IdxData::I32(again) = parse(&gzip(&plain(&array))).unwrap().data else { panic!("not i32") };
    assert_eq!((again.capacity(), again), (values.len(), values));
}

#[test]
fn what_cannot_be_read_again_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    for shape in [vec![], vec![2], vec![usize::MAX, 2], vec![1; 256]] {
        let array = IdxArray { shape, data: IdxData::U8(vec![1]) };
        assert!(matches!(write(&path, &array), Err(Error::Data { .. })), "{:?}", array.shape);
        assert!(write_to(Vec::new(), &array).is_err());
    }
    let array = IdxArray { shape: vec![0], data: IdxData::F32(vec![]) };
    assert!(write(&path, &array).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_or_nothing_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let line = read(folder.path()).unwrap_err().to_string();
    assert!(line.contains("is a folder"), "{line}");
    let line = read(&folder.path().join("none")).unwrap_err().to_string();
    assert!(line.contains("none"), "{line}");
}

/// Arrays of every type, of one to four dimensions; numbers are made from raw bits so that every
/// value occurs, infinities and NaNs too.
fn arrays() -> impl Strategy<Value = IdxArray> {
    (prop::collection::vec(1_usize..6, 1..5), 0..6_usize).prop_flat_map(|(shape, kind)| {
        let count = shape.iter().product::<usize>();
        prop::collection::vec(any::<u64>(), count).prop_map(move |bits| {
            let bits = bits.into_iter();
            let data = match Dtype::ALL[kind] {
                Dtype::U8 => IdxData::U8(bits.map(|b| b as u8).collect()),
                Dtype::I8 => IdxData::I8(bits.map(|b| b as i8).collect()),
                Dtype::I16 => IdxData::I16(bits.map(|b| b as i16).collect()),
                Dtype::I32 => IdxData::I32(bits.map(|b| b as i32).collect()),
                Dtype::F32 => IdxData::F32(bits.map(|b| f32::from_bits(b as u32)).collect()),
                Dtype::F64 => IdxData::F64(bits.map(f64::from_bits).collect()),
            };
            IdxArray { shape: shape.clone(), data }
        })
    })
}

proptest! {
    #[test]
    fn every_array_survives_a_file(array in arrays()) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["plain", "packed.gz"] {
            let path = folder.path().join(name);
            write(&path, &array).unwrap();
            let is_gzip = fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]);
            prop_assert_eq!(is_gzip, name.ends_with(".gz"));
            let again = read(&path).unwrap();
            prop_assert_eq!(&again.shape, &array.shape);
            // Bytes, because a NaN is not equal to itself.
            prop_assert_eq!(plain(&again), plain(&array));
        }
    }

    #[test]
    fn every_cut_is_an_error(array in arrays(), packed: bool, at: prop::sample::Index) {
        let bytes = if packed { gzip(&plain(&array)) } else { plain(&array) };
        prop_assert!(parse(&bytes[..at.index(bytes.len())]).is_err());
    }

    #[test]
    fn no_change_of_bytes_panics_or_deceives(
        array in arrays(),
        packed: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        tail in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let original = plain(&array);
        let mut bytes = if packed { gzip(&original) } else { original.clone() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend(tail);
        if let Ok(again) = parse(&bytes) {
            // Plain IDX carries no checksum: what is read must be the very bytes. Gzip carries
            // one: what is read must be the array.
            let expected = if packed { &original } else { &bytes };
            prop_assert_eq!(&plain(&again), expected);
        }
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200), kind in 0..3) {
        let start: &[u8] = [&[][..], &[0, 0, 8, 1], &[0x1f, 0x8b, 8, 0]][kind as usize];
        let bytes = [start, &noise].concat();
        if let Ok(array) = parse(&bytes) {
            prop_assert_eq!(plain(&array), bytes);
        }
    }
}
