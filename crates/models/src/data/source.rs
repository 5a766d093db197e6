//! Where images come from: a word or a folder, and the places where a word is looked up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::folder::{FILE_NAMES, Files};
use super::published::{Published, Verdict};
use super::{Dataset, Split, sample};
use crate::{Error, Result};

/// What `--data` names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// The sample of Fashion-MNIST inside the binary.
    #[default]
    Sample,
    /// MNIST, wherever it is on this machine.
    Mnist,
    /// Fashion-MNIST, wherever it is on this machine.
    FashionMnist,
    /// A folder with four IDX files.
    Folder(PathBuf),
}

/// The words that name a source; anything else is a folder.
const WORDS: [(&str, Source); 3] =
    [("sample", Source::Sample), ("mnist", Source::Mnist), ("fashion-mnist", Source::FashionMnist)];

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Source::Sample => f.write_str("sample"),
            Source::Mnist => f.write_str("mnist"),
            Source::FashionMnist => f.write_str("fashion-mnist"),
            Source::Folder(folder) => folder.display().fmt(f),
        }
    }
}

impl FromStr for Source {
    type Err = Error;

    /// Reads a word or the path of a folder that exists. A folder that is called as a word is
    /// meant by `./mnist`.
    fn from_str(text: &str) -> Result<Source> {
        if let Some((_, source)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(source.clone());
        }
        let path = PathBuf::from(text);
        if path.is_dir() {
            return Ok(Source::Folder(path));
        }
        let what = if path.exists() {
            format!("{text:?} is a file, not a folder")
        } else {
            let hint = did_you_mean(text, &WORDS.map(|(word, _)| word));
            format!("{text:?} is neither a known set nor a folder{hint}")
        };
        let help = "data is sample, mnist, fashion-mnist or a folder with IDX files".into();
        Err(Error::Settings { what, help })
    }
}

/// A hint at the word that is most like `text`, or nothing if none is.
pub(super) fn did_you_mean(text: &str, words: &[&str]) -> String {
    let text = text.to_lowercase();
    words
        .iter()
        .map(|word| (strsim::jaro_winkler(word, &text), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(String::new(), |(_, word)| format!(" (did you mean {word:?}?)"))
}

/// The folders in which named sets are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `$ELBO_DATA`: a folder with a set, or with a folder per set.
    pub elbo_data: Option<PathBuf>,
    /// The folder of this program among the user's caches; has a folder per set.
    pub cache: Option<PathBuf>,
    /// The system's folder of data sets; has a folder per set.
    pub system: PathBuf,
}

impl Places {
    /// The places of this user on this machine.
    pub fn from_env() -> Places {
        let set = |path: &std::ffi::OsString| !path.is_empty();
        Places {
            elbo_data: std::env::var_os("ELBO_DATA").filter(set).map(PathBuf::from),
            cache: dirs::cache_dir().map(|caches| caches.join("elbo")),
            system: PathBuf::from("/usr/share/datasets"),
        }
    }

    /// The folders to look in for `set`, best first.
    fn folders(&self, set: &str) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        if let Some(folder) = &self.elbo_data {
            folders.extend([folder.join(set), folder.clone()]);
        }
        folders.extend(self.cache.iter().map(|cache| cache.join(set)));
        // Debian has packaged only this one.
        if set == "fashion-mnist" {
            folders.push(self.system.join(set));
        }
        folders
    }
}

impl Source {
    /// The files of this source, or `None` for the sample, which has none.
    ///
    /// # Errors
    /// [`Error::Settings`] that lists where a named set was looked for; [`Error::Data`] if a
    /// folder was given and lacks files.
    pub fn files(&self, places: &Places) -> Result<Option<Files>> {
        match self {
            Source::Sample => Ok(None),
            Source::Mnist => find_set("mnist", places).map(Some),
            Source::FashionMnist => find_set("fashion-mnist", places).map(Some),
            Source::Folder(folder) => Files::find(folder).map(Some).map_err(|missing| {
                let what = if folder.is_dir() {
                    format!("lacks {} (plain or .gz)", missing.join(" and "))
                } else {
                    "is not a folder".into()
                };
                let help = "give a folder with train-images-idx3-ubyte and t10k-images-idx3-ubyte, \
                            and the labels files beside them if there are any";
                Error::Data { path: folder.clone(), what, help: help.into() }
            }),
        }
    }
}

fn find_set(set: &str, places: &Places) -> Result<Files> {
    let known = [Published::mnist(), Published::fashion_mnist()];
    let mut looked = Vec::new();
    for folder in places.folders(set) {
        let shown = folder.display().to_string();
        match Files::find(&folder) {
            Ok(files) => match other_set(&files, set, &known) {
                None => return Ok(files),
                Some(other) => looked.push(format!("{shown} (which holds {other})")),
            },
            // One of the two is there: say which is not.
            Err(missing) if missing.len() == 1 => {
                looked.push(format!("{shown} (which lacks {})", missing[0]));
            }
            Err(_) => looked.push(shown),
        }
    }
    let places = if looked.is_empty() { "no folder".into() } else { looked.join(", ") };
    let names = FILE_NAMES.join(", ");
    Err(Error::Settings {
        what: format!(
            "{set} is not on this machine: looked in {places} for {names} (plain or .gz)"
        ),
        help: format!(
            "run `elbo data fetch {set}`, or put these files into a folder and name it with \
             `--data DIR` or $ELBO_DATA; without a network, `--data sample` always works"
        ),
    })
}

/// The set among `known`, other than `wanted`, whose test labels `files` has.
///
/// All sets use the same file names, so a folder that $ELBO_DATA names could pass for any of them,
/// and a model would be trained on shirts in place of digits without a word. Hashing the smallest
/// file tells them apart; a set that nobody published passes.
fn other_set<'a>(files: &Files, wanted: &str, known: &'a [Published]) -> Option<&'a str> {
    let labels = files.test_labels.as_deref()?;
    let is_it = |set: &Published| {
        let mut test_labels = set.files.iter().filter(|file| file.name == FILE_NAMES[3]);
        set.name != wanted && test_labels.any(|file| file.check(labels) == Verdict::Match)
    };
    known.iter().find(|set| is_it(set)).map(|set| set.name.as_str())
}

/// Reads a source, looked up in the places of this user.
///
/// # Errors
/// As [`load_from`].
pub fn load(source: &Source) -> Result<Dataset> {
    load_from(source, &Places::from_env())
}

/// Reads a source into memory and checks it: images of one size, a label for each where there are
/// labels. Hashes are not compared; [`Published::verify`] does that.
///
/// # Errors
/// As [`Source::files`] if it is not found, and as [`Split::read`] and [`Dataset::new`] if it does
/// not hold what it should.
pub fn load_from(source: &Source, places: &Places) -> Result<Dataset> {
    let Some(files) = source.files(places)? else { return Ok(sample::dataset()) };
    let train = Split::read(&files.train_images, files.train_labels.as_deref())?;
    let test = Split::read(&files.test_images, files.test_labels.as_deref())?;
    let name = match source {
        Source::Folder(folder) => short_name(folder),
        named => named.to_string(),
    };
    Dataset::new(&name, train, test, &files.folder)
}

/// The last part of a path; `.` and `..` are resolved first.
fn short_name(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.into());
    full.file_name().map_or(full.display().to_string(), |name| name.to_string_lossy().into())
}

#[cfg(test)]
mod tests;
