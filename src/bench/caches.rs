//! The caches of this machine, as its system tells them.

use std::fs;
use std::path::Path;

/// The levels, from the first on, and the bytes that their caches hold for so many threads together.
pub(super) fn caches(threads: usize) -> Vec<(String, usize)> {
    let found = linux(Path::new("/sys/devices/system/cpu/cpu0/cache"), threads);
    if !found.is_empty() {
        return found;
    }
    // Common sizes, where the system does not tell.
    let common = [("L1", 32 << 10), ("L2", 512 << 10), ("L3", 8 << 20)];
    common.map(|(name, size)| (name.into(), size * threads)).into()
}

/// One folder for each cache, with files `level`, `type`, `size` and `shared_cpu_list`.
fn linux(folder: &Path, threads: usize) -> Vec<(String, usize)> {
    let cache = |index: usize| {
        let fact = |name| fs::read_to_string(folder.join(format!("index{index}/{name}")));
        let size: usize = fact("size").ok()?.trim().strip_suffix('K')?.parse().ok()?;
        let sharing = cores(fact("shared_cpu_list").ok()?.trim())?;
        let bytes = (size << 10) * threads.div_ceil(sharing.max(1));
        let data = fact("type").ok()?.trim() != "Instruction";
        data.then_some((format!("L{}", fact("level").ok()?.trim()), bytes))
    };
    (0..8).filter_map(cache).collect()
}

/// How many there are in a list such as `0-3,8-11`.
fn cores(list: &str) -> Option<usize> {
    let count = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(last.parse::<usize>().ok()? + 1 - first.parse::<usize>().ok()?)
    };
    list.split(',').map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_counts_once_for_all_threads_that_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let caches = [
            ("1", "Data", "48K", "0"),
            ("1", "Instruction", "32K", "0"),
            ("2", "Unified", "1024K", "0-1"),
            ("3", "Unified", "32768K", "0-3,8-11"),
        ];
        for (i, (level, kind, size, shared)) in caches.into_iter().enumerate() {
            let index = folder.path().join(format!("index{i}"));
            fs::create_dir(&index).unwrap();
            let facts =
                [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)];
            for (name, fact) in facts {
                fs::write(index.join(name), format!("{fact}\n")).unwrap();
            }
        }
        let sizes = |threads| linux(folder.path(), threads).into_iter().map(|(_, size)| size >> 10);
        assert!(sizes(1).eq([48, 1024, 32768]));
        assert!(sizes(4).eq([192, 2048, 32768]));
        assert_eq!(linux(folder.path(), 1)[2].0, "L3");
        assert!(linux(Path::new("/nowhere"), 1).is_empty());
    }
}
