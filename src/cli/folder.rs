//! The folder that a command writes to.

use std::path::{Path, PathBuf};

use elbo_models::{Error, Result};

/// `parent/name-001`, or the first number after the largest that is taken.
pub(super) fn next_free(parent: &Path, name: &str) -> PathBuf {
    let number = |entry: std::fs::DirEntry| {
        let file = entry.file_name();
        file.to_str()?.strip_prefix(name)?.strip_prefix('-')?.parse::<u32>().ok()
    };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let last = entries.filter_map(number).max().unwrap_or(0);
    parent.join(format!("{name}-{:03}", last + 1))
}

/// The folder that was asked for, or the next free runs/NAME-001. It is made before anything is computed, and must be
/// empty: what was found before is not written over.
pub(super) fn empty(out: Option<&Path>, name: &str) -> Result<PathBuf> {
    let path = out.map_or_else(|| next_free(Path::new("runs"), name), Path::to_path_buf);
    let help = || "choose another folder with --out".into();
    if std::fs::read_dir(&path).is_ok_and(|mut files| files.next().is_some()) {
        let what = format!("{} is not empty", path.display());
        return Err(Error::Settings { what, help: help() });
    }
    std::fs::create_dir_all(&path).map_err(|source| Error::Io {
        path: path.clone(),
        source,
        help: help(),
    })?;
    Ok(path)
}
