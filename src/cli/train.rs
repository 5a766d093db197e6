//! `elbo train`

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use elbo_layers::Activation;
use elbo_models::data::{Dataset, Source};
use elbo_models::{
    EpochMetrics, Error, Likelihood, ModelKind, OptimizerKind, Outcome, Pca, Precision,
    Reconstruction, Result, RunFolder, Settings, Trained, Trainer, evaluate, gallery,
    read_settings, save_pca,
};
use elbo_tensor::Stream;
use serde::de::DeserializeOwned;

use super::Done;
use super::folder::next_free;
use super::interrupt;
use super::run_args::{BATCH, load_data};
use super::say::say;

/// What to train, on what, and how.
#[derive(Args)]
pub(crate) struct TrainArgs {
    /// The model
    #[arg(value_parser = words::<ModelKind>(&["vae", "autoencoder", "pca"]))]
    model: ModelKind,

    /// sample (inside this program), mnist, fashion-mnist, or a folder of IDX files
    #[arg(long)]
    data: Option<String>,

    /// Passes over the training images [default: 40 on sample, else 10]
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,

    /// Images per step [default: 128]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,

    /// Matrix products of training: bf16 rounds their factors to 8 bits of precision, which is faster on some processors: see
    /// `elbo bench step` [default: f32]
    #[arg(long, value_parser = words::<Precision>(&["f32", "bf16"]), hide_possible_values = true)]
    precision: Option<Precision>,

    /// Size of the code, or number of components [default: 20, autoencoder and pca 32]
    #[arg(long, value_name = "N")]
    latent: Option<usize>,

    /// Sizes of the encoder's hidden layers, mirrored in the decoder; "" for none [default: 400]
    #[arg(long, value_name = "N,N", value_parser = sizes)]
    hidden: Option<Sizes>,

    /// The activation between layers: relu, tanh, gelu, ... [default: relu]
    #[arg(long, value_parser = words::<Activation>(ACTIVATIONS), hide_possible_values = true)]
    activation: Option<Activation>,

    /// VAE: the distribution of an image given its code [default: bernoulli]
    #[arg(long, value_parser = words::<Likelihood>(&["bernoulli", "gaussian"]))]
    likelihood: Option<Likelihood>,

    /// VAE: weight of the KL term [default: 1]
    #[arg(long, value_name = "X")]
    beta: Option<f64>,

    /// VAE: epochs of training over which the KL term fades in; tests have all of it [default: 0]
    #[arg(long, value_name = "EPOCHS")]
    kl_warmup: Option<f64>,

    /// Autoencoder: how far a reconstruction is from its image [default: bce]
    #[arg(long, value_parser = words::<Reconstruction>(&["bce", "mse", "l1", "categorical"]))]
    loss: Option<Reconstruction>,

    /// Autoencoder: the activation of the output, with mse and l1 [default: sigmoid]
    #[arg(long, value_parser = words::<Activation>(ACTIVATIONS), hide_possible_values = true)]
    output: Option<Activation>,

    /// Autoencoder: the activation of the code [default: identity]
    #[arg(long, value_parser = words::<Activation>(ACTIVATIONS), hide_possible_values = true)]
    code: Option<Activation>,

    /// The optimizer [default: adam]
    #[arg(long, value_parser = words::<OptimizerKind>(&["adam", "adamw", "sgd"]))]
    optimizer: Option<OptimizerKind>,

    /// Learning rate [default: 0.001]
    #[arg(long, value_name = "X")]
    lr: Option<f64>,

    /// Weight decay [default: 0]
    #[arg(long, value_name = "X")]
    weight_decay: Option<f64>,

    /// Scale gradients down to this norm; 0 for never [default: 0]
    #[arg(long, value_name = "X")]
    clip_norm: Option<f64>,

    /// Stop after so many epochs without a better test loss; 0 for never [default: 0]
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<u64>,

    /// What all randomness follows from [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The folder of the run [default: the next free runs/MODEL-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Go on with the run in --out, from its last checkpoint
    #[arg(long, requires = "out")]
    resume: bool,

    /// Settings from a TOML file such as the config.toml of a run; options given here win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print one JSON object per epoch instead of a line for people
    #[arg(long)]
    json: bool,
}

const ACTIVATIONS: &[&str] =
    &["identity", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh", "sigmoid"];

/// A parser for a setting that is one of several words.
fn words<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).map(|word| {
        serde_json::from_value(word.into()).expect("the words are those of the setting")
    })
}

