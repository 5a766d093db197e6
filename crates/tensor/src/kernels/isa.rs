//! One algorithm, compiled for every instruction set, and the one place where the set is chosen.
//!
//! A kernel is a struct that holds its operands and implements `Kernel::run`, inlined into one
//! thin function per instruction set, where the compiler turns its loops into that set's vectors.
//! Since multiply-adds are written as fused ones and sums have an order of their own, all sets give
//! the same bits.
//!
//! `ELBO_ISA=avx512|avx2|portable` forces a set; one that the machine lacks ends the program with a
//! message.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::OnceLock;

use super::processor;
use super::vector::Vector;

/// An instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isa {
    /// AVX-512 F, BW, DQ and VL, and POPCNT: 16 floats at a time.
    Avx512,
    /// AVX2 and FMA: 8 floats at a time.
    Avx2,
    /// What the compiler may assume of every machine of this architecture.
    Portable,
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Portable => "portable",
        })
    }
}

impl Isa {
    /// Whether this machine has it.
    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx512 | Isa::Avx2 => false,
            Isa::Portable => true,
        }
    }
}

/// The instruction sets of this machine, best first.
pub fn available() -> Vec<Isa> {
    [Isa::Avx512, Isa::Avx2, Isa::Portable].into_iter().filter(|set| set.is_available()).collect()
}

/// The instruction set of this process, and whether somebody asked for it.
static CURRENT: OnceLock<(Isa, bool)> = OnceLock::new();

/// The instruction set that every kernel of this process uses. If nobody asked for one, those that only wait for memory may take a
/// narrower one.
///
/// # Panics
/// If `ELBO_ISA` names a set that does not exist or that the machine lacks.
pub fn current() -> Isa {
    set_and_asked().0
}

#[inline]
fn set_and_asked() -> (Isa, bool) {
    *CURRENT.get_or_init(|| {
        let Ok(wanted) = std::env::var("ELBO_ISA") else { return (available()[0], false) };
        (wanted.parse().unwrap_or_else(|error| panic!("ELBO_ISA={error}")), true)
    })
}

/// Chooses the instruction set, whatever `ELBO_ISA` says. Possible once, before the first kernel runs.
///
/// # Errors
/// If there is no such set, the machine lacks it, or another one is in use already.
pub fn choose(name: &str) -> Result<Isa, String> {
    let set: Isa = name.parse()?;
    match *CURRENT.get_or_init(|| (set, true)) {
        (current, _) if current == set => Ok(set),
        (current, _) => Err(format!("{name}: {current} is in use already")),
    }
}

/// One that this machine has, by its name.
impl FromStr for Isa {
    type Err = String;

    fn from_str(name: &str) -> Result<Isa, String> {
        let sets = available();
        let names = || sets.iter().map(Isa::to_string).collect::<Vec<_>>().join(", ");
        let found = sets.iter().find(|set| set.to_string().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| format!("{name}: this machine has {}", names()))
    }
}

/// An algorithm with its operands. Mark `run` and all that it calls `#[inline(always)]`: what is
/// not inlined is compiled for the portable set.
pub(crate) trait Kernel {
    type Output;
    fn run(self) -> Self::Output;
}

/// Runs a kernel on the current instruction set.
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: `current` names only sets that `available` saw on this machine.
    unsafe { run(current(), kernel) }
}

/// The instruction set for kernels that have next to nothing to compute on what they read and write: the one that somebody asked for, or AVX2 where a
/// [processor](processor::Processor::computes_in_halves) computes registers of 512 bits in halves. Zen 4 then waits less for its caches: a million
/// sums of two numbers take 0.160 ns each on one thread instead of 0.175.
#[inline]
pub(crate) fn light() -> Isa {
    match set_and_asked() {
        (Isa::Avx512, false) if processor::current().computes_in_halves() => Isa::Avx2,
        (isa, _) => isa,
    }
}

/// Runs a kernel on one instruction set.
///
/// # Panics
/// If the machine lacks it.
#[inline(always)] // or a product of 8 × 8 × 8 takes 6 % longer, where the compiler does not
pub(crate) fn dispatch_to<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    assert!(isa.is_available(), "this machine has no {isa}");
    // SAFETY: the machine has it, by the line above.
    unsafe { run(isa, kernel) }
}

/// An instruction set as a type, for kernels that are made for its vectors: they are compiled for that set alone, where what takes an [`Isa`]
/// compiles a kernel for each of them.
#[expect(private_bounds, private_interfaces, reason = "nobody else can run a kernel")]
pub trait Set {
    /// Its name.
    const ISA: Isa;
    /// Runs a kernel as a function of its own.
    ///
    /// # Safety
    /// The machine has the set.
    #[doc(hidden)]
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output;
}

/// [`Isa::Portable`]
#[derive(Debug)]
pub struct Portable;

#[expect(private_bounds, private_interfaces, reason = "as above")]
impl Set for Portable {
    const ISA: Isa = Isa::Portable;

    #[inline(always)]
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        portable(kernel)
    }
}

