//! [`Settings`]: all that is needed to repeat a run.

use elbo_layers::{Activation, Schedule};
use elbo_tensor::kernels::gemm;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is trained.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// [`Vae`](crate::Vae)
    #[default]
    Vae,
    /// [`Autoencoder`](crate::Autoencoder)
    Autoencoder,
    /// [`Pca`](crate::Pca)
    Pca,
}

impl ModelKind {
    /// The word for it in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Vae => "vae",
            ModelKind::Autoencoder => "autoencoder",
            ModelKind::Pca => "pca",
        }
    }
}

/// The distribution of an image given its latent code.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Each pixel is a coin; grey pixels are its probabilities.
    #[default]
    Bernoulli,
    /// Each pixel is normal with one variance for all, which is learned (Rybkin et al. 2021).
    Gaussian,
}

/// How far a reconstruction is from its image.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconstruction {
    /// Binary cross-entropy, in nats.
    #[default]
    Bce,
    /// Squared error.
    Mse,
    /// Absolute error.
    L1,
    /// Categorical cross-entropy of pixels cut into grey levels, in nats.
    Categorical,
}

/// Which optimizer takes the steps.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// [`Adam`](elbo_layers::Adam)
    #[default]
    Adam,
    /// [`AdamW`](elbo_layers::AdamW)
    Adamw,
    /// [`Sgd`](elbo_layers::Sgd)
    Sgd,
}

/// How exact the matrix products of training are. Everything else, parameters included, has the digits of `f32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// [`gemm::Precision::Full`]
    #[default]
    F32,
    /// [`gemm::Precision::Bf16`]
    Bf16,
}

impl From<Precision> for gemm::Precision {
    fn from(precision: Precision) -> gemm::Precision {
        match precision {
            Precision::F32 => gemm::Precision::Full,
            Precision::Bf16 => gemm::Precision::Bf16,
        }
    }
}

/// All that is needed to repeat a run: the contents of its `config.toml`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is trained.
    pub model: ModelKind,
    /// The data set: `sample`, `mnist`, `fashion-mnist`, or a folder.
    pub data: String,
    /// Passes over the training images.
    pub epochs: u64,
    /// Images per step.
    pub batch_size: usize,
    /// How exact the matrix products of training are; tests are in full.
    pub precision: Precision,
    /// Learning rate.
    pub lr: f64,
    /// What all randomness follows from.
    pub seed: u64,
    /// Size of the code; for PCA, the number of components.
    pub latent: usize,
    /// Sizes of the encoder's hidden layers; the decoder mirrors them.
    pub hidden: Vec<usize>,
    /// Between layers.
    pub activation: Activation,
    /// VAE: the distribution of an image given its code.
    pub likelihood: Likelihood,
    /// VAE: the weight of the KL term (Higgins et al. 2017).
    pub beta: f64,
    /// VAE: epochs over which the weight of the KL term rises from 0 to beta.
    pub kl_warmup: f64,
    /// Autoencoder: how far a reconstruction is from its image.
    pub loss: Reconstruction,
    /// Autoencoder: on the output, where the loss is `mse` or `l1`.
    pub output: Activation,
    /// Autoencoder: on the code.
    pub code: Activation,
    /// Autoencoder: grey levels of the categorical loss.
    pub levels: usize,
    /// Which optimizer takes the steps.
    pub optimizer: OptimizerKind,
    /// Weight decay: decoupled for `adamw`, an L2 penalty otherwise.
    pub weight_decay: f64,
    /// Momentum of `sgd`.
    pub momentum: f64,
    /// Gradients whose norm is larger are scaled down to it; 0 for never.
    pub clip_norm: f64,
    /// Epochs without a better test loss after which training stops; 0 for never.
    pub patience: u64,
    /// The learning rate over time.
    pub schedule: Schedule,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            model: ModelKind::default(),
            data: "sample".into(),
            epochs: 10,
            batch_size: 128,
            precision: Precision::default(),
            lr: 1e-3,
            seed: 1,
            latent: 20,
            hidden: vec![400],
            activation: Activation::Relu,
            likelihood: Likelihood::default(),
            beta: 1.0,
            kl_warmup: 0.0,
            loss: Reconstruction::default(),
            output: Activation::Sigmoid,
            code: Activation::Identity,
            levels: 8,
            optimizer: OptimizerKind::default(),
            weight_decay: 0.0,
            momentum: 0.9,
            clip_norm: 0.0,
            patience: 0,
            schedule: Schedule::default(),
        }
    }
}

/// More than any machine could train that has no accelerator; beyond it a number is a slip.
const MOST_PARAMETERS: usize = 1_000_000_000;

