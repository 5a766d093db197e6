//! Images that come from IDX files.

mod dataset;
pub mod idx;
mod shuffle;
mod statistics;
mod whole;

pub use dataset::{Dataset, Images, Split};
pub use shuffle::order;
pub use statistics::Statistics;

/// tmp
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];
