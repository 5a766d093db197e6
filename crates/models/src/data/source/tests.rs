use std::fs;

use super::super::idx::{self, IdxArray, IdxData};
use super::super::published::sha256;
use super::*;

/// Two training images and one test image of `size` x 1 pixels, with labels.
fn write_set(folder: &Path, size: usize) {
    fs::create_dir_all(folder).unwrap();
    for (name, shape) in
        FILE_NAMES.iter().zip([vec![2, size, 1], vec![2], vec![1, size, 1], vec![1]])
    {
        let data = IdxData::U8(vec![7; shape.iter().product()]);
        idx::write(&folder.join(name), &IdxArray { shape, data }).unwrap();
    }
}

fn nowhere(root: &Path) -> Places {
    Places { elbo_data: None, cache: Some(root.join("cache")), system: root.join("system") }
}

#[test]
fn words_and_folders_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(path.parse::<Source>().unwrap(), Source::Folder(folder.path().into()));
    for (word, source) in WORDS {
        assert_eq!(word.parse::<Source>().unwrap(), source);
        assert_eq!(source.to_string(), word);
    }
    assert_eq!(Source::default(), Source::Sample);
}

#[test]
fn a_near_name_is_suggested() {
    let line = |text: &str| text.parse::<Source>().unwrap_err().to_string();
    for (typed, meant) in [
        ("minst", "mnist"),
        ("MNIST", "mnist"),
        ("mnsit", "mnist"),
        ("fashion", "fashion-mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("sampel", "sample"),
    ] {
        let line = line(typed);
        assert!(line.contains(&format!("did you mean {meant:?}?")), "{line}");
        assert!(line.contains("sample, mnist, fashion-mnist or a folder"), "{line}");
    }
    assert!(!line("/no/such/folder").contains("did you mean"));
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(line(file.path().to_str().unwrap()).contains("is a file, not a folder"));
}

#[test]
fn places_are_searched_in_order() {
    let root = tempfile::tempdir().unwrap();
    let places = Places { elbo_data: Some(root.path().join("own")), ..nowhere(root.path()) };
    let found = || {
        let files = Source::FashionMnist.files(&places).ok()??;
        Some(files.folder.strip_prefix(root.path()).unwrap().to_owned())
    };
    // From the last place to the first: each new one is preferred.
    assert_eq!(found(), None);
    for folder in ["system/fashion-mnist", "cache/fashion-mnist", "own", "own/fashion-mnist"] {
        write_set(&root.path().join(folder), 3);
        assert_eq!(found(), Some(PathBuf::from(folder)));
    }
}

#[test]
fn the_system_is_not_asked_for_mnist() {
    let root = tempfile::tempdir().unwrap();
    write_set(&root.path().join("system/mnist"), 3);
    assert!(Source::Mnist.files(&nowhere(root.path())).is_err());
}

#[test]
fn what_is_not_found_is_explained_in_one_line() {
    let root = tempfile::tempdir().unwrap();
    let own = root.path().join("own");
    let places = Places { elbo_data: Some(own.clone()), ..nowhere(root.path()) };
    write_set(&own, 3);
    fs::remove_file(own.join(FILE_NAMES[2])).unwrap();
    let line = Source::Mnist.files(&places).unwrap_err().to_string();
    for part in ["own/mnist", "cache/mnist", "own (which lacks t10k-images-idx3-ubyte)"]
        .iter()
        .chain(&FILE_NAMES)
        .chain(&["elbo data fetch mnist", "--data DIR", "--data sample"])
    {
        assert!(line.contains(part), "{part:?} in {line:?}");
    }
    assert!(!line.contains('\n'));

    let line = Source::Folder(own.clone()).files(&places).unwrap_err().to_string();
    assert!(line.contains("own: lacks t10k-images-idx3-ubyte"), "{line}");
    let line = Source::Folder(own.join("no")).files(&places).unwrap_err().to_string();
    assert!(line.contains("is not a folder"), "{line}");
}

#[test]
fn another_published_set_does_not_pass() {
    let root = tempfile::tempdir().unwrap();
    write_set(root.path(), 3);
    let files = Files::find(root.path()).unwrap();
    let labels = fs::read(files.test_labels.as_ref().unwrap()).unwrap();
    let set = |name: &str, labels: &[u8]| {
        let mut set = Published::mnist();
        set.name = name.into();
        set.files[3].bytes = labels.len() as u64;
        set.files[3].sha256 = sha256(labels);
        set
    };
    let known = [set("digits", b"others"), set("dots", &labels)];
    assert_eq!(other_set(&files, "digits", &known), Some("dots"));
    assert_eq!(other_set(&files, "dots", &known), None);
    // A set of one's own, which nobody has published, passes for any.
    assert_eq!(other_set(&files, "digits", &[Published::mnist()]), None);
}

#[test]
fn a_folder_is_loaded_and_checked() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("dots");
    write_set(&folder, 3);
    let load = |folder: &Path| load_from(&Source::Folder(folder.into()), &nowhere(root.path()));
    let data = load(&folder).unwrap();
    assert_eq!(
        (data.name.as_str(), data.train.images.count, data.test.images.count),
        ("dots", 2, 1)
    );
    assert_eq!(data.train.labels, Some(vec![7, 7]));

    fs::remove_file(folder.join(FILE_NAMES[1])).unwrap();
    let data = load(&folder.join("..").join("dots")).unwrap();
    assert_eq!((data.name.as_str(), data.train.labels), ("dots", None));
    assert_eq!(data.test.labels, Some(vec![7]));

    // Test images of another size.
    let other = root.path().join("other");
    write_set(&other, 4);
    fs::copy(other.join(FILE_NAMES[2]), folder.join(FILE_NAMES[2])).unwrap();
    let line = load(&folder).unwrap_err().to_string();
    assert!(line.contains("training images are 3x1, test images 4x1"), "{line}");
}

#[test]
fn the_sample_needs_no_place() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(load_from(&Source::Sample, &nowhere(root.path())).unwrap().name, "sample");
}
