use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn plain(array: &IdxArray) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_to(&mut bytes, "memory", array).unwrap();
    bytes
}

/// Reads by every way in; the ways must agree, on the array or on there being an error.
fn read_all_ways(bytes: &[u8]) -> Result<IdxArray> {
    let folder = tempfile::tempdir().unwrap();
    // The name lies about the packing on purpose.
    let path = folder.path().join("array");
    std::fs::write(&path, bytes).unwrap();
    let from_file = read(&path);
    let from_bytes = read_bytes(bytes, "memory");
    let from_stream = read_from(bytes, "memory");
    assert_eq!(from_file.is_ok(), from_bytes.is_ok(), "{from_file:?} {from_bytes:?}");
    assert_eq!(from_file.is_ok(), from_stream.is_ok(), "{from_file:?} {from_stream:?}");
    if let (Ok(a), Ok(b), Ok(c)) = (&from_file, &from_bytes, &from_stream) {
        assert_eq!(plain(a), plain(b));
        assert_eq!(plain(a), plain(c));
    }
    from_file
}

fn complaint(bytes: &[u8]) -> String {
    let error = read_all_ways(bytes).unwrap_err();
    assert!(matches!(error, Error::Data { .. }), "{error:?}");
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

/// 2 x 3 bytes, written out by hand.
const SMALL: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

fn small() -> IdxArray {
    IdxArray { shape: vec![2, 3], data: IdxData::U8(vec![1, 2, 3, 4, 5, 6]) }
}

#[test]
fn bytes_written_by_hand_are_read_and_written() {
    assert_eq!(read_all_ways(&SMALL).unwrap(), small());
    assert_eq!(read_all_ways(&gzip(&SMALL)).unwrap(), small());
    assert_eq!(plain(&small()), SMALL);
}

#[test]
fn wide_numbers_are_big_endian() {
    let bytes = [0, 0, 0x0B, 1, 0, 0, 0, 2, 0x01, 0x02, 0xff, 0xfe];
    assert_eq!(read_all_ways(&bytes).unwrap().data, IdxData::I16(vec![0x0102, -2]));
    let bytes = [0, 0, 0x0C, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfd];
    assert_eq!(read_all_ways(&bytes).unwrap().data, IdxData::I32(vec![-3]));
    let bytes = [0, 0, 0x0D, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0];
    assert_eq!(read_all_ways(&bytes).unwrap().data, IdxData::F32(vec![1.5]));
    let bytes = [0, 0, 0x0E, 1, 0, 0, 0, 1, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0];
    assert_eq!(read_all_ways(&bytes).unwrap().data, IdxData::F64(vec![-1.5]));
    let bytes = [0, 0, 0x09, 1, 0, 0, 0, 2, 0x80, 0x7f];
    assert_eq!(read_all_ways(&bytes).unwrap().data, IdxData::I8(vec![-128, 127]));
}

#[test]
fn headers_that_lie_are_refused() {
    for cut in 0..SMALL.len() {
        assert!(complaint(&SMALL[..cut]).contains(if cut < 12 {
            "cut short"
        } else {
            "ends after"
        }));
        complaint(&gzip(&SMALL[..cut]));
    }
    let longer: Vec<u8> = SMALL.iter().copied().chain([7]).collect();
    assert!(complaint(&longer).contains("18 bytes"));
    assert!(complaint(&gzip(&longer)).contains("goes on after the 18 bytes"));

    let with = |at: usize, value: u8| {
        let mut bytes = SMALL;
        bytes[at] = value;
        bytes
    };
    assert!(complaint(&with(0, 0x89)).contains("89 00"));
    assert!(complaint(&with(2, 0x0A)).contains("dtype 0a"));
    assert!(complaint(&with(3, 0)).contains("no dimensions"));
    assert!(complaint(&with(7, 0)).contains("dimension 1 of 2 is zero"));
    assert!(complaint(&with(11, 0)).contains("dimension 2 of 2 is zero"));
    assert!(complaint(&gzip(&with(3, 0))).contains("no dimensions"));
    complaint(b"");
    complaint(&[0x1f]);
    complaint(b"<html>not found</html>");
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    // 255 dimensions of 2^32 - 1: the product overflows anything.
    let mut bytes = vec![0, 0, 8, 255];
    bytes.extend([0xff; 4 * 255]);
    assert!(complaint(&bytes).contains("overflows"));
    assert!(complaint(&gzip(&bytes)).contains("overflows"));
    // 16 EiB - 2^33 + 1 fits in 64 bits and in no machine.
    let huge = [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1];
    assert!(read_bytes(&huge, "m").unwrap_err().to_string().contains("ends after 13"));
    assert!(read_bytes(&gzip(&huge), "m").unwrap_err().to_string().contains("gzip can pack"));
    assert!(read_from(&huge[..], "m").unwrap_err().to_string().contains("4294967296"));
    assert!(read_from(&gzip(&huge)[..], "m").unwrap_err().to_string().contains("4294967296"));
    // f64: the count fits, the bytes do not.
    let wide = [0, 0, 0x0E, 2, 0x80, 0, 0, 0, 0x80, 0, 0, 0];
    assert!(complaint(&wide).contains("overflows"));
}

/// Counts what is asked of it, so that a test sees how far a reader went.
struct Endless<'a> {
    start: &'a [u8],
    given: usize,
}