/// Sizes separated by commas.
#[derive(Clone)]
struct Sizes(Vec<usize>);

fn sizes(text: &str) -> std::result::Result<Sizes, String> {
    let size = |part: &str| part.trim().parse().map_err(|_| format!("`{part}` is not a size"));
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    Ok(Sizes(parts.map(size).collect::<std::result::Result<_, _>>()?))
}

impl TrainArgs {
    /// Defaults, then the file, then the options.
    fn settings(&self) -> Result<Settings> {
        let (mut settings, said) = match &self.config {
            Some(path) => read_settings(path)?,
            None => (Settings::default(), Vec::new()),
        };
        let is_said = |name: &str| said.iter().any(|said| said == name);
        if is_said("model") && settings.model != self.model {
            return Err(self.refuse(&settings.model));
        }
        if !is_said("latent") {
            settings.latent = if self.model == ModelKind::Vae { 20 } else { 32 };
        }
        self.apply(&mut settings);
        if !is_said("epochs") && self.epochs.is_none() {
            settings.epochs = if settings.data == "sample" { 40 } else { 10 };
        }
        self.check_model()?;
        Ok(settings)
    }

    /// For a file that is of another model.
    fn refuse(&self, model: &ModelKind) -> Error {
        let (given, file) = (self.model.name(), self.config.as_deref().unwrap_or(Path::new("")));
        Error::Settings {
            what: format!("{} holds settings of {}, not {given}", file.display(), model.name()),
            help: format!("say `elbo train {}`, or remove `model` from the file", model.name()),
        }
    }

    /// Refuses options that are another model's: they would be ignored.
    fn check_model(&self) -> Result<()> {
        use ModelKind::{Autoencoder, Pca, Vae};
        const BY_GRADIENTS: &[ModelKind] = &[Vae, Autoencoder];
        let options: &[(&str, bool, &[ModelKind])] = &[
            ("likelihood", self.likelihood.is_some(), &[Vae]),
            ("beta", self.beta.is_some(), &[Vae]),
            ("kl-warmup", self.kl_warmup.is_some(), &[Vae]),
            ("loss", self.loss.is_some(), &[Autoencoder]),
            ("output", self.output.is_some(), &[Autoencoder]),
            ("code", self.code.is_some(), &[Autoencoder]),
            ("epochs", self.epochs.is_some(), BY_GRADIENTS),
            ("batch-size", self.batch_size.is_some(), BY_GRADIENTS),
            ("precision", self.precision.is_some(), BY_GRADIENTS),
            ("hidden", self.hidden.is_some(), BY_GRADIENTS),
            ("activation", self.activation.is_some(), BY_GRADIENTS),
            ("optimizer", self.optimizer.is_some(), BY_GRADIENTS),
            ("lr", self.lr.is_some(), BY_GRADIENTS),
            ("weight-decay", self.weight_decay.is_some(), BY_GRADIENTS),
            ("clip-norm", self.clip_norm.is_some(), BY_GRADIENTS),
            ("patience", self.patience.is_some(), BY_GRADIENTS),
        ];
        for (name, is_given, models) in options {
            if *is_given && !models.contains(&self.model) {
                let names: Vec<&str> = models.iter().map(|model| model.name()).collect();
                let help = match (*name, self.model) {
                    ("loss" | "output", Vae) => "a VAE has a --likelihood instead",
                    (_, Pca) => "principal components are computed, not trained",
                    _ => "leave it out",
                };
                return Err(Error::Settings {
                    what: format!(
                        "--{name} is an option of {}, not of {}",
                        names.join(" and "),
                        self.model.name()
                    ),
                    help: help.into(),
                });
            }
        }
        Ok(())
    }

    /// Puts the options that were given in the place of settings.
    fn apply(&self, settings: &mut Settings) {
        fn set<T: Clone>(setting: &mut T, option: &Option<T>) {
            if let Some(value) = option {
                *setting = value.clone();
            }
        }
        settings.model = self.model;
        set(&mut settings.data, &self.data.as_deref().map(lasting));
        set(&mut settings.epochs, &self.epochs);
        set(&mut settings.batch_size, &self.batch_size);
        set(&mut settings.precision, &self.precision);
        set(&mut settings.latent, &self.latent);
        set(&mut settings.hidden, &self.hidden.as_ref().map(|sizes| sizes.0.clone()));
        set(&mut settings.activation, &self.activation);
        set(&mut settings.likelihood, &self.likelihood);
        set(&mut settings.beta, &self.beta);
        set(&mut settings.kl_warmup, &self.kl_warmup);
        set(&mut settings.loss, &self.loss);
        set(&mut settings.output, &self.output);
        set(&mut settings.code, &self.code);
        set(&mut settings.optimizer, &self.optimizer);
        set(&mut settings.lr, &self.lr);
        set(&mut settings.weight_decay, &self.weight_decay);
        set(&mut settings.clip_norm, &self.clip_norm);
        set(&mut settings.patience, &self.patience);
        set(&mut settings.seed, &self.seed);
    }

