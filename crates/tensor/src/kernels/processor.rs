//! Where processors with one instruction set differ, and a kernel goes different ways to the same bits.
//!
//! Both ways were measured on Zen 4 and on a Xeon of Intel (Granite Rapids, or Emerald Rapids). A processor that is neither is taken for what it
//! is closer to.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// A kind of processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Processor {
    /// Of AMD, with registers of 512 bits that are computed in halves.
    Zen4,
    /// Another one of AMD.
    Amd,
    /// Intel's, and all others.
    Other,
}

const ALL: [Processor; 3] = [Processor::Zen4, Processor::Amd, Processor::Other];

/// 1 + the place in `ALL` of this machine's, once it is known.
static CURRENT: AtomicU8 = AtomicU8::new(0);

/// This machine's.
#[inline]
pub(crate) fn current() -> Processor {
    match CURRENT.load(Relaxed) {
        0 => {
            let processor = detect();
            set(processor);
            processor
        }
        place => ALL[usize::from(place) - 1],
    }
}

/// The bytes of the second-level cache, once they are known; 0 before.
static SECOND_LEVEL: AtomicUsize = AtomicUsize::new(0);

/// The bytes of the second-level cache of the core that ran this first; the Xeon's where the machine does not say.
#[inline]
pub(crate) fn second_level() -> usize {
    match SECOND_LEVEL.load(Relaxed) {
        0 => {
            let bytes = detect_second_level().unwrap_or(2 << 20);
            SECOND_LEVEL.store(bytes, Relaxed);
            bytes
        }
        bytes => bytes,
    }
}

fn set(processor: Processor) {
    let place = ALL.iter().zip(1..).find(|(other, _)| **other == processor);
    CURRENT.store(place.map_or(0, |(_, place)| place), Relaxed);
}

/// Has every kernel take the ways of another processor, with a second-level cache that holds hardly anything if `place` is odd.
#[cfg(test)]
pub(crate) fn pretend(place: usize) {
    set(ALL[place % ALL.len()]);
    SECOND_LEVEL.store(if place % 2 == 1 { 1 << 10 } else { 2 << 20 }, Relaxed);
}

impl Processor {
    /// Whether half a register of 512 bits takes half the time of a whole one. Elsewhere it takes more than that: with
    /// products of 256 bits among those of 512, 512 × 400 × 40 takes 1.23 times as long on a Xeon.
    #[inline]
    pub(crate) fn computes_in_halves(self) -> bool {
        self == Processor::Zen4
    }

    /// Whether it asks for rows that are pages apart, by itself. A Xeon does: 512 × 400 × 40 takes 1.07 times as long there
    /// in `f32` if a program asks, too, and 1.09 times in `f64`.
    #[inline]
    pub(crate) fn foresees_rows(self) -> bool {
        self == Processor::Other
    }

    /// Whether a product is faster without the zeros of a factor of which they are half, as behind a rectifier. A Xeon
    /// loads 1.2 registers in a cycle, of which each multiply-add then needs one, where a tile needs less than half of one: half
    /// of the terms take 1.0 to 1.2 times as long as all of them. An epoch of the VAE takes 0.813 s with all of them instead
    /// of 0.835 on two threads, with batches of 512 0.680 instead of 0.714.
    #[inline]
    pub(crate) fn gains_by_skipping_half(self) -> bool {
        self != Processor::Other
    }

    /// Whether a function of many operations waits for its numbers in `f32`, too, where nobody asks for them ahead.
    #[inline]
    pub(crate) fn waits_for_short_numbers(self) -> bool {
        self == Processor::Other
    }

    /// Whether square roots of a vector take longer than twenty multiply-adds: 24 cycles of eight `f64` on a Xeon.
    #[inline]
    pub(crate) fn roots_take_long(self) -> bool {
        self == Processor::Other
    }

    /// Whether a core waits long for a line that one of another chip has read, before it writes to it, and not for one that nobody has
    /// in a cache: 36 ns and 5.4 on [far](super::distance) cores of Zen 4. Cores of a Xeon (Emerald Rapids) are 174 to 202 ns
    /// there and back from each other, but write such a line in 4.8 ns. To take it out of all caches before costs them 150, or 14 with
    /// `clflushopt`: epochs of the VAE took 1.3 to 3.1 s with that, and 1.2 to 1.4 s without it, in turn.
    #[inline]
    pub(crate) fn has_far_cores(self) -> bool {
        self != Processor::Other
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Processor {
    use std::arch::x86_64::__cpuid;
    let vendor = __cpuid(0);
    let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
    if name.as_flattened() != b"AuthenticAMD" {
        return Processor::Other;
    }
    // AMD's "CPUID Specification", function 1: the family is two fields, of which the second is added to a full first one.
    let version = __cpuid(1).eax;
    let family = (version >> 8 & 0xf) + (version >> 20 & 0xff);
    match family {
        // Zen 3 as well, which has no such registers.
        0x19 => Processor::Zen4,
        _ => Processor::Amd,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Processor {
    Processor::Other
}

/// As processors say in CPUID's leaf 4 (Intel's "Software Developer's Manual", volume 2), or, of the same form, in leaf 8000001D (AMD's
/// "Architecture Programmer's Manual", volume 3).
#[cfg(target_arch = "x86_64")]
fn detect_second_level() -> Option<usize> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    // The first leaf of each kind says which is the last.
    let answers = |leaf: u32| __cpuid(leaf & 0x8000_0000).eax >= leaf;
    let caches = |leaf: u32| {
        let all = (0..8).map(move |i| __cpuid_count(leaf, i));
        all.take_while(|cache| cache.eax & 0x1f != 0).filter(|cache| cache.eax >> 5 & 0x7 == 2)
    };
    let leaves = [4, 0x8000_001d].into_iter().filter(|&leaf| answers(leaf));
    let second = leaves.flat_map(caches).next()?;
    let count = |bits: u32| bits as usize + 1;
    let (ways, parts) = (count(second.ebx >> 22), count(second.ebx >> 12 & 0x3ff));
    Some(ways * parts * count(second.ebx & 0xfff) * count(second.ecx))
}

#[cfg(not(target_arch = "x86_64"))]
fn detect_second_level() -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_the_one_that_the_kernel_of_the_system_names() {
        let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let fact = |name: &str| {
            let mut lines = facts.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
        };
        let known = match (fact("vendor_id"), fact("cpu family")) {
            (Some("AuthenticAMD"), Some("25")) => Processor::Zen4,
            (Some("AuthenticAMD"), _) => Processor::Amd,
            _ => Processor::Other,
        };
        assert_eq!(detect(), known);
    }

    #[test]
    fn the_second_level_cache_is_as_large_as_the_system_says() {
        let caches = (0..4).map(|i| format!("/sys/devices/system/cpu/cpu0/cache/index{i}/"));
        let fact = |cache: &str, name: &str| std::fs::read_to_string(format!("{cache}{name}"));
        let is_second =
            |cache: &String| fact(cache, "level").is_ok_and(|level| level.trim() == "2");
        let said = caches.filter(is_second).find_map(|cache| fact(&cache, "size").ok());
        let kibibytes = said.and_then(|size| size.trim().strip_suffix('K')?.parse::<usize>().ok());
        // Not every system says.
        if let Some(kibibytes) = kibibytes {
            assert_eq!(detect_second_level(), Some(kibibytes << 10));
        }
    }
}