impl Settings {
    /// About how many parameters a model for images of so many pixels has; `None` if that is no
    /// number a machine can count to.
    fn parameters(&self, pixels: usize) -> Option<usize> {
        let outputs = match (self.model, self.loss) {
            (ModelKind::Autoencoder, Reconstruction::Categorical) => {
                pixels.checked_mul(self.levels)?
            }
            _ => pixels,
        };
        let code = self.latent.checked_mul(2)?;
        let sizes = |first, last| [&[first], &self.hidden[..], &[last]].concat();
        let weights = |sizes: Vec<usize>| {
            let products = sizes.windows(2).map(|pair| pair[0].checked_mul(pair[1]));
            products.into_iter().try_fold(0usize, |sum, product| sum.checked_add(product?))
        };
        weights(sizes(pixels, code))?.checked_add(weights(sizes(outputs, self.latent))?)
    }

    /// Checks every setting against what is possible for `images` training images of `pixels` pixels.
    ///
    /// # Errors
    /// The first setting that is out of range, with its value and what is allowed.
    pub fn validate(&self, images: usize, pixels: usize) -> Result<()> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let not_negative = |x: f64| x.is_finite() && x >= 0.0;
        let require = |ok: bool, setting: &str, value: &dyn std::fmt::Debug, allowed: &str| {
            if ok {
                return Ok(());
            }
            Err(Error::Settings {
                what: format!("{setting} is {value:?}"),
                help: format!("it must be {allowed}"),
            })
        };
        require(self.latent >= 1, "latent", &self.latent, "at least 1")?;
        if self.model == ModelKind::Pca {
            let most = pixels.min(images.saturating_sub(1));
            let allowed = format!("at most {most}: pixels, and images less one");
            return require(self.latent <= most, "latent", &self.latent, &allowed);
        }
        require(self.epochs >= 1, "epochs", &self.epochs, "at least 1")?;
        require(self.batch_size >= 1, "batch_size", &self.batch_size, "at least 1")?;
        let allowed = format!("at most {images}, the number of training images");
        require(self.batch_size <= images, "batch_size", &self.batch_size, &allowed)?;
        require(positive(self.lr), "lr", &self.lr, "a number above 0")?;
        let sizes = self.hidden.iter().all(|&size| size >= 1);
        require(sizes, "hidden", &self.hidden, "sizes of at least 1")?;
        let parameters = self.parameters(pixels);
        if parameters.is_none_or(|count| count > MOST_PARAMETERS) {
            return Err(Error::Settings {
                what: format!("latent is {} and hidden is {:?}", self.latent, self.hidden),
                help: format!("a model has at most {MOST_PARAMETERS} parameters"),
            });
        }
        require(not_negative(self.beta), "beta", &self.beta, "a number of at least 0")?;
        let epochs = "a number of epochs of at least 0";
        require(not_negative(self.kl_warmup), "kl_warmup", &self.kl_warmup, epochs)?;
        let levels = (2..=256).contains(&self.levels);
        require(levels, "levels", &self.levels, "from 2 to 256")?;
        let decay = not_negative(self.weight_decay);
        require(decay, "weight_decay", &self.weight_decay, "a number of at least 0")?;
        let momentum = (0.0..1.0).contains(&self.momentum);
        require(momentum, "momentum", &self.momentum, "at least 0 and below 1")?;
        require(
            not_negative(self.clip_norm),
            "clip_norm",
            &self.clip_norm,
            "a number of at least 0",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_out_of_range_is_named_with_its_value() {
        let base = Settings::default();
        base.validate(1000, 784).unwrap();
        type Change = fn(&mut Settings);
        let cases: [(Change, &str); 11] = [
            (|s| s.lr = f64::NAN, "lr is NaN"),
            (|s| s.lr = 0.0, "lr is 0.0"),
            (|s| s.batch_size = 0, "batch_size is 0"),
            (|s| s.batch_size = 1001, "batch_size is 1001; it must be at most 1000"),
            (|s| s.latent = 0, "latent is 0"),
            (|s| s.hidden = vec![10, 0], "hidden is [10, 0]"),
            (|s| s.epochs = 0, "epochs is 0"),
            (|s| s.beta = -1.0, "beta is -1.0"),
            (|s| s.levels = 1, "levels is 1"),
            (|s| s.momentum = 1.0, "momentum is 1.0"),
            (
                |s| (s.model, s.latent) = (ModelKind::Pca, 785),
                "latent is 785; it must be at most 784",
            ),
        ];
        for (change, message) in cases {
            let mut settings = base.clone();
            change(&mut settings);
            let error = settings.validate(1000, 784).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn settings_survive_the_way_through_toml() {
        let settings = Settings {
            hidden: vec![512, 256],
            schedule: Schedule::Cosine { epochs: 10.0, floor: 0.1 },
            ..Settings::default()
        };
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings);
        assert!(toml::from_str::<Settings>("latnet = 3").is_err());
    }
}
