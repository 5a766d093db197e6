//! The four files of a set, under the names that the field has given them.

use std::path::{Path, PathBuf};

/// The names without `.gz`: training images and labels, test images and labels.
pub const FILE_NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// Where the files of one set are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// The training images.
    pub train_images: PathBuf,
    /// The training labels, if there are any.
    pub train_labels: Option<PathBuf>,
    /// The test images.
    pub test_images: PathBuf,
    /// The test labels, if there are any.
    pub test_labels: Option<PathBuf>,
}

impl Files {
    /// Looks for a set in `folder`.
    ///
    /// # Errors
    /// The names of the images files that are not there. Labels may be absent.
    pub fn find(folder: &Path) -> Result<Files, Vec<&'static str>> {
        let [train_images, train_labels, test_images, test_labels] =
            FILE_NAMES.map(|name| find(folder, name));
        match (train_images, test_images) {
            (Some(train_images), Some(test_images)) => Ok(Files {
                folder: folder.into(),
                train_images,
                train_labels,
                test_images,
                test_labels,
            }),
            (train, test) => Err([(train, FILE_NAMES[0]), (test, FILE_NAMES[2])]
                .into_iter()
                .filter_map(|(found, name)| found.is_none().then_some(name))
                .collect()),
        }
    }
}

/// The file of this name in `folder`: plain before gzipped, the published spelling before the one
/// with a dot that some archives unpack to (`train-images.idx3-ubyte`).
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let dotted = name.replacen("-idx", ".idx", 1);
    [name.into(), format!("{name}.gz"), dotted.clone(), format!("{dotted}.gz")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_spelling_is_found_and_labels_may_be_absent() {
        for (dash, ending) in [("-idx", ""), ("-idx", ".gz"), (".idx", ""), (".idx", ".gz")] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name.replace("-idx", dash) + ending);
            assert_eq!(
                Files::find(folder.path()).unwrap_err(),
                ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"]
            );
            fs::write(path(FILE_NAMES[0]), "").unwrap();
            assert_eq!(Files::find(folder.path()).unwrap_err(), ["t10k-images-idx3-ubyte"]);
            fs::write(path(FILE_NAMES[2]), "").unwrap();
            let files = Files::find(folder.path()).unwrap();
            assert_eq!((files.train_labels, files.test_labels), (None, None));
            fs::write(path(FILE_NAMES[3]), "").unwrap();
            let files = Files::find(folder.path()).unwrap();
            assert_eq!(files.train_images, path(FILE_NAMES[0]));
            assert_eq!(files.test_labels, Some(path(FILE_NAMES[3])));
        }
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FILE_NAMES[0])).unwrap();
        assert_eq!(find(folder.path(), FILE_NAMES[0]), None);
        fs::write(folder.path().join(FILE_NAMES[0]).with_extension("gz"), "").unwrap();
        assert!(
            find(folder.path(), FILE_NAMES[0]).unwrap().ends_with("train-images-idx3-ubyte.gz")
        );
    }
}
