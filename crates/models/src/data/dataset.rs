//! Images and labels in memory, as the bytes that the files hold.

use std::path::Path;

use elbo_tensor::kernels::bytes::over_255;
use elbo_tensor::kernels::prefetch::fetch;
use elbo_tensor::kernels::threads::{chunks, chunks_mut, for_each_chunk};

use super::idx::{self, IdxArray, IdxData};
use crate::{Error, Result};

/// Images of one size, one byte per pixel.
///
/// They stay bytes: the 60,000 training images of MNIST take 47 MB so, and 188 MB as `f32`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// All pixels, image after image, row after row: `count * rows * cols` bytes.
    pub pixels: Vec<u8>,
    /// How many images there are.
    pub count: usize,
    /// The height of an image.
    pub rows: usize,
    /// The width of an image.
    pub cols: usize,
}

/// Images and, where they are known, the class of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The images.
    pub images: Images,
    /// One label per image, or `None` where there is no label file.
    pub labels: Option<Vec<u8>>,
}

/// The classes of Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, table 2).
const GARMENTS: [&str; 10] = [
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

/// Images to train on, and images of the same size to test on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// A short name to show: `mnist`, `sample`, or that of the folder.
    pub name: String,
    /// What a model learns from.
    pub train: Split,
    /// What it is judged by.
    pub test: Split,
}

impl Images {
    /// The number of pixels of one image.
    pub fn pixels_per_image(&self) -> usize {
        self.rows * self.cols
    }

    /// The pixels of image `index`, row after row.
    ///
    /// # Panics
    /// If there is no such image.
    #[track_caller]
    pub fn image(&self, index: usize) -> &[u8] {
        assert!(index < self.count, "image {index} of {} images", self.count);
        let size = self.pixels_per_image();
        &self.pixels[index * size..][..size]
    }

    /// Writes the images at `indices` into `out`, each pixel divided by 255, hence in `[0, 1]`.
    ///
    /// Shape of `out`: `[indices.len(), rows * cols]`.
    ///
    /// # Panics
    /// If `out` has another length, or an index is out of range.
    #[track_caller]
    pub fn batch_into(&self, indices: &[u32], out: &mut [f32]) {
        let size = self.pixels_per_image();
        let wanted = indices.len() * size;
        assert_eq!(out.len(), wanted, "batch_into: {} images of {size} pixels", indices.len());
        if size == 0 {
            return;
        }
        // Images of one thread: enough to be worth it.
        let images = (16 * 1024 / size).max(1);
        let groups = (chunks(indices, images), chunks_mut(out, images * size));
        for_each_chunk(groups, |_, (indices, out)| {
            for (i, (&index, row)) in indices.iter().zip(out.chunks_exact_mut(size)).enumerate() {
                // Images are drawn in any order, so the processor cannot guess the next one: asked for in time,
                // a batch of 128 takes 7.4 µs on two threads instead of 15.
                if let Some(&next) = indices.get(i + 2) {
                    fetch(self.image(next as usize));
                }
                over_255(self.image(index as usize), row);
            }
        });
    }

    /// Reads images from an IDX file of bytes with three dimensions.
    ///
    /// # Errors
    /// Those of [`idx::read`], and [`Error::Data`] if the file holds something else than images.
    pub fn read(path: &Path) -> Result<Images> {
        Images::from_idx(idx::read(path)?, path)
    }

    /// Takes the bytes of an IDX array with three dimensions; `place` names it in errors.
    pub(super) fn from_idx(array: IdxArray, place: &Path) -> Result<Images> {
        match (array.shape.as_slice(), array.data) {
            (&[count, rows, cols], IdxData::U8(pixels)) => Ok(Images { pixels, count, rows, cols }),
            (shape, data) => {
                Err(unfit(place, shape, &data, "an images file is u8 [count, rows, cols]"))
            }
        }
    }
}

impl Split {
    /// Reads an images file and, if given, the labels file that belongs to it.
    ///
    /// # Errors
    /// As [`Images::read`], and [`Error::Data`] if the labels are no labels or not one per image.
    pub fn read(images: &Path, labels: Option<&Path>) -> Result<Split> {
        let images = Images::read(images)?;
        let labels = match labels {
            Some(path) => Some(labels_from_idx(idx::read(path)?, images.count, path)?),
            None => None,
        };
        Ok(Split { images, labels })
    }
}

impl Dataset {
    /// The name of each class: garments for Fashion-MNIST and the sample cut from it, else numbers.
    pub fn class_names(&self) -> Vec<String> {
        if matches!(self.name.as_str(), "sample" | "fashion-mnist") {
            return GARMENTS.map(String::from).to_vec();
        }
        let splits = [&self.train.labels, &self.test.labels];
        let largest = splits.into_iter().flatten().flatten().max();
        largest
            .map_or(Vec::new(), |&largest| (0..=largest).map(|class| class.to_string()).collect())
    }

