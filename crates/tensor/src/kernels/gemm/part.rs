//! The loops around the microkernel, for the part of C that one thread computes.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::isa::Kernel;
use super::super::vector::{Vector, wait_for_stores};
use super::ahead::Ahead;
use super::block::{Block, Panel};
use super::finish::Finish;
use super::pack::pack_b;
use super::plan::Plan;
use super::tile::{COPYING, Operand, Terms};
use super::{Product, Target};
use crate::Real;
use crate::buffer::Buffer;

/// A part of a product: some rows and some columns of C.
pub(super) struct Part<'a, T: Real, V, M> {
    pub(super) of: &'a Product<'a, T>,
    pub(super) c: Target<T>,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    pub(super) vector: PhantomData<V>,
    pub(super) terms: M,
}

/// As few even cuts of a range as keep each at `most`, which is a multiple of `unit`.
#[inline(always)]
pub(super) fn cuts(
    range: Range<usize>,
    unit: usize,
    most: usize,
) -> impl Iterator<Item = Range<usize>> {
    let units = range.len().div_ceil(unit);
    let parts = units.div_ceil(most / unit);
    // Most ranges are one part: no division for their ends. Others end at units * i / parts, which could wrap.
    let at = move |i: usize| match i {
        0 => range.start,
        i if i == parts => range.end,
        i => range.start + (units / parts * i + units % parts * i / parts) * unit,
    };
    (0..parts).map(move |i| at(i)..at(i + 1))
}

impl<T: Real, V: Vector<T>, M: Terms<T, V>> Kernel for Part<'_, T, V, M> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let plan = Plan::of(&self);
        let a = self.of.a;
        let (k, columns) = (a.columns(), self.columns.len());
        let k_most = plan.block.min(k);
        let a_length = if plan.copy_a { plan.rows.min(self.rows.len()) * k_most } else { 0 };
        // The last vector of a row that is read in place may reach behind it: such a panel is copied.
        let reaches = !V::LEAVES_OUT && !columns.is_multiple_of(V::LANES);
        let b_length = match plan {
            Plan { keep_b: true, columns, depth, .. } => columns * depth.min(k),
            Plan { copy_b, width, .. } if copy_b || reaches => width * k_most,
            _ => 0,
        };
        let mut a_copy = Buffer::<T>::for_overwrite(a_length);
        let mut b_copy = Buffer::<T>::for_overwrite(b_length);
        for columns in cuts(self.columns.clone(), V::LANES, plan.columns) {
            for deep in cuts(0..k, M::TOGETHER, plan.depth) {
                for i in cuts(self.rows.clone(), plan.height, plan.rows) {
                    for group in cuts(columns.clone(), V::LANES, plan.group) {
                        for p in cuts(deep.clone(), M::TOGETHER, plan.block) {
                            let mut block = Block::of(&a, &i, &p, plan.height);
                            if plan.copy_a {
                                // SAFETY: the kernel runs on V's instruction set, and all of this is inlined into it;
                                // the copy has room for the largest block.
                                unsafe { block.pack::<V>(a_copy.as_mut_ptr()) }
                            }
                            for j in cuts(group.clone(), V::LANES, plan.width) {
                                let (copy, is_first) =
                                    (b_copy.as_mut_ptr(), i.start == self.rows.start);
                                // SAFETY: as above. Copies that are kept have room for whole vectors of all columns and terms
                                // at once, others for the largest panel; the first rows meet every panel.
                                unsafe {
                                    let copy = match plan.keep_b {
                                        true => copy.add(place_of::<T, V>(&columns, &deep, &p, &j)),
                                        false => copy,
                                    };
                                    let is_copied = plan.keep_b && !is_first;
                                    self.panel(&plan, &block, [&i, &p, &j], copy, is_copied);
                                }
                            }
                        }
                    }
                }
            }
        }
        if plan.passes_caches {
            wait_for_stores();
        }
    }
}

