//! Images and labels in memory: bytes as they came, turned into numbers batch by batch.

use std::path::{Path, PathBuf};

use super::idx::{self, IdxArray, IdxData};
use crate::{Error, Result};

/// Grey images of one size, one byte per pixel (0 is black), row-major, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// `count * rows * cols` bytes.
    pub pixels: Vec<u8>,
    /// How many images.
    pub count: usize,
    /// Height in pixels.
    pub rows: usize,
    /// Width in pixels.
    pub cols: usize,
}

impl Images {
    /// Reads the images of an IDX file: bytes in three dimensions.
    ///
    /// # Errors
    /// If the file cannot be read, or holds something else.
    pub fn load(path: impl AsRef<Path>) -> Result<Images> {
        Images::from_idx(idx::read(&path)?, path)
    }

    /// Takes `array` as images; `name` stands in error messages.
    ///
    /// # Errors
    /// If the array is not one of bytes in three dimensions.
    pub fn from_idx(array: IdxArray, name: impl AsRef<Path>) -> Result<Images> {
        let dtype = array.data.dtype();
        match (array.data, &array.shape[..]) {
            (IdxData::U8(pixels), &[count, rows, cols]) if !pixels.is_empty() => {
                Ok(Images { pixels, count, rows, cols })
            }
            _ => Err(unfit(
                name.as_ref(),
                format!("holds {dtype} of shape {:?}, not images", array.shape),
                "images are u8 of shape [count, rows, cols]",
            )),
        }
    }

    /// Pixels per image.
    pub fn size(&self) -> usize {
        self.rows * self.cols
    }

    /// The bytes of image `index`.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.size()..][..self.size()]
    }

    /// Writes the images at `indices` to `out` as numbers in [0, 1]: pixel / 255.
    ///
    /// Shapes: `indices` is `[batch]`, `out` is `[batch, rows * cols]`.
    ///
    /// # Panics
    /// If `out` has another length, or an index is out of range.
    #[track_caller]
    pub fn batch_into(&self, indices: &[u32], out: &mut [f32]) {
        let size = self.size();
        assert!(
            out.len() == indices.len() * size,
            "batch_into: {} images of {size} pixels do not fit {} numbers",
            indices.len(),
            out.len()
        );
        for (&index, target) in indices.iter().zip(out.chunks_exact_mut(size)) {
            assert!((index as usize) < self.count, "batch_into: image {index} of {}", self.count);
            for (number, &pixel) in target.iter_mut().zip(self.image(index as usize)) {
                *number = f32::from(pixel) / 255.0;
            }
        }
    }
}

/// Images, and a label for each if there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The images.
    pub images: Images,
    /// The class of each image.
    pub labels: Option<Vec<u8>>,
}

impl Split {
    /// Reads images, and labels where a file of them is given.
    ///
    /// # Errors
    /// If a file cannot be read or holds something else, or if the counts differ.
    pub fn load(images: impl AsRef<Path>, labels: Option<&Path>) -> Result<Split> {
        let array = idx::read(&images)?;
        let labels = labels.map(|path| Ok((idx::read(path)?, path.to_owned()))).transpose()?;
        Split::from_idx((array, images.as_ref().to_owned()), labels)
    }

    /// Takes arrays as images and labels; each array comes with a name for error messages.
    ///
    /// # Errors
    /// As [`Split::load`].
    pub fn from_idx(
        (images, images_name): (IdxArray, PathBuf),
        labels: Option<(IdxArray, PathBuf)>,
    ) -> Result<Split> {
        let images = Images::from_idx(images, &images_name)?;
        let Some((array, name)) = labels else { return Ok(Split { images, labels: None }) };
        let dtype = array.data.dtype();
        let (IdxData::U8(labels), [count]) = (array.data, &array.shape[..]) else {
            let what = format!("holds {dtype} of shape {:?}, not labels", array.shape);
            return Err(unfit(&name, what, "labels are u8 of shape [count]"));
        };
        if *count != images.count {
            let from = images_name.display();
            let what = format!("holds {count} labels for the {} images of {from}", images.count);
            return Err(unfit(&name, what, "images and labels must come from the same set"));
        }
        Ok(Split { images, labels: Some(labels) })
    }
}

/// A set of images to train on, and one of the same size to test on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `sample`, `mnist`, `fashion-mnist`, or the folder it came from.
    pub name: String,
    /// What is trained on.
    pub train: Split,
    /// What is tested on.
    pub test: Split,
}