impl std::io::Read for &mut Endless<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = out.len().min(7777);
        for (i, byte) in out[..n].iter_mut().enumerate() {
            *byte = self.start.get(self.given + i).copied().unwrap_or(0);
        }
        self.given += n;
        Ok(n)
    }
}

#[test]
fn an_endless_stream_is_left_alone_after_the_declared_bytes() {
    let mut endless = Endless { start: &SMALL, given: 0 };
    let line = read_from(&mut endless, "stream").unwrap_err().to_string();
    assert!(line.contains("goes on after the 18 bytes"), "{line}");
    assert!(endless.given < 200_000, "{} bytes were read", endless.given);
}

#[test]
fn gzip_troubles_are_named() {
    let good = gzip(&SMALL);
    for cut in 2..good.len() {
        complaint(&good[..cut]);
    }
    let mut checksum = good.clone();
    let at = checksum.len() - 8;
    checksum[at] ^= 1;
    assert!(complaint(&checksum).contains("gzip"));
    let mut garbage = good.clone();
    garbage.extend(b"garbage");
    complaint(&garbage);
    complaint(&[0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // A bomb: a megabyte of zeros behind six declared bytes.
    let mut bomb = SMALL.to_vec();
    bomb.resize(1 << 20, 0);
    assert!(complaint(&gzip(&bomb)).contains("goes on after"));
    // Two members, as `cat a.gz b.gz` makes them, are one stream.
    let two: Vec<u8> = [gzip(&SMALL[..9]), gzip(&SMALL[9..])].concat();
    assert_eq!(read_all_ways(&two).unwrap(), small());
}

#[test]
fn images_land_in_one_allocation_of_their_size() {
    let pixels: Vec<u8> =
        (0..3_000_000_u32).map(|i| (i.wrapping_mul(2654435761) >> 29) as u8).collect();
    let array = IdxArray { shape: vec![3000, 1000], data: IdxData::U8(pixels) };
    for bytes in [plain(&array), gzip(&plain(&array))] {
        let IdxData::U8(pixels) = read_bytes(&bytes, "m").unwrap().data else { unreachable!() };
        assert_eq!(pixels.capacity(), pixels.len());
    }
    assert_eq!(read_all_ways(&gzip(&plain(&array))).unwrap(), array);
}

#[test]
fn well_packed_numbers_grow_as_they_arrive() {
    // Zeros pack a thousandfold: far beyond the room that is made at first.
    let array = IdxArray { shape: vec![777_777], data: IdxData::F64(vec![0.0; 777_777]) };
    let packed = gzip(&plain(&array));
    assert!(packed.len() < 100_000);
    let IdxData::F64(numbers) = read_all_ways(&packed).unwrap().data else { unreachable!() };
    assert_eq!((numbers.len(), numbers.capacity()), (777_777, 777_777));
}

#[test]
fn the_name_decides_the_packing_and_the_old_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (raw, packed) = (folder.path().join("a"), folder.path().join("a.gz"));
    for _ in 0..2 {
        write(&raw, &small()).unwrap();
        write(&packed, &small()).unwrap();
    }
    assert_eq!(std::fs::read(&raw).unwrap(), SMALL);
    let bytes = std::fs::read(&packed).unwrap();
    assert_eq!(bytes[..2], GZIP_MAGIC);
    assert_eq!(bytes[4..8], [0; 4], "a time of writing would make the bytes differ");
    assert_eq!(read(&packed).unwrap(), small());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a half-written file is left");

    let bad = IdxArray { shape: vec![2, 2], data: IdxData::U8(vec![0; 5]) };
    let line = write(&raw, &bad).unwrap_err().to_string();
    assert!(line.contains("wants 4 numbers, not 5"), "{line}");
    assert_eq!(std::fs::read(&raw).unwrap(), SMALL);
    for shape in [vec![], vec![0, 5], vec![5; 256]] {
        assert!(write(&raw, &IdxArray { shape, data: IdxData::U8(vec![0; 5]) }).is_err());
    }
    let lost = folder.path().join("no/such/folder/a");
    assert!(matches!(write(&lost, &small()), Err(Error::Io { .. })));
}

#[test]
fn missing_files_and_folders_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read(folder.path().join("none")), Err(Error::Io { .. })));
    assert!(read(folder.path()).unwrap_err().to_string().contains("is a folder"));
}

