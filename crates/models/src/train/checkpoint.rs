//! Checkpoints: safetensors files that appear whole or not at all.
//!
//! `checkpoint.safetensors` holds the parameters under PyTorch's names and layouts, and nothing
//! else, so that PyTorch loads it as it is. Beside it, `state-<epoch>-<images>.safetensors` holds
//! what training needs to go on: moments, random streams, the position in the data. The state is
//! written first; the checkpoint, which names its state, is what makes both valid. Whatever happens
//! in between, a matching pair is there.

use std::collections::HashMap;
use std::path::Path;

use elbo_layers::{Optimizer, OptimizerState, Parameters};
use elbo_tensor::Tensor;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Position;
use crate::atomic::write_whole;
use crate::run::RunFolder;
use crate::{Error, Result};

/// The key of the metadata of a file.
const METADATA: &str = "elbo";

/// What a file says of itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Metadata {
    /// SHA-256 of the rest of this, and of names, shapes and numbers in the order of the names.
    sha256: String,
    /// The file of the training state that belongs to this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    state: Option<String>,
    /// Complete epochs.
    #[serde(default)]
    epoch: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    position: Option<Position>,
    /// Steps of the optimizer.
    #[serde(default)]
    steps: u64,
}

/// Named tensors, in the order of their names.
type Tensors = Vec<(String, Tensor)>;

/// The last checkpoint of a run, read and checked.
pub struct Checkpoint {
    path: std::path::PathBuf,
    epoch: u64,
    parameters: Tensors,
    moments: Tensors,
    steps: u64,
    position: Position,
}

impl Checkpoint {
    /// The last checkpoint with its training state, or `None` if the run has not written one yet.
    ///
    /// # Errors
    /// If a file is damaged.
    pub(super) fn last(folder: &RunFolder) -> Result<Option<Checkpoint>> {
        let path = folder.checkpoint();
        if !path.exists() {
            return Ok(None);
        }
        let (parameters, metadata) = read(&path)?;
        let name = metadata.state.clone().ok_or_else(|| {
            damaged(&path, "it names no training state".into(), "it can be evaluated, not resumed")
        })?;
        let state = folder.path().join(name);
        let (moments, saved) = read(&state)?;
        let position = saved.position.ok_or_else(|| {
            damaged(&state, "it holds no position".into(), "start a new run in another folder")
        })?;
        let epoch = metadata.epoch;
        Ok(Some(Checkpoint { path, epoch, parameters, moments, steps: saved.steps, position }))
    }

    /// Complete epochs.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Puts a model and its optimizer back where they were.
    pub(super) fn restore(
        self,
        model: &mut dyn Parameters,
        optimizer: &mut dyn Optimizer,
    ) -> Result<Position> {
        load_parameters(&self.path, &self.parameters, model)?;
        let state = OptimizerState { steps: self.steps, moments: self.moments };
        optimizer.restore(model, &state).map_err(|what| {
            damaged(&self.path, what, "the settings of the run do not fit its state")
        })?;
        Ok(self.position)
    }
}

/// Writes model and training state; the files of the checkpoint before go when the new one is there.
pub(super) fn save(
    folder: &RunFolder,
    model: &dyn Parameters,
    optimizer: &dyn Optimizer,
    position: &Position,
) -> Result<()> {
    let name = format!("state-{:04}-{:07}.safetensors", position.epoch, position.images);
    let state = optimizer.state(model);
    let metadata = Metadata {
        sha256: String::new(),
        state: None,
        epoch: position.epoch,
        position: Some(position.clone()),
        steps: state.steps,
    };
    write(&folder.path().join(&name), state.moments, metadata)?;
    let metadata = Metadata {
        sha256: String::new(),
        state: Some(name.clone()),
        epoch: position.epoch,
        position: None,
        steps: state.steps,
    };
    write(&folder.checkpoint(), stored(model), metadata)?;
    folder.remove_states_but(&name);
    Ok(())
}

/// Writes the parameters alone: what the best checkpoint is.
pub(super) fn save_model(path: &Path, model: &dyn Parameters, epoch: u64) -> Result<()> {
    let metadata = Metadata { sha256: String::new(), state: None, epoch, position: None, steps: 0 };
    write(path, stored(model), metadata)
}

