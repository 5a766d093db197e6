//! Pictures as PNG: what a model sees, what it makes of it, and how it got there.
//!
//! A [`Picture`] is a rectangle of pixels that knows how to [save](Picture::save) itself. The rest
//! of this folder fills such rectangles, in two ways. Images stand side by side without a pixel
//! being interpolated: [`mosaic`], [`originals_over_reconstructions`], and the [`manifold`] of a
//! two-dimensional latent space. Numbers become figures with axes: a [`scatter`] of codes, the
//! [`Curves`] of a loss, the [`Roofline`] of a machine, and the [`Sweep`] of a study with its confidence
//! bands. [`Estimates`] show what has a name and an interval, a [`Diagram`] what is computed from what.
//!
//! Plotters draws the figures, on a canvas that is finer than the picture. The font lies inside
//! the program, so a label looks the same on every machine, and the same numbers give the same bytes.

mod canvas;
mod chart;
mod curves;
mod diagram;
mod drawing;
mod estimates;
mod field;
mod layers;
mod manifold;
mod mosaic;
mod palette;
mod picture;
mod quantile;
mod roofline;
mod scatter;
mod sweep;
mod text;

pub use curves::{Curves, Reference, Series};
pub use diagram::{Arrow, Card, Diagram, Tone, Writing};
pub use estimates::{Estimate, Estimates, Row};
pub use manifold::{manifold, manifold_codes};
pub use mosaic::{mosaic, originals_over_reconstructions};
pub use picture::Picture;
pub use quantile::normal_quantile;
pub use roofline::{Dot, Dots, Roof, Roofline};
pub use scatter::scatter;
pub use sweep::{Line, Measured, Sweep};
