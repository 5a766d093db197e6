//! The folder of a run: what it holds, and the model that is in it.
//!
//! ```text
//! config.toml              all that is needed to repeat the run
//! metrics.jsonl            one JSON object per epoch
//! checkpoint.safetensors   the last state of the model; state-*.safetensors belongs to it
//! best.safetensors         the state with the best test loss
//! *.png                    pictures
//! ```

use std::path::{Path, PathBuf};

use elbo_tensor::{Stream, Tensor};

use crate::train::{read_tensors, write_tensors};
use crate::{Autoencoder, Codec, Error, Model, ModelKind, Pca, Result, Settings, Vae};

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run and writes its settings.
    ///
    /// # Errors
    /// If it holds a run already, or anything else, or cannot be written.
    pub fn create(path: &Path, settings: &Settings) -> Result<RunFolder> {
        let folder = RunFolder { path: path.into() };
        let io = |source| Error::Io {
            path: path.into(),
            source,
            help: "choose another folder with --out".into(),
        };
        std::fs::create_dir_all(path).map_err(io)?;
        if folder.config().exists() {
            return Err(Error::Settings {
                what: format!("{} already holds a run", path.display()),
                help: "choose another folder with --out, or go on with it with --resume".into(),
            });
        }
        if std::fs::read_dir(path).map_err(io)?.next().is_some() {
            return Err(Error::Settings {
                what: format!("{} is not empty and holds no run", path.display()),
                help: "choose another folder with --out".into(),
            });
        }
        folder.write_settings(settings)?;
        Ok(folder)
    }

    /// An empty folder below `runs/`, for programs that try things out: what an earlier call with
    /// the same name left there is removed.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn scratch(name: &str) -> Result<RunFolder> {
        let path = Path::new("runs").join(name);
        let io = |source| Error::Io {
            path: path.clone(),
            source,
            help: "run the program from a folder that may be written to".into(),
        };
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => std::fs::create_dir_all(&path).map_err(io)?,
        }
        Ok(RunFolder { path })
    }

    /// The folder of a run that exists.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> Result<RunFolder> {
        let folder = RunFolder { path: path.into() };
        if folder.config().exists() {
            return Ok(folder);
        }
        Err(Error::Settings {
            what: format!("{} holds no run: there is no config.toml", path.display()),
            help: "give the folder that `elbo train` wrote".into(),
        })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// `metrics.jsonl`
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// `checkpoint.safetensors`
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// `best.safetensors`
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// The settings of the run.
    ///
    /// # Errors
    /// If `config.toml` cannot be read or holds something else.
    pub fn settings(&self) -> Result<Settings> {
        read_settings(&self.config()).map(|(settings, _)| settings)
    }

    pub(crate) fn write_settings(&self, settings: &Settings) -> Result<()> {
        let text = toml::to_string(settings).expect("settings are a table");
        crate::atomic::write_whole(&self.config(), text.as_bytes())
    }

    /// Removes training states that belong to no checkpoint any more.
    pub(crate) fn remove_states_but(&self, name: &str) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let is_state = file.starts_with("state-") && file.ends_with(".safetensors");
            if is_state && file != name {
                // One that stays costs space and nothing else.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// The trained model.
    ///
    /// # Errors
    /// If a file is missing, damaged, or belongs to another model.
    pub fn load(&self, best: bool) -> Result<Trained> {
        let settings = self.settings()?;
        let path = if best && self.best().exists() { self.best() } else { self.checkpoint() };
        let tensors = read_tensors(&path)?;
        if settings.model == ModelKind::Pca {
            return Ok(Trained::Pca(Box::new(load_pca(&path, tensors)?)));
        }
        let pixels = pixels_of(&tensors).ok_or_else(|| Error::Checkpoint {
            path: path.clone(),
            what: "encoder.0.weight is missing".into(),
            help: "this is the checkpoint of another model".into(),
        })?;
        // The file may have been edited, and nothing is to be allocated on its word alone.
        settings.validate(usize::MAX, pixels)?;
        let mut model = new_model(&settings, pixels, &mut Stream::new(0));
        crate::train::load_parameters(&path, &tensors, &mut *model)?;
        Ok(Trained::Gradient(model))
    }
}

