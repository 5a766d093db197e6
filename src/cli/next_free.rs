//! The folder of a run that was given none.

use std::path::{Path, PathBuf};

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
