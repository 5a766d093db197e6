//! The pictures of a run: which there are, and what is on them.

use std::path::PathBuf;

use elbo_tensor::{Stream, Tensor, no_grad};
use ndarray::{ArrayView2, Ix2};

use crate::data::Dataset;
use crate::pictures::{
    Curves, Series, manifold, manifold_codes, mosaic, originals_over_reconstructions, scatter,
};
use crate::train::{batch_of, read_metrics};
use crate::{Codec, Result, RunFolder, Trained, evaluate};

/// Pixels of a picture per pixel of an image.
const SCALE: usize = 2;

/// Draws every picture that makes sense for a run into its folder; returns their paths.
///
/// # Errors
/// If a picture cannot be written.
pub fn draw(
    folder: &RunFolder,
    trained: &Trained,
    data: &Dataset,
    seed: u64,
) -> Result<Vec<PathBuf>> {
    let mut drawn = vec![reconstructions(folder, trained.codec(), data, 10)?];
    if let Trained::Gradient(model) = trained {
        if model.as_vae().is_some() {
            drawn.push(samples(folder, trained.codec(), data, 100, seed)?);
        }
        drawn.push(loss_curves(folder, model.unit())?);
    }
    if trained.codec().latent_dim() == 2 {
        drawn.extend(latent_plane(folder, trained, data)?);
    }
    Ok(drawn)
}

/// `reconstructions.png`: the first test images over what becomes of them, `columns` in a row.
///
/// # Errors
/// If the picture cannot be written.
pub fn reconstructions(
    folder: &RunFolder,
    model: &dyn Codec,
    data: &Dataset,
    columns: usize,
) -> Result<PathBuf> {
    let count = (3 * columns).min(data.test.images.count);
    let indices: Vec<u32> = (0..count as u32).collect();
    let x = batch_of(&data.test, &indices);
    let x_hat = no_grad(|| model.reconstruct(&x));
    let size = size(data);
    let picture = originals_over_reconstructions(rows(&x), rows(&x_hat), size, columns, SCALE);
    let path = folder.path().join("reconstructions.png");
    picture.save(&path)?;
    Ok(path)
}

/// `samples.png`: decoded draws from the prior N(0, I).
///
/// # Errors
/// If the picture cannot be written.
pub fn samples(
    folder: &RunFolder,
    model: &dyn Codec,
    data: &Dataset,
    count: usize,
    seed: u64,
) -> Result<PathBuf> {
    let x = draw_samples(model, count, seed);
    let columns = (count as f64).sqrt().ceil() as usize;
    let path = folder.path().join("samples.png");
    mosaic(rows(&x), size(data), columns, SCALE).save(&path)?;
    Ok(path)
}

/// Decoded draws from the prior, [count, pixels].
pub fn draw_samples(model: &dyn Codec, count: usize, seed: u64) -> Tensor {
    let z = Stream::new(seed).normal([count, model.latent_dim()]);
    no_grad(|| model.decode(&z))
}

/// `codes.png`, the coloured scatter of the test images' codes; and for a VAE `manifold.png`, what
/// the plane of codes decodes to, through the quantiles of the prior.
fn latent_plane(folder: &RunFolder, trained: &Trained, data: &Dataset) -> Result<Vec<PathBuf>> {
    const SIDE: usize = 20;
    let model = trained.codec();
    let codes = evaluate::codes(model, &data.test, 256);
    let labels = data.test.labels.as_deref();
    let title = format!("Codes of {} test images", data.test.images.count);
    let names = data.class_names();
    let picture = scatter(rows(&codes), labels, &names, &title, ("z₁", "z₂"));
    let mut drawn = vec![folder.path().join("codes.png")];
    picture.save(&drawn[0])?;
    if matches!(trained, Trained::Gradient(model) if model.as_vae().is_some()) {
        let x = no_grad(|| model.decode(&Tensor::from(manifold_codes(SIDE))));
        let path = folder.path().join("manifold.png");
        manifold(rows(&x), size(data), SIDE, SCALE).save(&path)?;
        drawn.push(path);
    }
    Ok(drawn)
}

/// `loss.png`: training and test loss over epochs.
///
/// # Errors
/// If the metrics cannot be read or the picture cannot be written.
pub fn loss_curves(folder: &RunFolder, unit: &str) -> Result<PathBuf> {
    let metrics = read_metrics(&folder.metrics())?;
    let series = |name: &str, value: fn(&crate::EpochMetrics) -> f64| Series {
        name: name.into(),
        points: metrics.iter().map(|m| (m.epoch as f64, value(m))).collect(),
    };
    let picture = Curves {
        title: "Loss".into(),
        x: "epoch".into(),
        y: unit.into(),
        series: vec![series("training", |m| m.train_loss), series("test", |m| m.test_loss)],
        ..Curves::default()
    };
    let path = folder.path().join("loss.png");
    picture.draw().save(&path)?;
    Ok(path)
}

fn size(data: &Dataset) -> (usize, usize) {
    (data.test.images.rows, data.test.images.cols)
}

/// A matrix as the pictures take it.
fn rows(x: &Tensor) -> ArrayView2<'_, f32> {
    x.view().into_dimensionality::<Ix2>().expect("a matrix")
}