fn arrays() -> impl Strategy<Value = IdxArray> {
    let shape = prop::collection::vec(1_usize..6, 1..5);
    (shape, 0..6_u8).prop_flat_map(|(shape, dtype)| {
        let n = shape.iter().product::<usize>();
        let data = match dtype {
            0 => prop::collection::vec(any::<u8>(), n).prop_map(IdxData::U8).boxed(),
            1 => prop::collection::vec(any::<i8>(), n).prop_map(IdxData::I8).boxed(),
            2 => prop::collection::vec(any::<i16>(), n).prop_map(IdxData::I16).boxed(),
            3 => prop::collection::vec(any::<i32>(), n).prop_map(IdxData::I32).boxed(),
            4 => prop::collection::vec(any::<f32>(), n).prop_map(IdxData::F32).boxed(),
            _ => prop::collection::vec(any::<f64>(), n).prop_map(IdxData::F64).boxed(),
        };
        data.prop_map(move |data| IdxArray { shape: shape.clone(), data })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(array in arrays(), packed: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if packed { "a.gz" } else { "a" });
        write(&path, &array).unwrap();
        let back = read(&path).unwrap();
        prop_assert_eq!(&back.shape, &array.shape);
        prop_assert_eq!(back.data.dtype(), array.data.dtype());
        // By their bytes, so that a NaN equals itself.
        prop_assert_eq!(plain(&back), plain(&array));
    }

    #[test]
    fn a_damaged_file_is_an_error_or_what_it_says(
        array in arrays(),
        packed: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = plain(&array);
        let original = bytes.clone();
        if packed {
            bytes = gzip(&bytes);
        }
        let before = bytes.clone();
        for (at, value) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(&tail);
        match read_all_ways(&bytes) {
            // Behind gzip's checksum, what is read is what was packed.
            Ok(read) if packed && bytes[..2] == GZIP_MAGIC => {
                prop_assert_eq!(plain(&read), original);
            }
            // A plain file has no checksum: what is read must be what the bytes now say.
            Ok(read) => prop_assert_eq!(plain(&read), bytes),
            Err(_) => prop_assert!(bytes != before, "an untouched file must be read"),
        }
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all_ways(&bytes);
        let _ = read_all_ways(&[&GZIP_MAGIC[..], &[8], &bytes].concat());
        let _ = read_all_ways(&gzip(&bytes));
        let _ = read_all_ways(&[&[0, 0, 8, 2, 0, 0], &bytes[..]].concat());
    }
}
