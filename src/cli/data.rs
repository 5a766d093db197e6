//! `elbo data`: fetch published sets, describe what is there, compare it with what was published.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use elbo_models::data::{
    self, Check, Dataset, Places, Progress, Published, Source, Split, Statistics, Verdict,
};
use elbo_models::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::say::say;

/// Download, describe and check data sets
#[derive(Debug, Clone, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Download a published set and check its SHA-256
    Fetch {
        /// mnist or fashion-mnist
        name: String,
        /// The folder that receives the files; by default the one where `--data NAME` finds them
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// The address of a folder with the four .gz files, in place of the known ones; may be
        /// given more than once
        #[arg(long, value_name = "URL")]
        mirror: Vec<String>,
    },
    /// Show what a set holds: counts, sizes, and the facts that results are held against
    Info {
        /// sample, mnist, fashion-mnist or a folder with IDX files
        #[arg(long, value_name = "WHAT", default_value = "sample")]
        data: Source,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Compare the SHA-256 of every file with the published one; exits with 1 if any differs
    Verify {
        /// sample, mnist, fashion-mnist or a folder with IDX files
        #[arg(long, value_name = "WHAT", default_value = "sample")]
        data: Source,
    },
}

/// Runs `elbo data`.
///
/// # Errors
/// Those of [`elbo_models::data`], and [`Error::Data`] if a file is not the published one.
pub(crate) fn run(args: &DataArgs) -> Result<()> {
    match &args.command {
        Command::Fetch { name, into, mirror } => fetch(name, into.as_deref(), mirror),
        Command::Info { data, json } => info(data, *json),
        Command::Verify { data } => verify(data),
    }
}

fn fetch(name: &str, into: Option<&Path>, mirrors: &[String]) -> Result<()> {
    // A wrong name should not make a folder.
    let set = Published::named(name)?;
    if into.is_none()
        && let Ok(Some(files)) = name.parse::<Source>()?.files(&Places::from_env())
        && set.verify(&files.folder).iter().all(|check| check.verdict == Verdict::Match)
    {
        say!("was there   {} (checked)", files.folder.display());
        return Ok(());
    }
    let into = match (into, Places::from_env().cache) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(cache)) => cache.join(&set.name),
        (None, None) => {
            return Err(Error::Settings {
                what: "this system names no folder for caches".into(),
                help: "choose one with --into DIR".into(),
            });
        }
    };

    // Nothing is drawn where stderr is no terminal.
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template(
            "{msg:24} {wide_bar} {bytes:>10} {bytes_per_sec:>12} {eta:>4}",
        )
        .expect("the template is well formed"),
    );
    let mut current = String::new();
    let fetched = data::fetch(&set.name, &into, mirrors, &mut |progress: Progress| {
        if current != progress.url {
            current = progress.url.to_owned();
            bar.reset();
            bar.set_message(progress.file.to_owned());
        }
        bar.set_position(progress.received);
        match progress.total {
            Some(total) => bar.set_length(total),
            None => bar.unset_length(),
        }
    });
    bar.finish_and_clear();

    let mut text = String::new();
    for file in &fetched? {
        let how = if file.downloaded { "downloaded" } else { "was there" };
        writeln!(text, "{how}  {}", file.path.display()).expect("a string takes all");
    }
    say!("{}", text.trim_end());
    Ok(())
}

fn info(source: &Source, json: bool) -> Result<()> {
    let data = data::load(source)?;
    let facts = [&data.train, &data.test].map(|split| split.images.statistics());
    if json {
        let split = |split: &Split, facts: &Statistics| {
            json!({
                "count": split.images.count,
                "rows": split.images.rows,
                "cols": split.images.cols,
                "classes": classes(split),
                "statistics": facts,
            })
        };
        let object: Value = json!({
            "name": data.name,
            "train": split(&data.train, &facts[0]),
            "test": split(&data.test, &facts[1]),
        });
        say!("{object}");
        return Ok(());
    }
    say!("{}", table(&data, &facts).trim_end());
    Ok(())
}