    /// Refuses options that contradict the settings of a run that goes on: they would be ignored.
    /// Only the number of epochs may change.
    fn check_resumed(&self, settings: &Settings) -> Result<()> {
        let mut wanted = match &self.config {
            Some(path) => read_settings(path)?.0,
            None => settings.clone(),
        };
        self.apply(&mut wanted);
        wanted.epochs = settings.epochs;
        let [wanted, settings] = [&wanted, settings].map(|settings| {
            serde_json::to_value(settings).expect("settings are an object of numbers and words")
        });
        let fields = settings.as_object().into_iter().flatten();
        for (name, value) in fields {
            if wanted[name] != *value {
                return Err(Error::Settings {
                    what: format!("{name} is {value} in this run, not {}", wanted[name]),
                    help: "a run goes on with its own settings; only --epochs may change, for \
                           others begin a new run"
                        .into(),
                });
            }
        }
        Ok(())
    }

    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| next_free(Path::new("runs"), self.model.name()))
    }
}

/// The name of a data set as it is; a folder by its full path, so that the run finds it from anywhere.
fn lasting(data: &str) -> String {
    match data.parse() {
        Ok(Source::Folder(folder)) => {
            folder.canonicalize().map_or(data.into(), |full| full.display().to_string())
        }
        _ => data.into(),
    }
}

pub(super) fn run(args: TrainArgs) -> Result<Done> {
    let out = args.out();
    if args.resume {
        let settings = RunFolder::open(&out)?.settings()?;
        if settings.model == ModelKind::Pca || settings.model != args.model {
            return Err(Error::Settings {
                what: format!("{} holds a run of {}", out.display(), settings.model.name()),
                help: "only a run of the same model, trained by gradients, can be resumed".into(),
            });
        }
        args.check_model()?;
        args.check_resumed(&settings)?;
        let data = load_data(&settings.data)?;
        return train(Trainer::resume(&data, &out, args.epochs)?, &data, args.json);
    }
    let settings = args.settings()?;
    let data = load_data(&settings.data)?;
    if settings.model == ModelKind::Pca {
        return pca(&settings, &data, &out, args.json).map(|()| Done::Completely);
    }
    train(Trainer::new(settings, &data, &out)?, &data, args.json)
}

fn train(mut trainer: Trainer<'_>, data: &Dataset, json: bool) -> Result<Done> {
    let interrupt = interrupt::flag();
    let settings = trainer.settings().clone();
    if !json {
        say!("{}", headline(&settings, data, trainer.model().count()));
    }
    let report = |metrics: &EpochMetrics| {
        if json {
            say!("{}", serde_json::to_string(metrics).expect("numbers and names"));
        } else {
            say!("{}", epoch_line(metrics, &settings));
        }
    };
    let outcome = trainer.run(&interrupt, report)?;
    let folder = trainer.folder().clone();
    let shown = folder.path().display().to_string();
    if outcome == Outcome::Interrupted {
        eprintln!(
            "elbo: interrupted; the state is saved. Go on with: elbo train {} --out {shown} --resume",
            settings.model.name()
        );
        return Ok(Done::Interrupted);
    }
    if outcome == Outcome::StoppedEarly && !json {
        say!("stopped early: no better test loss for {} epochs", settings.patience);
    }
    let trained = folder.load(false)?;
    let pictures = gallery::draw(&folder, &trained, data, settings.seed)?;
    if !json {
        say!("\n{}", summary(&trained, data, settings.seed));
        finish(&shown, &pictures, next_steps(&settings, &shown));
    }
    Ok(Done::Completely)
}