impl Dataset {
    /// Joins two splits into a set; `place` stands in error messages.
    ///
    /// # Errors
    /// If their images differ in size.
    pub fn new(name: &str, train: Split, test: Split, place: impl AsRef<Path>) -> Result<Dataset> {
        let ((a, b), (c, d)) =
            ((train.images.rows, train.images.cols), (test.images.rows, test.images.cols));
        if (a, b) != (c, d) {
            let what = format!("the training images are {a}x{b} pixels, the test images {c}x{d}");
            let help = "both must come from the same set";
            return Err(unfit(place.as_ref(), what, help));
        }
        Ok(Dataset { name: name.to_owned(), train, test })
    }

    /// The number of classes: one more than the largest label, and 0 without labels.
    pub fn classes(&self) -> usize {
        let labels = [&self.train, &self.test].into_iter().filter_map(|s| s.labels.as_ref());
        labels.flatten().max().map_or(0, |&largest| usize::from(largest) + 1)
    }

    /// The name of each class: garments for Fashion-MNIST and the sample cut from it, else numbers.
    pub fn class_names(&self) -> Vec<String> {
        let folder = Path::new(&self.name).file_name();
        if self.name == "sample" || folder.is_some_and(|f| f == "fashion-mnist") {
            return super::FASHION_MNIST_CLASSES.map(String::from).to_vec();
        }
        (0..self.classes()).map(|class| class.to_string()).collect()
    }
}

fn unfit(path: &Path, what: String, help: &str) -> Error {
    Error::Data { path: path.to_owned(), what, help: help.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize]) -> IdxArray {
        let count = shape.iter().product::<usize>();
        let data = (0..count).map(|i| (i * 51 % 256) as u8).collect();
        IdxArray { shape: shape.to_vec(), data: IdxData::U8(data) }
    }

    fn split(images: &[usize], labels: Option<&[usize]>) -> Result<Split> {
        let labels = labels.map(|shape| (array(shape), "labels".into()));
        Split::from_idx((array(images), "images".into()), labels)
    }

    #[test]
    fn a_batch_is_pixels_over_255_in_the_order_asked_for() {
        let images = split(&[3, 1, 2], None).unwrap().images;
        assert_eq!(images.pixels, [0, 51, 102, 153, 204, 255]);
        let mut out = [9.0; 6];
        images.batch_into(&[2, 0, 2], &mut out);
        assert_eq!(out, [0.8, 1.0, 0.0, 0.2, 0.8, 1.0]);
    }

    #[test]
    #[should_panic(expected = "image 3 of 3")]
    fn a_batch_beyond_the_end_panics() {
        split(&[3, 1, 2], None).unwrap().images.batch_into(&[3], &mut [0.0; 2]);
    }

    #[test]
    #[should_panic(expected = "do not fit 3 numbers")]
    fn a_batch_of_the_wrong_length_panics() {
        split(&[3, 1, 2], None).unwrap().images.batch_into(&[0], &mut [0.0; 3]);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let line = |result: Result<Split>| result.unwrap_err().to_string();
        assert!(line(split(&[3, 4], None)).contains("u8 of shape [3, 4], not images"));
        assert!(line(split(&[3, 1, 2], Some(&[3, 1]))).contains("not labels"));
        assert!(line(split(&[3, 1, 2], Some(&[4]))).contains("4 labels for the 3 images"));
        let floats = IdxArray { shape: vec![1, 1, 1], data: IdxData::F32(vec![0.5]) };
        assert!(Images::from_idx(floats, "f").unwrap_err().to_string().contains("holds f32"));
        let empty = IdxArray { shape: vec![0, 2, 2], data: IdxData::U8(vec![]) };
        assert!(Images::from_idx(empty, "e").is_err());
        let (a, b) = (split(&[3, 1, 2], None).unwrap(), split(&[3, 2, 1], None).unwrap());
        let error = Dataset::new("x", a, b, "folder").unwrap_err().to_string();
        assert!(error.contains("1x2 pixels, the test images 2x1"), "{error}");
    }

    #[test]
    fn classes_are_named() {
        let two = || split(&[3, 1, 2], Some(&[3])).unwrap();
        let mut set = Dataset::new("mnist", two(), two(), "x").unwrap();
        set.train.labels = Some(vec![0, 2, 1]);
        set.test.labels = Some(vec![0, 0, 3]);
        assert_eq!(set.class_names(), ["0", "1", "2", "3"]);
        set.name = "/some/where/fashion-mnist".into();
        assert_eq!(set.class_names()[9], "Ankle boot");
        set.name = "mnist".into();
        (set.train.labels, set.test.labels) = (None, None);
        assert_eq!(set.classes(), 0);
    }
}
