//! Files that appear whole or not at all: written under a hidden name, then renamed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// How the hidden name starts.
const PREFIX: &str = ".elbo-partial-";

/// A file under a hidden name in the folder where it will stay; gone when dropped.
pub(crate) struct Pending(NamedTempFile);

impl Pending {
    /// Opens a file in the folder of `path`, because only within one folder is a rename certain
    /// to be one step.
    pub(crate) fn beside(path: &Path) -> Result<Pending> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        // A temporary file is its owner's alone; this one is to become an ordinary file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(folder).map(Pending).map_err(|source| Error::Io {
            path: folder.into(),
            source,
            help: "choose a folder that exists and may be written to".into(),
        })
    }

    /// The hidden path, to read back what was written.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives the file its name, replacing an older one in the same step.
    pub(crate) fn keep_as(self, path: &Path) -> Result<()> {
        // Without this a power cut could leave the new name on an empty file.
        self.0.as_file().sync_all().map_err(write_failed(path))?;
        self.0.persist(path).map_err(|error| write_failed(path)(error.error))?;
        Ok(())
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_file_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.as_file_mut().flush()
    }
}

/// Writes a whole file.
///
/// # Errors
/// If it cannot be written; what was there before is unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut pending = Pending::beside(path)?;
    pending.write_all(bytes).map_err(write_failed(path))?;
    pending.keep_as(path)
}

/// The error of a write that failed.
pub(crate) fn write_failed(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::Io {
        path: path.into(),
        source,
        help: "check that the disk has room and the folder may be written to".into(),
    }
}

/// Removes what a killed process has left in `folder`, if it is more than an hour old: a younger
/// one may be at work in another process.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let old = entry
            .metadata()
            .and_then(|facts| facts.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > HOUR));
        if ours && old {
            // Should it fail, the file is only a little in the way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_dropped_file_leaves_nothing_and_a_kept_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let mut pending = Pending::beside(&path).unwrap();
        pending.write_all(b"half").unwrap();
        assert!(pending.path().exists());
        drop(pending);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut pending = Pending::beside(&path).unwrap();
        pending.write_all(b"whole").unwrap();
        pending.keep_as(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_old_leftovers_of_ours_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        make(".elbo-partial-old", 2 * HOUR);
        make(".elbo-partial-young", Duration::ZERO);
        make("data", 2 * HOUR);
        sweep(folder.path());
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".elbo-partial-young", "data"]);
    }
}
