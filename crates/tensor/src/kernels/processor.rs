//! Where processors with one instruction set differ, and a kernel goes different ways to the same bits.
//!
//! Both ways were measured on Zen 4 and on a Xeon of Intel (Granite Rapids). A processor that is neither is taken for what it
//! is closer to.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

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

fn set(processor: Processor) {
    let place = ALL.iter().zip(1..).find(|(other, _)| **other == processor);
    CURRENT.store(place.map_or(0, |(_, place)| place), Relaxed);
}

/// Has every kernel take the ways of another processor.
#[cfg(test)]
pub(crate) fn pretend(place: usize) {
    set(ALL[place % ALL.len()]);
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
}