/// How a fact is called, the digits after its point, and how it is read.
type Row = (&'static str, usize, fn(&Statistics) -> f64);

const ROWS: [Row; 12] = [
    ("mean pixel (0..1)", 9, |s| s.mean),
    ("std pixel", 9, |s| s.std),
    ("E[x^2] per px", 9, |s| s.mean_square),
    ("share of non-zero pixels", 6, |s| s.nonzero_share),
    ("share of pixels > 127", 6, |s| s.bright_share),
    ("pixels that are 0 in every image", 0, |s| s.always_zero as f64),
    ("total variance (sum over px, 1/N)", 8, |s| s.total_variance),
    ("MSE/px of the mean image", 9, |s| s.mean_image_mse_per_px),
    ("BCE/img of the mean image", 5, |s| s.mean_image_bce_per_img),
    ("BCE/px of the mean image", 6, |s| s.mean_image_bce_per_px),
    ("BCE floor (a perfect copy) per px", 9, |s| s.bce_floor_per_px),
    ("BCE floor per img", 6, |s| s.bce_floor_per_img),
];

fn table(data: &Dataset, facts: &[Statistics; 2]) -> String {
    let splits = [&data.train, &data.test];
    let both = |read: &dyn Fn(usize) -> String| [0, 1].map(read);
    let mut rows = vec![
        (data.name.as_str(), ["train".into(), "test".into()]),
        ("images", both(&|i| splits[i].images.count.to_string())),
        ("size", both(&|i| format!("{}x{}", splits[i].images.rows, splits[i].images.cols))),
        (
            "classes",
            both(&|i| classes(splits[i]).map_or("no labels".into(), |count| count.to_string())),
        ),
    ];
    rows.extend(
        ROWS.map(|(name, digits, read)| (name, both(&|i| format!("{:.digits$}", read(&facts[i]))))),
    );
    let mut text = String::new();
    for (name, [train, test]) in rows {
        writeln!(text, "{name:<34} {train:>12} {test:>12}").expect("a string takes all");
    }
    text
}

/// The number of different labels.
fn classes(split: &Split) -> Option<usize> {
    let mut seen = [false; 256];
    split.labels.as_ref()?.iter().for_each(|&label| seen[usize::from(label)] = true);
    Some(seen.into_iter().filter(|&seen| seen).count())
}

fn verify(source: &Source) -> Result<()> {
    let (name, place, checks) = match source.files(&Places::from_env())? {
        None => ("sample".into(), PathBuf::from("sample"), data::verify_sample()),
        Some(files) => {
            let (name, checks) = closest(source, &files.folder)?;
            (name, files.folder, checks)
        }
    };

    let mut text = match source {
        Source::Sample => "sample, inside this program\n".into(),
        _ => format!("{name} in {}\n", place.display()),
    };
    for check in &checks {
        let shown = check.path.as_deref().and_then(Path::file_name);
        let file = shown.map_or(check.name.clone().into(), |name| name.to_string_lossy());
        let verdict = match &check.verdict {
            Verdict::Match => "OK".into(),
            Verdict::Mismatch { found } => format!("MISMATCH (SHA-256 unpacked is {found})"),
            Verdict::Damaged(why) => format!("MISMATCH ({why})"),
            Verdict::Missing => "MISMATCH (is not there)".into(),
        };
        writeln!(text, "{file:<28} {verdict}").expect("a string takes all");
    }
    say!("{}", text.trim_end());

    let wrong = checks.iter().filter(|check| check.verdict != Verdict::Match).count();
    if wrong == 0 {
        return Ok(());
    }
    Err(Error::Data {
        path: place,
        what: format!("{wrong} of {} files are not those of {name}", checks.len()),
        help: match source {
            Source::Sample => "build or install the program again".into(),
            _ => format!("get them with `elbo data fetch {name} --into DIR`"),
        },
    })
}

/// The published set that a source is to be compared with: its own, or for a folder the one that
/// it agrees with most.
fn closest(source: &Source, folder: &Path) -> Result<(String, Vec<Check>)> {
    let names = match source {
        Source::Folder(_) => vec!["mnist".into(), "fashion-mnist".into()],
        named => vec![named.to_string()],
    };
    let matches =
        |checks: &[Check]| checks.iter().filter(|check| check.verdict == Verdict::Match).count();
    let mut best: Option<(String, Vec<Check>)> = None;
    for name in names {
        let checks = Published::named(&name)?.verify(folder);
        if best.as_ref().is_none_or(|(_, other)| matches(&checks) > matches(other)) {
            best = Some((name, checks));
        }
    }
    Ok(best.expect("there is at least one name"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        data: DataArgs,
    }

    fn run_line(line: &[&str]) -> Result<()> {
        let words = ["data"].iter().chain(line);
        run(&Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).data)
    }

    #[test]
    fn the_table_is_aligned_and_holds_every_fact() {
        let data = data::load(&Source::Sample).unwrap();
        let facts = [&data.train, &data.test].map(|split| split.images.statistics());
        let text = table(&data, &facts);
        assert_eq!(text.lines().count(), 4 + ROWS.len());
        assert!(text.lines().all(|line| line.len() == 60), "{text}");
        assert!(
            text.contains("images                                     4000         1000"),
            "{text}"
        );
        assert!(
            text.contains("BCE floor per img                    187.076705   187.434889"),
            "{text}"
        );
    }

    #[test]
    fn the_sample_is_verified_and_a_changed_file_is_not() {
        run_line(&["verify"]).unwrap();

        let folder = tempfile::tempdir().unwrap();
        for name in [data::FILE_NAMES[0], data::FILE_NAMES[2]] {
            std::fs::write(folder.path().join(name), "no IDX").unwrap();
        }
        let folder = folder.path().to_str().unwrap();
        let line = run_line(&["verify", "--data", folder]).unwrap_err().to_string();
        assert!(line.contains("4 of 4 files are not those of mnist"), "{line}");
    }

    #[test]
    fn a_wrong_name_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("new");
        let line = run_line(&["fetch", "minst", "--into", into.to_str().unwrap()]);
        assert!(line.unwrap_err().to_string().contains("did you mean \"mnist\""));
        assert!(!into.exists());
    }
}
