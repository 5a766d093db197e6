//! Files that appear whole or not at all: written beside their place, then renamed into it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// How the names of half-written files begin.
pub(super) const PREFIX: &str = ".elbo-half-";

/// A file without its final name in `folder`, which vanishes when dropped.
pub(super) fn beside(folder: &Path) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    // A temporary file is private by default; a data file is as open as the umask lets it be.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|source| refused(folder, source))
}

/// Gives `file` its name, in one step, once its bytes are on the disk.
pub(super) fn settle(file: NamedTempFile, path: &Path) -> Result<()> {
    file.as_file().sync_all().map_err(|source| refused(path, source))?;
    file.persist(path).map(drop).map_err(|failed| refused(path, failed.error))
}

/// Writes the file at `path` by `fill`, replacing what was there only if all went well.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut file = beside(&folder)?;
    fill(file.as_file_mut()).map_err(|source| refused(path, source))?;
    settle(file, path)
}

/// The error of a file or folder that cannot be written.
pub(super) fn refused(path: &Path, source: io::Error) -> Error {
    let help = "check that the folder exists, may be written to and has room".into();
    Error::Io { path: path.to_owned(), source, help }
}