    /// Puts two splits together.
    ///
    /// # Errors
    /// [`Error::Data`] that names `place` if the images of the two differ in size.
    pub fn new(name: &str, train: Split, test: Split, place: &Path) -> Result<Dataset> {
        let size = |split: &Split| (split.images.rows, split.images.cols);
        let ((rows, cols), (test_rows, test_cols)) = (size(&train), size(&test));
        if (rows, cols) != (test_rows, test_cols) {
            return Err(Error::Data {
                path: place.into(),
                what: format!(
                    "training images are {rows}x{cols}, test images {test_rows}x{test_cols}"
                ),
                help: "put files of one data set into the folder".into(),
            });
        }
        Ok(Dataset { name: name.into(), train, test })
    }
}

/// Takes the bytes of an IDX array with one dimension, one for each of `images` images.
pub(super) fn labels_from_idx(array: IdxArray, images: usize, place: &Path) -> Result<Vec<u8>> {
    match (array.shape.as_slice(), array.data) {
        (&[count], IdxData::U8(labels)) if count == images => Ok(labels),
        (&[count], IdxData::U8(_)) => Err(Error::Data {
            path: place.into(),
            what: format!("holds {count} labels for {images} images"),
            help: "put the labels of these images beside them, or no labels".into(),
        }),
        (shape, data) => Err(unfit(place, shape, &data, "a labels file is u8 [count]")),
    }
}

fn unfit(place: &Path, shape: &[usize], data: &IdxData, help: &str) -> Error {
    let what = format!("holds {} {shape:?}", data.dtype().name());
    Error::Data { path: place.into(), what, help: help.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(count: usize, rows: usize, cols: usize) -> Images {
        let pixels = (0..count * rows * cols).map(|i| (i * 37 % 256) as u8).collect();
        Images { pixels, count, rows, cols }
    }

    #[test]
    fn a_batch_is_the_chosen_images_over_255() {
        let images = Images { pixels: vec![0, 51, 102, 255, 1, 2], count: 3, rows: 1, cols: 2 };
        let mut out = [f32::NAN; 6];
        images.batch_into(&[1, 0, 1], &mut out);
        assert_eq!(out, [0.4, 1.0, 0.0, 0.2, 0.4, 1.0]);
    }

    #[test]
    #[should_panic(expected = "image 3 of 3 images")]
    fn an_index_out_of_range_panics() {
        images(3, 2, 2).batch_into(&[3], &mut [0.0; 4]);
    }

    #[test]
    #[should_panic(expected = "batch_into: 2 images of 4 pixels")]
    fn a_buffer_of_another_length_panics() {
        images(3, 2, 2).batch_into(&[0, 1], &mut [0.0; 7]);
    }

    #[test]
    fn only_matching_bytes_are_images_and_labels() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, shape: Vec<usize>, data: IdxData| {
            let path = folder.path().join(name);
            idx::write(&path, &IdxArray { shape, data }).unwrap();
            path
        };
        let good = write("images", vec![2, 1, 2], IdxData::U8(vec![1, 2, 3, 4]));
        let labels = write("labels", vec![2], IdxData::U8(vec![7, 8]));
        let split = Split::read(&good, Some(&labels)).unwrap();
        assert_eq!(split.images.image(1), [3, 4]);
        assert_eq!(split.labels, Some(vec![7, 8]));
        assert_eq!(Split::read(&good, None).unwrap().labels, None);

        let refuses = |images: &Path, labels: Option<&Path>, because: &str| {
            let line = Split::read(images, labels).unwrap_err().to_string();
            assert!(line.contains(because), "expected {because:?} in {line:?}");
        };
        let three = write("three", vec![3], IdxData::U8(vec![7, 8, 9]));
        refuses(&good, Some(&three), "holds 3 labels for 2 images");
        refuses(&good, Some(&good), "holds u8 [2, 1, 2]; a labels file is");
        refuses(&labels, None, "holds u8 [2]; an images file is");
        let floats = write("floats", vec![2, 1, 2], IdxData::F32(vec![0.0; 4]));
        refuses(&floats, None, "holds f32 [2, 1, 2]");
    }

    #[test]
    fn both_splits_have_images_of_one_size() {
        let split = |rows, cols| Split { images: images(2, rows, cols), labels: None };
        let place = Path::new("folder");
        assert!(Dataset::new("same", split(2, 3), split(2, 3), place).is_ok());
        let error = Dataset::new("differ", split(2, 3), split(3, 2), place).unwrap_err();
        assert!(error.to_string().contains("are 2x3, test images 3x2"), "{error}");
    }
}
