//! Printing to stdout when the reader may have left.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};
use std::sync::OnceLock;

/// Prints a line; a closed pipe (`elbo … | head`) is no reason to stop. Nor is a full disk, as what is computed is saved elsewhere, but
/// it is not forgotten: see [`lost`].
macro_rules! say {
    ($($arg:tt)*) => { $crate::cli::say::line(format_args!($($arg)*)) };
}
pub(crate) use say;

static LOST: OnceLock<String> = OnceLock::new();

pub(crate) fn line(line: Arguments<'_>) {
    let mut stdout = stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    if let Err(error) = written.as_ref()
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| format!("stdout: {error}; check where the output goes"));
    }
}

/// What went wrong with lines that were to be printed.
pub(crate) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}
