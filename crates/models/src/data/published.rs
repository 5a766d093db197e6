//! Sets that are published: their files, the SHA-256 of each, and who has them.
//!
//! Hashes are those of the unpacked files, because every mirror packs in its own way.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::folder::{self, FILE_NAMES};
use super::idx::{GZIP_MAGIC, broken};
use super::source::did_you_mean;
use crate::{Error, Result};

/// A set as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// `mnist`, `fashion-mnist`.
    pub name: String,
    /// Its files.
    pub files: Vec<PublishedFile>,
    /// Addresses of folders that hold the files with `.gz` after their names.
    pub mirrors: Vec<String>,
}

/// One file of a published set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// The name without `.gz`.
    pub name: String,
    /// The size of the unpacked file in bytes; nothing much larger is downloaded or unpacked.
    pub bytes: u64,
    /// SHA-256 of the unpacked file, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// What [`Published::verify`] found in the place of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The name without `.gz`.
    pub name: String,
    /// The file that was looked at, if there is one.
    pub path: Option<PathBuf>,
    /// Whether it is the published one.
    pub verdict: Verdict,
}

/// Whether a file is the published one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Match,
    /// It can be read, and its SHA-256 is another.
    Mismatch {
        /// The SHA-256 that was found.
        found: String,
    },
    /// It cannot be read to its end, or is too large; the reason.
    Damaged(String),
    /// It is not there.
    Missing,
}

impl Published {
    /// The set of this name.
    ///
    /// # Errors
    /// [`Error::Settings`] if nothing is published here under that name.
    pub fn named(name: &str) -> Result<Published> {
        match name {
            "mnist" => Ok(Published::mnist()),
            "fashion-mnist" => Ok(Published::fashion_mnist()),
            _ => {
                let hint = did_you_mean(name, &["mnist", "fashion-mnist"]);
                Err(Error::Settings {
                    what: format!("{name:?} is not a published set{hint}"),
                    help: "mnist and fashion-mnist are; the sample is inside the program".into(),
                })
            }
        }
    }

    /// MNIST (LeCun, Cortes and Burges 1998).
    pub fn mnist() -> Published {
        Published::of_images(
            "mnist",
            [
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ],
            &[
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ],
        )
    }

    /// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017).
    ///
    /// Debian's package `dataset-fashion-mnist` holds the same files.
    pub fn fashion_mnist() -> Published {
        Published::of_images(
            "fashion-mnist",
            [
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ],
            &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
        )
    }

    /// Both sets have 60,000 and 10,000 images of 28x28 bytes, behind headers of 16 and 8 bytes.
    fn of_images(name: &str, sha256: [&str; 4], mirrors: &[&str]) -> Published {
        let bytes = [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000];
        let files = FILE_NAMES.iter().zip(bytes).zip(sha256).map(|((&name, bytes), sha256)| {
            PublishedFile { name: name.into(), bytes, sha256: sha256.into() }
        });
        Published {
            name: name.into(),
            files: files.collect(),
            mirrors: mirrors.iter().map(|&mirror| mirror.into()).collect(),
        }
    }

    /// Unpacks and hashes every file of the set that is in `folder`.
    pub fn verify(&self, folder: &Path) -> Vec<Check> {
        self.files.iter().map(|file| file.find_and_check(folder)).collect()
    }
}

impl PublishedFile {
    /// Looks for the file in `folder`, plain or gzipped, and hashes it.
    pub(super) fn find_and_check(&self, folder: &Path) -> Check {
        let path = folder::find(folder, &self.name);
        let verdict = path.as_deref().map_or(Verdict::Missing, |path| self.check(path));
        Check { name: self.name.clone(), path, verdict }
    }

    /// Hashes the file at `path`.
    pub(super) fn check(&self, path: &Path) -> Verdict {
        match sha256_unpacked(path, self.bytes) {
            Ok(found) if found == self.sha256 => Verdict::Match,
            Ok(found) => Verdict::Mismatch { found },
            Err(error) => Verdict::Damaged(error.to_string()),
        }
    }
}

/// SHA-256 of a file without its gzip, if it has one; a file of more than `most` bytes is an error
/// as soon as that is seen.
fn sha256_unpacked(path: &Path, most: u64) -> Result<String> {
    let failed = |source| broken(path, source);
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let packed = file.fill_buf().map_err(failed)?.starts_with(&GZIP_MAGIC);
    let mut reader: Box<dyn Read> =
        if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };

    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let got = reader.read(&mut buffer).map_err(failed)?;
        if got == 0 {
            return Ok(hex(&hash.finalize()));
        }
        bytes += got as u64;
        if bytes > most {
            return Err(Error::Data {
                path: path.into(),
                what: format!("is longer than the published {most} bytes"),
                help: "copy or download it again".into(),
            });
        }
        hash.update(&buffer[..got]);
    }
}

/// SHA-256 of bytes, as 64 hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_hash_is_sha256() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
    }

    #[test]
    fn every_verdict_is_given_where_it_belongs() {
        let set = Published {
            name: "letters".into(),
            files: ["plain", "packed", "other", "long", "garbage", "cut", "none"]
                .map(|name| PublishedFile { name: name.into(), bytes: 3, sha256: sha256(b"abc") })
                .into(),
            mirrors: vec![],
        };
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(b"abc").unwrap();
        let packed = packer.finish().unwrap();
        write("plain", b"abc");
        write("packed.gz", &packed);
        write("other", b"abd");
        write("long", b"abcd");
        write("garbage.gz", b"\x1f\x8b and no gzip behind it");
        write("cut.gz", &packed[..packed.len() - 3]);

        let checks = set.verify(folder.path());
        let verdicts: Vec<&Verdict> = checks.iter().map(|check| &check.verdict).collect();
        assert_eq!(verdicts[..2], [&Verdict::Match, &Verdict::Match]);
        assert_eq!(verdicts[2], &Verdict::Mismatch { found: sha256(b"abd") });
        for (verdict, because) in verdicts[3..6].iter().zip(["longer than", "damaged", "too soon"])
        {
            let Verdict::Damaged(line) = verdict else { panic!("{verdict:?}") };
            assert!(line.contains(because), "{because:?} in {line:?}");
        }
        assert_eq!(verdicts[6], &Verdict::Missing);
        assert_eq!(checks[1].path, Some(folder.path().join("packed.gz")));
        assert_eq!(checks[6].path, None);
    }

    #[test]
    fn only_published_names_are_known() {
        assert_eq!(Published::named("fashion-mnist").unwrap(), Published::fashion_mnist());
        assert!(
            Published::named("minst").unwrap_err().to_string().contains("did you mean \"mnist\"")
        );
    }
}
