//! Printing to stdout when the reader may have left.

/// Prints a line; a closed pipe (`elbo … | head`) is no reason to stop.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}
pub(crate) use say;