impl<T: Real, V: Vector<T>, M: Terms<T, V>> Part<'_, T, V, M> {
    /// C ← (C +) a block of A, rows i and terms p, times a panel of B, columns j, which may have been copied already.
    ///
    /// # Safety
    /// Call it inline in code for V's instruction set. Rows and columns are within this part, the panel is as wide as the
    /// plan says at most, and the copy has room for it.
    #[inline(always)]
    unsafe fn panel(
        &self,
        plan: &Plan,
        block: &Block<T>,
        [i, p, j]: [&Range<usize>; 3],
        copy: *mut T,
        is_copied: bool,
    ) {
        let Part { of, c, terms, .. } = *self;
        let mut panel = of.b.from(p.start, j.start);
        let vectors = j.len().div_ceil(V::LANES);
        let is_whole = V::LEAVES_OUT || j.len().is_multiple_of(V::LANES);
        // SAFETY: the caller's promises. The panel lies in B, whose length `Matrix` has checked, and is read in the
        // copy where it is not whole vectors next to each other. This part of C was handed to this call only by
        // `in_parts`, and bias and mask are as large.
        unsafe {
            let copies = plan.copy_b || !is_whole;
            // Where columns of B are next to each other, the first tile copies it.
            let by_first_tile = copies
                && !is_copied
                && M::CHAIN.is_none()
                && (panel.column, j.len()) == (1, vectors * V::LANES)
                && i.len() >= COPYING;
            // To the right in B, or the next copy.
            let mut next = Operand { start: panel.start.wrapping_add(j.len()), ..panel };
            if copies && !by_first_tile {
                if !is_copied {
                    pack_b::<T, V>(p.len(), j.len(), panel, copy);
                }
                panel = Operand { start: copy, row: vectors * V::LANES, column: 1 };
            }
            if is_copied {
                next = Operand { start: copy.wrapping_add(p.len() * panel.row), ..panel };
            }
            let mut finish = Finish::new(of, i.start, j.clone(), p.clone());
            finish.passes_caches = plan.passes_caches;
            let c = (c.start.add(i.start * c.step + j.start), c.step);
            let ahead = Ahead {
                a: plan.ask_a && j.start == self.columns.start,
                b: plan.ask_b.then_some(next),
                panel: plan.ask_panel && !copies,
                c: plan.ask_c,
            };
            let b = Panel { at: panel, is_padded: copies, copy: by_first_tile.then_some(copy) };
            match vectors {
                1 => block.times::<V, 1, M>(terms, b, ahead, c, &finish),
                2 => block.times::<V, 2, M>(terms, b, ahead, c, &finish),
                3 if V::TILE.1 == 3 => block.times::<V, 3, M>(terms, b, ahead, c, &finish),
                4 if V::TILE.0 == 8 => block.times::<V, 4, M>(terms, b, ahead, c, &finish),
                5 if V::TILE.0 == 8 && M::CHAIN.is_none() => {
                    block.times::<V, 5, M>(terms, b, ahead, c, &finish)
                }
                6 if V::TILE.0 == 8 && M::CHAIN.is_none() => {
                    block.times::<V, 6, M>(terms, b, ahead, c, &finish)
                }
                _ => unreachable!("a panel is at most as wide as a tile"),
            }
        }
    }
}

/// Where the copy of a panel is kept: block of k after block of k, and there from left to right.
#[inline(always)]
fn place_of<T, V: Vector<T>>(
    columns: &Range<usize>,
    deep: &Range<usize>,
    p: &Range<usize>,
    j: &Range<usize>,
) -> usize {
    (p.start - deep.start) * columns.len().next_multiple_of(V::LANES)
        + (j.start - columns.start) * p.len()
}

#[cfg(test)]
mod tests {
    use super::super::MOST;
    use super::super::plan::BLOCK;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cuts_are_even(start in 0usize..9, length in 0usize..5000, unit in 1usize..70, most in 1usize..9) {
            let most = most * unit;
            let cuts: Vec<_> = cuts(start..start + length, unit, most).collect();
            let ends = cuts.iter().map(|cut| cut.end);
            let begins = cuts.iter().skip(1).map(|cut| cut.start).chain([start + length]);
            prop_assert!(ends.eq(begins) || length == 0);
            prop_assert!(cuts.first().is_none_or(|cut| cut.start == start));
            prop_assert_eq!(cuts.len(), length.div_ceil(unit).div_ceil(most / unit));
            let units: Vec<_> = cuts.iter().map(|cut| cut.len().div_ceil(unit)).collect();
            let fewest = units.iter().min().copied().unwrap_or(0);
            prop_assert!(cuts.iter().all(|cut| cut.len() <= most));
            prop_assert!(units.iter().all(|&units| units <= fewest + 1));
        }
    }

    #[test]
    fn cuts_of_very_long_ranges_do_not_wrap() {
        let length = MOST - 1;
        let mut last = 0..0;
        for cut in cuts(0..length, 1, BLOCK).skip(1 << 26).take(3) {
            assert!(last.end == 0 || cut.start == last.end);
            assert!(cut.len() <= BLOCK && cut.len() + 1 >= BLOCK, "{cut:?}");
            last = cut;
        }
        let middle = f64::from((1 << 26) + 3) * (length as f64 / length.div_ceil(BLOCK) as f64);
        assert!((last.end as f64 - middle).abs() < 2.0, "{last:?} {middle}");
    }
}