fn stored(model: &dyn Parameters) -> Tensors {
    let mut tensors = Vec::new();
    model.visit("", &mut |name, parameter| tensors.push((name.to_string(), parameter.stored())));
    tensors
}

/// Puts the parameters of a file into a model.
///
/// # Errors
/// If a parameter is missing, has another shape, or is not one of the model's.
pub(crate) fn load_parameters(
    path: &Path,
    tensors: &[(String, Tensor)],
    model: &mut dyn Parameters,
) -> Result<()> {
    let help = "this is the checkpoint of another model; does config.toml belong to it?";
    let mut known = Vec::new();
    let mut problem = None;
    model.visit("", &mut |name, parameter| {
        known.push(name.to_string());
        let expected = parameter.stored_shape();
        let what = match tensors.iter().find(|(saved, _)| saved == name) {
            Some((_, saved)) if *saved.shape() == expected => return,
            Some((_, saved)) => format!("{name} is {}, expected {expected}", saved.shape()),
            None => format!("{name} is missing"),
        };
        problem.get_or_insert(what);
    });
    if let Some((name, _)) = tensors.iter().find(|(name, _)| !known.contains(name)) {
        problem.get_or_insert(format!("it holds {name}, which the model lacks"));
    }
    if let Some(what) = problem {
        return Err(damaged(path, what, help));
    }
    model.visit_mut("", &mut |name, parameter| {
        let (_, saved) = tensors.iter().find(|(saved, _)| saved == name).expect("checked above");
        parameter.load(saved);
    });
    Ok(())
}

/// Writes named tensors as a checked safetensors file.
///
/// # Errors
/// If the file cannot be written; what was there before is unchanged.
pub fn write_tensors(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<()> {
    let metadata =
        Metadata { sha256: String::new(), state: None, epoch: 0, position: None, steps: 0 };
    write(path, tensors, metadata)
}

/// Reads named tensors and checks them against their checksum.
///
/// # Errors
/// If the file cannot be read, is cut short, or its checksum is wrong.
pub fn read_tensors(path: &Path) -> Result<Vec<(String, Tensor)>> {
    Ok(read(path)?.0)
}

fn write(path: &Path, mut tensors: Tensors, mut metadata: Metadata) -> Result<()> {
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    metadata.sha256 = checksum(&metadata, &tensors);
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, tensor)| little_endian(tensor)).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape().to_vec(), bytes);
        (name.as_str(), view.expect("as many bytes as the shape holds"))
    });
    let text = serde_json::to_string(&metadata).expect("numbers and names");
    let metadata = HashMap::from([(METADATA.to_string(), text)]);
    let file = safetensors::serialize(views, Some(metadata)).expect("names are unique");
    write_whole(path, &file)
}

fn read(path: &Path) -> Result<(Tensors, Metadata)> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.into(),
        source,
        help: "is this the folder of a run?".into(),
    })?;
    let again = "restore it from a copy, or train again";
    let broken = |error| damaged(path, format!("not a whole safetensors file ({error})"), again);
    let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
    let metadata: Metadata = text
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| damaged(path, "it was not written by elbo".into(), again))?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 || view.shape().len() > elbo_tensor::MAX_RANK {
            let what = format!("{name} is {:?} {:?}, expected F32", view.dtype(), view.shape());
            return Err(damaged(path, what, again));
        }
        let numbers: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")))
            .collect();
        tensors.push((name.to_string(), Tensor::new(&numbers, view.shape())));
    }
    tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
    if checksum(&metadata, &tensors) != metadata.sha256 {
        return Err(damaged(path, "its checksum is wrong: the file is damaged".into(), again));
    }
    Ok((tensors, metadata))
}

fn damaged(path: &Path, what: String, help: &str) -> Error {
    Error::Checkpoint { path: path.into(), what, help: help.into() }
}

fn little_endian(tensor: &Tensor) -> Vec<u8> {
    tensor.data().iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn checksum(metadata: &Metadata, tensors: &[(String, Tensor)]) -> String {
    let mut hash = Sha256::new();
    let rest = Metadata { sha256: String::new(), ..metadata.clone() };
    hash.update(serde_json::to_string(&rest).expect("numbers and names"));
    for (name, tensor) in tensors {
        hash.update(format!("{name} {}\n", tensor.shape()));
        hash.update(little_endian(tensor));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