fn headline(settings: &Settings, data: &Dataset, parameters: usize) -> String {
    let hidden: Vec<String> = settings.hidden.iter().map(usize::to_string).collect();
    let pixels = data.train.images.pixels_per_image().to_string();
    let sizes = [vec![pixels], hidden, vec![settings.latent.to_string()]].concat().join("-");
    format!(
        "{} {sizes}, {parameters} parameters, on {} ({} training and {} test images of {}x{}), seed {}",
        settings.model.name(),
        data.name,
        data.train.images.count,
        data.test.images.count,
        data.train.images.rows,
        data.train.images.cols,
        settings.seed
    )
}

/// The loss on the test images has the whole beta, that on the training images what has faded in.
fn epoch_line(m: &EpochMetrics, settings: &Settings) -> String {
    let terms = match (m.kl, settings.beta) {
        (Some(kl), 1.0) => format!(" (recon {:.3} + KL {kl:.3})", m.recon),
        (Some(kl), beta) => format!(" (recon {:.3} + {beta} x KL {kl:.3})", m.recon),
        (None, _) => String::new(),
    };
    let epochs = settings.epochs;
    format!(
        "epoch {:>3}/{epochs}  train {:.3}  test {:.3}{terms}  {:.2} s, {:.0} images/s",
        m.epoch, m.train_loss, m.test_loss, m.seconds, m.images_per_second
    )
}

fn summary(trained: &Trained, data: &Dataset, seed: u64) -> String {
    let error = evaluate::reconstruction(trained.codec(), &data.test, BATCH);
    let error = format!("reconstruction MSE/px {:.6} (PSNR {:.2} dB)", error.mse, error.psnr);
    let Trained::Gradient(model) = trained else { return format!("test: {error}") };
    let Some(vae) = model.as_vae() else { return format!("test: {error}") };
    let bound = evaluate::bound(vae, &data.test, BATCH, &mut Stream::new(seed));
    format!(
        "test: ELBO {:.3} nats/image (recon {:.3}, KL {:.3}), {} of {} units active, {error}",
        bound.elbo,
        bound.recon,
        bound.kl,
        bound.active_units,
        bound.kl_per_unit.len()
    )
}

fn next_steps(settings: &Settings, run: &str) -> Vec<String> {
    let mut steps = vec![format!("elbo eval {run}")];
    if settings.model == ModelKind::Vae {
        steps.push(match settings.latent {
            2 => format!("elbo encode {run}"),
            _ => {
                "elbo train vae --latent 2      # a plane of codes: manifold.png, codes.png".into()
            }
        });
    }
    if settings.data == "sample" {
        let model = settings.model.name();
        steps.push("elbo data fetch mnist          # once, 11 MB".into());
        steps.push(format!("elbo train {model} --data mnist"));
    }
    steps
}

fn finish(run: &str, pictures: &[PathBuf], next: Vec<String>) {
    say!("run:      {run}");
    let names = pictures.iter().filter_map(|path| path.file_name()?.to_str());
    say!("pictures: {} in {run}", names.collect::<Vec<_>>().join(", "));
    say!("next:     {}", next.join("\n          "));
}

/// `elbo train pca`
fn pca(settings: &Settings, data: &Dataset, out: &Path, json: bool) -> Result<()> {
    settings.validate(data.train.images.count, data.train.images.pixels_per_image())?;
    let folder = RunFolder::create(out, settings)?;
    let began = Instant::now();
    let pca = Pca::<f32>::fit(&data.train.images, settings.latent)?;
    let seconds = began.elapsed().as_secs_f64();
    save_pca(&folder, &pca)?;
    let explained: f64 = pca.explained_variance().iter().sum::<f64>() / pca.total_variance();
    let train = pca.mse_per_pixel(&data.train.images);
    let test = pca.mse_per_pixel(&data.test.images);
    let trained = Trained::Pca(Box::new(pca));
    let pictures = gallery::draw(&folder, &trained, data, settings.seed)?;
    if json {
        say!(
            "{}",
            serde_json::json!({
                "components": settings.latent, "seconds": seconds, "explained": explained,
                "train_mse": train, "test_mse": test,
            })
        );
        return Ok(());
    }
    say!(
        "pca, {} components of {} images of {}: fitted in {seconds:.2} s",
        settings.latent,
        data.train.images.count,
        data.name
    );
    say!("explained variance {:.4} %, MSE/px train {train:.6}, test {test:.6}", 100.0 * explained);
    say!("\n{}", summary(&trained, data, settings.seed));
    let shown = out.display().to_string();
    finish(&shown, &pictures, next_steps(settings, &shown));
    Ok(())
}
