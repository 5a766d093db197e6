//! `elbo study vae`: how noisy the gradient of every parameter of a VAE is, and why.

use std::path::PathBuf;

use clap::Args;
use elbo_models::gradients::{Measured, ParameterNoise, Plan, gradient_noise};
use elbo_models::pictures::{Estimate, Estimates, Row};
use elbo_models::{Error, Result, Trained};
use serde_json::{Value, json};

use super::folder::Folder;
use super::progress::Progress;
use crate::cli::run_args::{Opened, RunArgs, up_to};
use crate::cli::say::say;

/// Which run, and how much is measured.
#[derive(Args)]
pub(crate) struct VaeArgs {
    #[command(flatten)]
    run: RunArgs,

    /// Images of a batch [default: that of the run]
    #[arg(long, value_name = "N", value_parser = up_to(1, 100000))]
    batch_size: Option<usize>,

    /// Batches of training images, drawn with replacement
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = up_to(3, 10000))]
    batches: usize,

    /// Draws of noise for each batch
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = up_to(2, 100000))]
    repeats: usize,

    /// What batches and noise follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The folder for gradients.csv, variance.svg, snr.svg and their PNGs [default: the next free
    /// runs/study-001]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object per parameter
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &VaeArgs) -> Result<()> {
    let Opened { trained, data, settings, .. } = args.run.open()?;
    let Trained::Gradient(model) = &trained else { return Err(no_vae(settings.model.name())) };
    if model.as_vae().is_none() {
        return Err(no_vae(settings.model.name()));
    }
    let mut folder = Folder::make(args.out.as_deref())?;
    let plan = Plan {
        batch_size: args.batch_size.unwrap_or(settings.batch_size),
        batches: args.batches,
        repeats: args.repeats,
        seed: args.seed,
    };
    let progress = Progress::new(plan.batches * plan.repeats);
    progress.at("gradients");
    let found = gradient_noise(&**model, &data.train, &plan, || progress.advance(1));
    drop(progress);
    let title =
        format!("{} on {}, batches of {}", settings.model.name(), data.name, plan.batch_size);
    write(&mut folder, &title, &found)?;
    if args.json {
        found.iter().for_each(|found| say!("{}", object(found, &plan)));
        return Ok(());
    }
    let Plan { batch_size, batches, repeats, .. } = plan;
    say!("{title}: {batches} of them, {repeats} draws of noise each");
    say!(
        "The variance of the batch gradient, summed over a parameter, ± 95 %; a batch of one has {batch_size} times that.\n"
    );
    print(&found);
    say!("\n{}", folder.summary());
    Ok(())
}

fn no_vae(model: &str) -> Error {
    Error::Settings {
        what: format!("{model} has no latent noise to study"),
        help: "give a run of `elbo train vae`".into(),
    }
}

fn print(found: &[ParameterNoise]) {
    let titles = [
        "parameter",
        "numbers",
        "‖mean‖",
        "variance",
        "of noise",
        "of images",
        "between batches",
        "noise",
        "signal/noise",
        "cosine",
    ];
    let mut table = vec![titles.map(String::from)];
    table.extend(found.iter().map(|found| {
        let half = |figure: &Measured| (figure.ci()[1] - figure.value) / figure.value.abs();
        let figure =
            |figure: &Measured| format!("{:.3e} ± {:>2.0} %", figure.value, 100.0 * half(figure));
        [
            found.name.clone(),
            found.count.to_string(),
            format!("{:.3e}", found.signal.value.max(0.0).sqrt()),
            figure(&found.variance),
            figure(&found.noise),
            figure(&found.images),
            figure(&found.images_between_batches),
            format!("{:.1} %", 100.0 * found.noise.value / found.variance.value),
            format!("{:.3} ± {:.3}", found.snr.value, found.snr.ci()[1] - found.snr.value),
            format!("{:.3}", found.cosine.value),
        ]
    }));
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..titles.len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in &table {
        let cell = |(column, cell): (usize, &String)| {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            if column == 0 { cell.to_owned() + &pad } else { pad + cell }
        };
        say!("{}", row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  "));
    }
}

/// The figures of a parameter with their names.
fn figures(found: &ParameterNoise) -> [(&'static str, &Measured); 7] {
    [
        ("signal", &found.signal),
        ("variance", &found.variance),
        ("noise_variance", &found.noise),
        ("image_variance", &found.images),
        ("image_variance_between_batches", &found.images_between_batches),
        ("snr", &found.snr),
        ("cosine", &found.cosine),
    ]
}

fn object(found: &ParameterNoise, plan: &Plan) -> Value {
    let mut object = json!({
        "parameter": found.name,
        "numbers": found.count,
        "batch_size": plan.batch_size,
        "batches": plan.batches,
        "repeats": plan.repeats,
        // An image is an evaluation: what one image's gradient has is also what a variance of 1 costs.
        "per_sample_variance": found.variance.value * plan.batch_size as f64,
        "evaluations": plan.batch_size,
        "evaluations_per_precision": found.variance.value * plan.batch_size as f64,
    });
    for (name, measured) in figures(found) {
        object[name] = json!(measured.value);
        object[format!("{name}_ci")] = json!(measured.ci());
    }
    object
}

fn write(folder: &mut Folder, title: &str, found: &[ParameterNoise]) -> Result<()> {
    let mut columns = vec!["parameter".to_owned(), "numbers".to_owned()];
    for (name, _) in figures(&found[0]) {
        columns.extend([name.into(), format!("{name}_low"), format!("{name}_high")]);
    }
    let cells = |found: &ParameterNoise| {
        let mut cells = vec![found.name.clone(), found.count.to_string()];
        for (_, measured) in figures(found) {
            let [low, high] = measured.ci();
            cells.extend([measured.value, low, high].map(|x| x.to_string()));
        }
        cells
    };
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    folder.table("gradients", &columns, &found.iter().map(cells).collect::<Vec<_>>())?;
    let estimate = |measured: &Measured, scale: f64| {
        let [low, high] = measured.ci();
        Estimate { value: measured.value / scale, low: low / scale, high: high / scale }
    };
    let row = |found: &ParameterNoise, measured: &[&Measured], scale: f64| Row {
        name: found.name.clone(),
        estimates: measured.iter().map(|measured| estimate(measured, scale)).collect(),
    };
    let variance = Estimates {
        title: title.into(),
        x: "variance of the gradient, per number".into(),
        series: ["variance", "of noise", "of images"].map(String::from).into(),
        rows: found
            .iter()
            .map(|found| {
                row(found, &[&found.variance, &found.noise, &found.images], found.count as f64)
            })
            .collect(),
    };
    let snr = Estimates {
        title: title.into(),
        x: "signal-to-noise ratio ‖mean‖ / √variance".into(),
        series: vec!["signal to noise".into()],
        rows: found.iter().map(|found| row(found, &[&found.snr], 1.0)).collect(),
    };
    for (name, figure) in [("variance", variance), ("snr", snr)] {
        folder.picture(name, &figure.svg(), &figure.draw())?;
    }
    Ok(())
}
