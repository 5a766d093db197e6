//! `elbo encode`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use elbo_models::data::Split;
use elbo_models::{Error, Result, evaluate};
use elbo_tensor::Tensor;
use ndarray::Ix2;
use ndarray_npy::WriteNpyExt;

use super::run_args::{BATCH, Opened, RunArgs};
use super::say::say;

/// Which images to encode, and where the codes go.
#[derive(Args)]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Which images
    #[arg(long, value_enum, default_value_t = Which::Test)]
    split: Which,

    /// Where to write, without the ending [default: RUN/codes-SPLIT]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Which {
    Train,
    Test,
}

pub(super) fn run(args: &EncodeArgs) -> Result<()> {
    let Opened { folder, trained, data, .. } = args.run.open()?;
    let (split, name) = match args.split {
        Which::Train => (&data.train, "codes-train"),
        Which::Test => (&data.test, "codes-test"),
    };
    let codes = evaluate::codes(trained.codec(), split, BATCH);
    let out = args.out.clone().unwrap_or_else(|| folder.path().join(name));
    let write = |ending: &str, bytes: &[u8]| {
        // Not `with_extension`, which would cut a name such as `codes.v2`.
        let path = PathBuf::from(format!("{}.{ending}", out.display()));
        write_file(&path, bytes)?;
        say!("{}", path.display());
        Ok(())
    };
    write("npy", &npy(&codes))?;
    write("csv", csv(&codes, split).as_bytes())
}

/// NumPy's format, `[count, latent_dim]`, f32.
fn npy(codes: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    let codes = codes.view().into_dimensionality::<Ix2>().expect("a matrix");
    codes.write_npy(&mut bytes).expect("memory does not refuse");
    bytes
}

/// `index,label,z1,z2,…`; the label is empty where there is none.
fn csv(codes: &Tensor, split: &Split) -> String {
    let d = codes.shape()[1];
    let mut text = String::from("index,label");
    (1..=d).for_each(|unit| {
        let _ = write!(text, ",z{unit}");
    });
    for (index, code) in codes.data().chunks(d).enumerate() {
        let label = split.labels.as_ref().map(|labels| labels[index].to_string());
        let _ = write!(text, "\n{index},{}", label.unwrap_or_default());
        code.iter().for_each(|z| {
            let _ = write!(text, ",{z}");
        });
    }
    text + "\n"
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| Error::Io {
        path: path.into(),
        source,
        help: "choose another place with --out".into(),
    })
}
