//! What becomes of a command on Ctrl-C.

use std::path::Path;
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

/// Does one thing more on Ctrl-C, which says what is lost and what is not; then the program ends.
pub(super) fn ends_with(mut last: impl FnMut() -> String + Send + 'static) {
    on_ctrl_c(move || {
        eprintln!("elbo: interrupted; {}", last());
        exit(INTERRUPTED.into());
    });
}

/// Says on Ctrl-C that nothing was written to a folder, which is not left behind if it is empty.
pub(super) fn leaves_nothing_in(folder: &Path) {
    let folder = folder.to_path_buf();
    ends_with(move || {
        // Not if something is in it after all.
        let _ = std::fs::remove_dir(&folder);
        format!("{} is written at the end only", folder.display())
    });
}

fn on_ctrl_c(handler: impl FnMut() + Send + 'static) {
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("elbo: Ctrl-C will end the program without a word: {error}");
    }
}
