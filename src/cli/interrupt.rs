//! What becomes of a command on Ctrl-C.

use std::io::{Write, stderr};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a command that was interrupted: 128 and the number of the signal.
pub(super) const INTERRUPTED: u8 = 130;

/// Sets a flag on the first Ctrl-C; the second ends the program at once.
pub(super) fn flag() -> Arc<AtomicBool> {
    let interrupt = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupt);
    on_ctrl_c(move || {
        if flag.swap(true, Ordering::Relaxed) {
            exit(INTERRUPTED.into());
        }
    });
    interrupt
}

/// Does one thing more on Ctrl-C, which says what is lost and what is not; then the program ends. Not under `nohup`, which wants it to
/// go on when the terminal is closed.
pub(super) fn ends_with(mut last: impl FnMut() -> String + Send + 'static) {
    if ignores_hangup() {
        return;
    }
    on_ctrl_c(move || {
        // Whoever read stderr may be gone by the same Ctrl-C; a panic would end the handler instead of the program.
        let _ = writeln!(stderr(), "elbo: interrupted; {}", last());
        exit(INTERRUPTED.into());
    });
}

/// Whether the process was begun with SIGHUP ignored, where Linux says so.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal 1 is the lowest bit.
    ignored
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .is_some_and(|bits| bits & 1 == 1)
}

fn on_ctrl_c(handler: impl FnMut() + Send + 'static) {
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("elbo: Ctrl-C will end the program without a word: {error}");
    }
}