/// [`Isa::Avx2`]
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub struct Avx2;

#[cfg(target_arch = "x86_64")]
#[expect(private_bounds, private_interfaces, reason = "as above")]
impl Set for Avx2 {
    const ISA: Isa = Isa::Avx2;

    #[inline(always)]
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { avx2(kernel) }
    }
}

/// [`Isa::Avx512`]
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub struct Avx512;

#[cfg(target_arch = "x86_64")]
#[expect(private_bounds, private_interfaces, reason = "as above")]
impl Set for Avx512 {
    const ISA: Isa = Isa::Avx512;

    #[inline(always)]
    unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
        // SAFETY: the caller's promise.
        unsafe { avx512(kernel) }
    }
}

/// Runs a kernel that is made for vectors V of T.
///
/// # Panics
/// If the machine lacks their instruction set.
#[inline(always)] // as above
pub(crate) fn dispatch_for<T, V: Vector<T>, K: Kernel>(_: PhantomData<V>, kernel: K) -> K::Output {
    assert!(V::Set::ISA.is_available(), "this machine has no {}", V::Set::ISA);
    // SAFETY: the machine has it, by the line above.
    unsafe { V::Set::run(kernel) }
}

/// Runs a kernel that is made for a type of vectors on an instruction set:
/// `dispatch_vectors!(isa, T, vector => Kernel { .., vector })` puts the `PhantomData` of the set's vector of
/// T for `vector`.
macro_rules! dispatch_vectors {
    ($isa:expr, $type:ident, $vector:ident => $kernel:expr) => {
        match $isa {
            $crate::kernels::isa::Isa::Avx512 => {
                let $vector =
                    std::marker::PhantomData::<<$type as $crate::kernels::vector::Vectors>::Avx512>;
                $crate::kernels::isa::dispatch_for::<$type, _, _>($vector, $kernel)
            }
            $crate::kernels::isa::Isa::Avx2 => {
                let $vector =
                    std::marker::PhantomData::<<$type as $crate::kernels::vector::Vectors>::Avx2>;
                $crate::kernels::isa::dispatch_for::<$type, _, _>($vector, $kernel)
            }
            $crate::kernels::isa::Isa::Portable => {
                let $vector = std::marker::PhantomData::<
                    <$type as $crate::kernels::vector::Vectors>::Portable,
                >;
                $crate::kernels::isa::dispatch_for::<$type, _, _>($vector, $kernel)
            }
        }
    };
}
pub(crate) use dispatch_vectors;

/// Whether a set comes with AVX-512 BF16 on this machine: products of pairs of bfloat16.
pub(crate) fn has_bf16(isa: Isa) -> bool {
    #[cfg(target_arch = "x86_64")]
    let machine_has = is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    let machine_has = false;
    isa == Isa::Avx512 && isa.is_available() && machine_has
}

/// Runs a kernel on AVX-512 with BF16.
///
/// # Panics
/// If the machine lacks it.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn dispatch_bf16<K: Kernel>(kernel: K) -> K::Output {
    assert!(has_bf16(Isa::Avx512), "this machine has no AVX-512 BF16");
    // SAFETY: the machine has it, by the line above.
    unsafe { avx512_bf16(kernel) }
}

/// Runs a kernel on one instruction set, as a function of its own.
///
/// # Safety
/// The machine has the set.
#[inline(always)]
unsafe fn run<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        // SAFETY: the caller's promise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512(kernel) },
        // SAFETY: the caller's promise.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(kernel) },
        _ => portable(kernel),
    }
}

#[inline(never)] // as those of the other sets: several closures would each have it inside
fn portable<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bf16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt")]
pub(crate) fn avx512_bf16<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// Runs kernels on every instruction set of the machine, on slices of lengths around those of vectors that begin anywhere in one: what
/// `run(set, length, start)` returns must be the same on all sets.
#[cfg(test)]
pub(super) fn agree<R: PartialEq + std::fmt::Debug>(run: impl Fn(Isa, usize, usize) -> R) {
    let sets = available();
    for length in [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, MOST_AGREED] {
        for start in 0..4 {
            let first = run(sets[0], length, start);
            for &set in &sets[1..] {
                assert_eq!(run(set, length, start), first, "{set}: {length} from {start}");
            }
        }
    }
}

/// The longest of those slices.
#[cfg(test)]
pub(super) const MOST_AGREED: usize = 300;

/// The bits of numbers.
#[cfg(test)]
pub(super) fn bits<T: crate::Real>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_f64().to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_that_was_asked_for_is_the_one_in_use() {
        if let Ok(wanted) = std::env::var("ELBO_ISA") {
            assert_eq!(current().to_string(), wanted);
        } else {
            assert_eq!(current(), available()[0]);
        }
        let name = current().to_string();
        assert_eq!(choose(&name), Ok(current()));
        let error = choose("mmx").unwrap_err();
        assert!(
            error.starts_with("mmx: this machine has") && error.contains("portable"),
            "{error}"
        );
    }
}
