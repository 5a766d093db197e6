//! Cuts the sample that is inside the binary out of Fashion-MNIST.
//!
//!     cargo run -p elbo-models --example cut_sample -- FOLDER OUT
//!
//! FOLDER holds the four published files, OUT receives four smaller ones of the same names: the
//! first 400 training and 100 test images of each class, in file order, with their labels. The
//! same input gives the same bytes.

use std::path::Path;
use std::process::ExitCode;

use elbo_models::data::idx::{self, IdxArray, IdxData};
use elbo_models::data::{FILE_NAMES, Source, Split, load};
use elbo_models::{Error, Result};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out] = arguments.as_slice() else {
        eprintln!("usage: cut_sample FOLDER OUT");
        return ExitCode::from(2);
    };
    match cut(folder, Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn cut(folder: &str, out: &Path) -> Result<()> {
    let data = load(&Source::Folder(folder.into()))?;
    for (split, each, names) in
        [(&data.train, 400, &FILE_NAMES[..2]), (&data.test, 100, &FILE_NAMES[2..])]
    {
        let (images, labels) = first_of_each_class(split, each)?;
        for (name, array) in names.iter().zip([images, labels]) {
            idx::write(&out.join(format!("{name}.gz")), &array)?;
        }
    }
    Ok(())
}

/// The first `each` images of each label, in the order of the file.
fn first_of_each_class(split: &Split, each: usize) -> Result<(IdxArray, IdxArray)> {
    let labels = split.labels.as_ref().ok_or_else(|| Error::Settings {
        what: "the labels are not there".into(),
        help: "cut_sample needs all four files".into(),
    })?;
    let mut seen = [0; 256];
    let (mut pixels, mut kept) = (Vec::new(), Vec::new());
    for (index, &label) in labels.iter().enumerate() {
        seen[usize::from(label)] += 1;
        if seen[usize::from(label)] <= each {
            pixels.extend_from_slice(split.images.image(index));
            kept.push(label);
        }
    }
    let shape = vec![kept.len(), split.images.rows, split.images.cols];
    let images = IdxArray { shape, data: IdxData::U8(pixels) };
    Ok((images, IdxArray { shape: vec![kept.len()], data: IdxData::U8(kept) }))
}
