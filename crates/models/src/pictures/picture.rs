//! A rectangle of pixels, and how it becomes a PNG file.

use std::path::Path;

use crate::Result;

/// A colour: red, green, blue in 0..=255.
pub(super) type Rgb = [u8; 3];

/// A rectangle of RGB pixels, row by row from the top left.
///
/// ```
/// use elbo_models::pictures::mosaic;
/// use ndarray::array;
///
/// let two = array![[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]];
/// let picture = mosaic(two.view(), (2, 2), 2, 8);
/// let folder = tempfile::tempdir().unwrap();
/// picture.save(folder.path().join("two.png")).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// A rectangle of one colour. A side of zero becomes one, because PNG knows no empty picture.
    pub(super) fn blank(width: usize, height: usize, colour: Rgb) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, rgb: colour.repeat(width * height) }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels as bytes, `[height, width, 3]` in row-major order.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixel in column `x` and row `y`, counted from the top left.
    ///
    /// # Panics
    /// If the pixel lies outside.
    #[track_caller]
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(
            x < self.width && y < self.height,
            "pixel ({x}, {y}) of a picture of {} × {}",
            self.width,
            self.height
        );
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Paints a rectangle; whatever part of it lies outside is left out.
    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Rgb) {
        let right = (x + width).min(self.width);
        for row in y..(y + height).min(self.height) {
            for column in x..right {
                let at = 3 * (row * self.width + column);
                self.rgb[at..at + 3].copy_from_slice(&colour);
            }
        }
    }

    /// Copies another picture with its top left pixel to (`x`, `y`); what lies outside is left out.
    pub(super) fn paste(&mut self, other: &Picture, x: i64, y: i64) {
        for row in 0..other.height {
            for column in 0..other.width {
                let (right, down) = (x + column as i64, y + row as i64);
                if right >= 0 && down >= 0 {
                    let colour = other.pixel(column, row);
                    self.fill(right as usize, down as usize, 1, 1, colour);
                }
            }
        }
    }

    /// The bytes of a PNG file: 8-bit gray if no pixel has a colour, 8-bit RGB otherwise.
    ///
    /// The same picture always gives the same bytes: they hold neither a time nor a name.
    pub fn png(&self) -> Vec<u8> {
        let gray = self.rgb.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_color(if gray { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("memory takes a header");
        let written = if gray {
            writer.write_image_data(&self.rgb.iter().copied().step_by(3).collect::<Vec<u8>>())
        } else {
            writer.write_image_data(&self.rgb)
        };
        written.expect("there are as many pixels as the header says");
        writer.finish().expect("memory takes the end of a file");
        bytes
    }

    /// Writes the picture as a [PNG](Picture::png) file, which appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the folder does not exist or cannot be written to.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::atomic::write_whole(path.as_ref(), &self.png())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use std::io;

    fn decode(path: &Path) -> (png::ColorType, u32, u32, Vec<u8>) {
        let file = io::BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        (info.color_type, info.width, info.height, bytes)
    }

    #[test]
    fn colours_come_back_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut picture = Picture::blank(3, 2, [255, 255, 255]);
        picture.fill(1, 0, 1, 2, [10, 20, 30]);
        picture.save(&path).unwrap();
        let column = [255, 255, 255, 10, 20, 30, 255, 255, 255];
        assert_eq!(decode(&path), (png::ColorType::Rgb, 3, 2, column.repeat(2)));
    }

    #[test]
    fn a_picture_without_colour_is_written_as_gray() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut picture = Picture::blank(2, 2, [7, 7, 7]);
        picture.fill(1, 1, 5, 5, [200, 200, 200]);
        picture.save(&path).unwrap();
        assert_eq!(decode(&path), (png::ColorType::Grayscale, 2, 2, vec![7, 7, 7, 200]));
    }

    #[test]
    fn an_old_file_is_replaced_and_nothing_else_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, "old").unwrap();
        Picture::blank(4, 4, [1, 2, 3]).save(&path).unwrap();
        let first = std::fs::read(&path).unwrap();
        Picture::blank(4, 4, [1, 2, 3]).save(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
        assert_eq!(&first[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("a.png");
        let error = Picture::blank(1, 1, [0; 3]).save(&path).unwrap_err();
        let missing = path.parent().unwrap();
        assert!(matches!(&error, Error::Io { path, .. } if path == missing), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_picture_is_as_readable_as_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (picture, plain) = (folder.path().join("a.png"), folder.path().join("b"));
        Picture::blank(1, 1, [0; 3]).save(&picture).unwrap();
        std::fs::write(&plain, "").unwrap();
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&picture), mode(&plain));
    }

    #[test]
    fn what_is_pasted_beyond_the_edges_is_left_out() {
        let mut picture = Picture::blank(2, 2, [0; 3]);
        let mut patch = Picture::blank(2, 2, [9; 3]);
        patch.fill(1, 1, 1, 1, [7; 3]);
        picture.paste(&patch, -1, -1);
        assert_eq!([picture.pixel(0, 0), picture.pixel(1, 1)], [[7; 3], [0; 3]]);
        picture.paste(&patch, 1, 1);
        assert_eq!([picture.pixel(0, 1), picture.pixel(1, 1)], [[0; 3], [9; 3]]);
    }
}
