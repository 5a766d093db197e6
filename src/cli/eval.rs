//! `elbo eval`

use clap::Args;
use elbo_models::{Result, Trained, evaluate};
use elbo_tensor::Stream;
use serde_json::json;

use super::run_args::{BATCH, Opened, RunArgs, up_to};
use super::say::say;

/// Which run to measure, and how closely.
#[derive(Args)]
pub(crate) struct EvalArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Importance samples per image for the likelihood of a VAE; 0 to leave it out
    #[arg(long, value_name = "K", default_value_t = 100, value_parser = up_to(0, 100000))]
    samples: usize,

    /// Seed of the noise
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let Opened { trained, data, settings, .. } = args.run.open()?;
    let error = evaluate::reconstruction(trained.codec(), &data.test, BATCH);
    let mut rows = vec![
        ("model", json!(settings.model.name())),
        ("data", json!(data.name)),
        ("images", json!(data.test.images.count)),
        ("mse_per_pixel", json!(error.mse)),
        ("psnr_db", json!(error.psnr)),
    ];
    if let Trained::Gradient(model) = &trained
        && let Some(vae) = model.as_vae()
    {
        let root = Stream::new(args.seed);
        let bound = evaluate::bound(vae, &data.test, BATCH, &mut root.substream(1));
        rows.extend([
            ("elbo", json!(bound.elbo)),
            ("recon", json!(bound.recon)),
            ("kl", json!(bound.kl)),
            ("active_units", json!(bound.active_units)),
            ("kl_per_unit", json!(bound.kl_per_unit)),
        ]);
        if args.samples > 0 {
            let nll = evaluate::nll(vae, &data.test, args.samples, &mut root.substream(2));
            rows.push(("nll", json!(nll)));
            rows.push(("nll_samples", json!(args.samples)));
        }
    }
    if args.json {
        let object: serde_json::Map<_, _> =
            rows.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        say!("{}", serde_json::Value::Object(object));
        return Ok(());
    }
    for (key, value) in rows {
        say!("{:<15} {}{}", key.replace('_', " "), text(&value), unit(key));
    }
    Ok(())
}

/// Numbers with six digits after the point; lists of them with three.
fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(word) => word.clone(),
        serde_json::Value::Number(number) if number.is_f64() => {
            format!("{:.6}", number.as_f64().unwrap_or(f64::NAN))
        }
        serde_json::Value::Array(numbers) => {
            let numbers = numbers.iter().map(|n| format!("{:.3}", n.as_f64().unwrap_or(f64::NAN)));
            numbers.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn unit(key: &str) -> &'static str {
    match key {
        "elbo" | "recon" | "kl" | "nll" => " nats/image",
        "kl_per_unit" => " nats",
        _ => "",
    }
}