/// Settings from a TOML file, and the names of those that it has: the others are the defaults.
///
/// # Errors
/// If it cannot be read, or a key or value is not one that is known.
pub fn read_settings(path: &Path) -> Result<(Settings, Vec<String>)> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        path: path.into(),
        source,
        help: "give a TOML file such as the config.toml of a run".into(),
    })?;
    let bad = |error: toml::de::Error| Error::Data {
        path: path.into(),
        what: error.message().to_string(),
        help: match error.span() {
            Some(span) => format!("see line {}", 1 + text[..span.start].matches('\n').count()),
            None => "compare with the config.toml of another run".into(),
        },
    };
    let settings = toml::from_str(&text).map_err(bad)?;
    let names = toml::from_str::<toml::Table>(&text).map_err(bad)?;
    Ok((settings, names.into_iter().map(|(name, _)| name).collect()))
}

/// A model with the weights of a run.
pub enum Trained {
    /// One that was trained by gradients.
    Gradient(Box<dyn Model>),
    /// Principal components.
    Pca(Box<Pca>),
}

impl Trained {
    /// Images to codes and back.
    pub fn codec(&self) -> &dyn Codec {
        match self {
            Trained::Gradient(model) => &**model,
            Trained::Pca(pca) => &**pca,
        }
    }
}

/// A model of the kind that the settings name, with fresh weights.
///
/// # Panics
/// For PCA, which has no weights to begin with.
pub fn new_model(settings: &Settings, pixels: usize, init: &mut Stream) -> Box<dyn Model> {
    match settings.model {
        ModelKind::Vae => Box::new(Vae::new(pixels, settings, init)),
        ModelKind::Autoencoder => Box::new(Autoencoder::new(pixels, settings, init)),
        ModelKind::Pca => panic!("PCA is fitted, not trained"),
    }
}

/// Writes the components of a PCA as the checkpoint of a run, under scikit-learn's names.
///
/// # Errors
/// If the file cannot be written.
pub fn save_pca(folder: &RunFolder, pca: &Pca) -> Result<()> {
    let variances: Vec<f32> = pca.explained_variance().iter().map(|&v| v as f32).collect();
    let total = Tensor::from([pca.total_variance() as f32]);
    let tensors = vec![
        ("components_".into(), pca.components().clone()),
        ("explained_variance_".into(), variances.into()),
        ("mean_".into(), pca.mean().clone()),
        ("total_variance_".into(), total),
    ];
    write_tensors(&folder.checkpoint(), tensors)
}

fn load_pca(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<Pca> {
    let get = |name: &str| {
        let found = tensors.iter().find(|(saved, _)| saved == name);
        found.map(|(_, tensor)| tensor.clone()).ok_or_else(|| Error::Checkpoint {
            path: path.into(),
            what: format!("{name} is missing"),
            help: "this is the checkpoint of another model".into(),
        })
    };
    let (mean, components) = (get("mean_")?, get("components_")?);
    let variances = get("explained_variance_")?.data().iter().map(|&v| f64::from(v)).collect();
    if components.rank() != 2 || components.shape()[1..] != **mean.shape() {
        return Err(Error::Checkpoint {
            path: path.into(),
            what: format!("components_ {} and mean_ {}", components.shape(), mean.shape()),
            help: "expected [k, pixels] and [pixels]".into(),
        });
    }
    let total = f64::from(get("total_variance_")?.data().first().copied().unwrap_or(0.0));
    Ok(Pca::from_parts(mean, components, variances, total))
}

/// The number of inputs of the first layer.
fn pixels_of(tensors: &[(String, Tensor)]) -> Option<usize> {
    let (_, weight) = tensors.iter().find(|(name, _)| name == "encoder.0.weight")?;
    weight.shape().get(1).copied()
}
