//! AMX: registers of 16 × 16 numbers, the *tiles*, and products of them with factors in bfloat16.
//!
//! A tile of A has 16 rows of 32 numbers, one of B 32 rows of 16. C + A B is an instruction that does 8,192 multiply-adds in 16
//! cycles, 16 times as many as AVX-512. The compiler does not know it yet, so it is written out here.
//!
//! Source: Intel, "Architecture Instruction Set Extensions and Future Features", chapter 3, TDPBF16PS.

use std::arch::asm;
use std::sync::OnceLock;

use super::isa::{self, Isa};

/// Rows of a tile, and the words of each: numbers of C, or pairs of bfloat16.
pub(crate) const SIDE: usize = 16;
/// The words of a tile.
pub(crate) const TILE: usize = SIDE * SIDE;

/// Whether a set comes with AMX and its products of bfloat16 on this machine, and the system lets this process use it.
pub(crate) fn is_available(isa: Isa) -> bool {
    static MACHINE: OnceLock<bool> = OnceLock::new();
    isa::has_bf16(isa) && *MACHINE.get_or_init(|| machine_has() && system_allows())
}

/// Intel's "Software Developer's Manual", volume 2, CPUID, leaf 7.
fn machine_has() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const FEATURES: u32 = 7;
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    __cpuid(0).eax >= FEATURES && __cpuid_count(FEATURES, 0).edx & (BF16 | TILE) == BF16 | TILE
}

/// Linux keeps 8 KiB of tiles for each thread, and wants to be asked before (`Documentation/arch/x86/xstate.rst`).
#[cfg(target_os = "linux")]
fn system_allows() -> bool {
    const REQUEST: libc::c_long = 0x1023; // ARCH_REQ_XCOMP_PERM
    const TILES: libc::c_long = 18; // XFEATURE_XTILEDATA
    // SAFETY: the call reads and writes no memory of this process. It fails where it does not exist.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILES) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn system_allows() -> bool {
    false
}

/// How tiles are used, as the instruction reads it.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// A tile of bfloat16 that are 1.
static ONES: [f32; TILE] = [f32::from_bits(0x3F80_3F80); TILE];

/// Eight whole tiles.
static WHOLE: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// The tiles of this thread, which are given back when this is dropped: of two on one thread, the other one's, too.
pub(crate) struct Tiles {
    /// They are of one thread.
    not_send: std::marker::PhantomData<*mut ()>,
}

impl Tiles {
    /// # Panics
    /// If there are [none](is_available).
    pub(crate) fn take() -> Tiles {
        assert!(is_available(Isa::Avx512), "this machine has no AMX");
        // SAFETY: the machine has the instruction, by the line above; it reads 64 bytes.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const WHOLE, options(nostack, readonly, preserves_flags));
        }
        Tiles { not_send: std::marker::PhantomData }
    }

    /// Σ A B over `count` tiles that follow each other, for two rows of tiles of A and two columns of those of B: 32 × 32 sums,
    /// row by row.
    ///
    /// Of each pair of tiles, an element is the sum of two chains of 16 fused multiply-adds from 0: one of the lower
    /// halves of words, one of the upper ones. Numbers and sums that are subnormal are taken for 0.
    ///
    /// # Safety
    /// `a` and `b` are good for `count` tiles each.
    #[inline(always)]
    pub(crate) unsafe fn multiply(
        &self,
        count: usize,
        a: [*const f32; 2],
        b: [*const f32; 2],
        sums: &mut Sums,
    ) {
        if count == 0 {
            sums.0.fill(0.0);
            return;
        }
        // SAFETY: the tiles are configured, as this exists. In `count` rounds so many tiles of each operand are read, 1,024 bytes with rows
        // of 64, and four are written to `sums`, with rows of 128 bytes. All registers that change are named.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{a0} + {row}]",
                "tileloadd tmm6, [{b0} + {row}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b1} + {row}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a1} + {row}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a0}, 1024",
                "add {a1}, 1024",
                "add {b0}, 1024",
                "add {b1}, 1024",
                "dec {count}",
                "jnz 2b",
                "add {row}, {row}",
                "tilestored [{sums} + {row}], tmm0",
                "tilestored [{sums} + {row} + 64], tmm1",
                "tilestored [{sums} + {row} + 2048], tmm2",
                "tilestored [{sums} + {row} + 2112], tmm3",
                a0 = inout(reg) a[0] => _,
                a1 = inout(reg) a[1] => _,
                b0 = inout(reg) b[0] => _,
                b1 = inout(reg) b[1] => _,
                count = inout(reg) count => _,
                row = inout(reg) 64usize => _,
                sums = in(reg) sums.0.as_mut_ptr(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// Multiplies tiles of ones, which touches no memory but at the beginning and at the end: returns how many floating-point operations that were, and
    /// the total of four tiles of sums.
    pub(crate) fn multiply_adds(&self, rounds: usize) -> (u64, f32) {
        let mut sums = Sums([0.0; 4 * TILE]);
        if rounds > 0 {
            // SAFETY: the tiles are configured, as this exists. Four times 1,024 bytes of `ONES`, with rows of 64, are read, and four tiles are
            // written to `sums`, one after the other. All registers that change are named.
            unsafe {
                asm!(
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    "tileloadd tmm4, [{ones} + {row}]",
                    "tileloadd tmm5, [{ones} + {row}]",
                    "tileloadd tmm6, [{ones} + {row}]",
                    "tileloadd tmm7, [{ones} + {row}]",
                    "2:",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "dec {rounds}",
                    "jnz 2b",
                    "tilestored [{sums} + {row}], tmm0",
                    "tilestored [{sums} + {row} + 1024], tmm1",
                    "tilestored [{sums} + {row} + 2048], tmm2",
                    "tilestored [{sums} + {row} + 3072], tmm3",
                    ones = in(reg) ONES.as_ptr(),
                    rounds = inout(reg) rounds => _,
                    row = in(reg) 64usize,
                    sums = in(reg) sums.0.as_mut_ptr(),
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
        ((2 * rounds * 4 * 2 * SIDE * TILE) as u64, sums.0.iter().sum())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the machine has the instruction, or this would not exist.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) }
    }
}

/// 32 × 32 sums, row by row.
#[repr(C, align(64))]
pub(crate) struct Sums(pub(crate) [f32; 4 * TILE]);
