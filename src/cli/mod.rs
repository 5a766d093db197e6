//! The command line: one file per subcommand.
//!
//! Exit codes: 0 done, 1 failed (one line on stderr says why and what to do), 2 wrong usage, 130
//! interrupted (one line on stderr says what is saved).

mod bench;
mod data;
mod encode;
mod eval;
mod folder;
mod interrupt;
mod reconstruct;
mod run_args;
mod sample;
mod say;
mod study;
mod trace;
mod train;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};
use elbo_tensor::kernels::isa::Isa;
use elbo_tensor::kernels::threads;

/// Train variational autoencoders, autoencoders and PCA on IDX images, from scratch and in seconds.
#[derive(Parser)]
#[command(name = "elbo", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Threads to use; the result is the same for any number [default: all cores]
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
}

const EXAMPLES: &str = "Examples:
  elbo train vae                        a VAE on the images inside this program, in seconds
  elbo train vae --latent 2             the same with a plane of codes: see manifold.png
  elbo data fetch mnist                 download MNIST once
  elbo train vae --data mnist           10 epochs of MNIST
  elbo eval runs/vae-001                ELBO, likelihood, active units, reconstruction error";

#[derive(Subcommand)]
enum Command {
    /// Train a model; the run is a folder with weights, metrics and pictures
    Train(train::TrainArgs),
    /// Measure a trained model on the test images
    Eval(eval::EvalArgs),
    /// Draw new images from a trained VAE
    Sample(sample::SampleArgs),
    /// Draw test images over what a trained model makes of them
    Reconstruct(reconstruct::ReconstructArgs),
    /// Write the codes of images as .npy and .csv
    Encode(encode::EncodeArgs),
    /// Follow one gradient through the reparameterization trick
    Trace(trace::TraceArgs),
    /// Fetch, describe and verify data sets
    Data(data::DataArgs),
    /// Measure this machine and the kernels on it
    Bench(bench::BenchArgs),
    /// Measure estimators of gradients against the truth
    Study(study::StudyArgs),
}

/// How a command ended that did not fail.
pub(crate) enum Done {
    /// As asked.
    Completely,
    /// By Ctrl-C, with the state saved.
    Interrupted,
    /// Before it began, for arguments that do not go together.
    Refused(String),
}

/// Runs the command of this process.
pub(crate) fn run() -> ExitCode {
    // clap answers wrong usage with exit code 2.
    let cli = Cli::try_parse().unwrap_or_else(|mut error| {
        suggest(&mut error);
        error.exit()
    });
    if let Some(threads) = cli.threads {
        if threads == 0 {
            eprintln!("elbo: --threads is 0; it must be at least 1");
            return ExitCode::from(2);
        }
        threads::set(threads);
    }
    if let Err(what) = check_environment(cli.threads.is_none()) {
        eprintln!("elbo: {what}");
        return ExitCode::from(2);
    }
    let completely = |()| Done::Completely;
    let result = match cli.command {
        Command::Train(args) => train::run(args),
        Command::Eval(args) => eval::run(&args).map(completely),
        Command::Sample(args) => sample::run(&args).map(completely),
        Command::Reconstruct(args) => reconstruct::run(&args).map(completely),
        Command::Encode(args) => encode::run(&args).map(completely),
        Command::Trace(args) => trace::run(&args).map(completely),
        Command::Data(args) => data::run(&args).map(completely),
        Command::Bench(args) => bench::run(&args),
        Command::Study(args) => study::run(&args),
    };
    match (result, say::lost()) {
        (Ok(_), Some(lost)) => {
            eprintln!("elbo: {lost}");
            ExitCode::FAILURE
        }
        (result, _) => exit_code(result),
    }
}

/// What `ELBO_ISA` and, if they count, `ELBO_THREADS` say, before any folder is made.
fn check_environment(threads_count: bool) -> std::result::Result<(), String> {
    if let Ok(set) = std::env::var("ELBO_ISA") {
        set.parse::<Isa>().map_err(|what| format!("ELBO_ISA={what}"))?;
    }
    if threads_count {
        threads::from_environment()?;
    }
    Ok(())
}

fn exit_code(result: elbo_models::Result<Done>) -> ExitCode {
    match result {
        Ok(Done::Completely) => ExitCode::SUCCESS,
        Ok(Done::Interrupted) => ExitCode::from(interrupt::INTERRUPTED),
        Ok(Done::Refused(what)) => {
            eprintln!("elbo: {what}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("elbo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Names the value that was meant where clap does not: its measure gives up on short words with two
/// letters exchanged, such as `vea`.
fn suggest(error: &mut clap::Error) {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidValue) else { return };
    let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else { return };
    let distance = |word: &&String| strsim::osa_distance(given, word);
    let nearest = known.iter().min_by_key(distance).filter(|word| {
        // One slip in a short word, one per three letters in a long one.
        !given.is_empty() && distance(word) <= (word.len() / 3).max(1)
    });
    if let Some(word) = nearest.cloned() {
        error.insert(ContextKind::SuggestedValue, ContextValue::String(word));
    }
}
