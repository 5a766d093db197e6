//! The progress bar of an epoch: loss, images per second, time left.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Settings;

/// A bar on stderr; nothing if stderr is no terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(settings: &Settings, epoch: u64, images: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(images as u64), ProgressDrawTarget::stderr());
        let template = "{prefix} {bar:30} {percent:>3}%  loss {msg}  {per_sec}  {eta} left";
        let style = ProgressStyle::with_template(template).expect("a valid template");
        bar.set_style(style.progress_chars("━╸ ").with_key(
            "per_sec",
            |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{:.0} images/s", state.per_sec());
            },
        ));
        bar.set_prefix(format!("epoch {:>3}/{}", epoch + 1, settings.epochs));
        Progress(bar)
    }

    /// Begins in the middle of an epoch, when a run is resumed.
    pub(super) fn start_at(&self, images: usize) {
        self.0.set_position(images as u64);
        self.0.reset_eta();
    }

    pub(super) fn step(&self, images: usize, loss: f64) {
        if !self.0.is_hidden() {
            self.0.set_message(format!("{loss:.2}"));
        }
        self.0.inc(images as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
