//! The one error type of this crate: what went wrong, where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// What can go wrong between a file or a setting and a trained model.
///
/// Every message is one line that names the place, what was found there and what to do; it is also
/// what `{:?}` prints, so that a `main` that returns an error ends with it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("{}: {source}; {help}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// What to do.
        help: String,
    },
    /// A data file holds something else than it should.
    #[error("{}: {what}; {help}", path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What was expected and what was found.
        what: String,
        /// What to do.
        help: String,
    },
    /// A setting is out of range, or settings contradict each other.
    #[error("{what}; {help}")]
    Settings {
        /// The setting, its value, and what is wrong with it.
        what: String,
        /// What is allowed.
        help: String,
    },
    /// A checkpoint is damaged, or belongs to another model.
    #[error("{}: {what}; {help}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        what: String,
        /// What to do.
        help: String,
    },
    /// A download failed.
    #[error("{url}: {what}; {help}")]
    Network {
        /// What was asked for.
        url: String,
        /// What came back.
        what: String,
        /// What to do.
        help: String,
    },
    /// The loss is no longer a finite number.
    #[error("{what}; {help}")]
    Diverged {
        /// Where, and which operation produced the first such number.
        what: String,
        /// What to do.
        help: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The result of anything that reads, writes or is configured.
pub type Result<T, E = Error> = std::result::Result<T, E>;
