//! The folder that a command writes to.

use std::io::ErrorKind;
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

/// A folder that was empty when it was made, or found.
#[derive(Clone)]
pub(super) struct Empty {
    pub(super) path: PathBuf,
    is_new: bool,
}

impl Empty {
    /// The folder that was asked for, or the next free runs/NAME-001. It is made before minutes of computing, and must be
    /// empty: what was found before is not written over.
    pub(super) fn make(out: Option<&Path>, name: &str) -> Result<Empty> {
        let error = |path: &Path, source| Error::Io {
            path: path.into(),
            source,
            help: "choose another folder with --out".into(),
        };
        let Some(path) = out else {
            let runs = Path::new("runs");
            std::fs::create_dir_all(runs).map_err(|source| error(runs, source))?;
            loop {
                let path = next_free(runs, name);
                match std::fs::create_dir(&path) {
                    Ok(()) => return Ok(Empty { path, is_new: true }),
                    // Another command was faster.
                    Err(source) if source.kind() == ErrorKind::AlreadyExists => {}
                    Err(source) => return Err(error(&path, source)),
                }
            }
        };
        if std::fs::read_dir(path).is_ok_and(|mut files| files.next().is_some()) {
            return Err(Error::Settings {
                what: format!("{} is not empty", path.display()),
                help: "choose another folder with --out".into(),
            });
        }
        let is_new = !path.exists();
        std::fs::create_dir_all(path).map_err(|source| error(path, source))?;
        Ok(Empty { path: path.into(), is_new })
    }

    /// Removes it if it was made here and is still empty. Returns whether anything was written to it.
    pub(super) fn give_up(&self) -> bool {
        let is_used = std::fs::read_dir(&self.path).is_ok_and(|mut files| files.next().is_some());
        if self.is_new && !is_used {
            // One that cannot be removed does no harm.
            let _ = std::fs::remove_dir(&self.path);
        }
        is_used
    }
}
