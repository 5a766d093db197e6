//! Products of few terms: tiles that ask for nothing, and what is written past the caches.

use proptest::prelude::*;

use super::super::plan::SHORT;
use super::*;

proptest! {
    #[test]
    fn what_is_written_past_the_caches_is_the_same(
        m in 1usize..40, k in 0usize..SHORT + 3, n in 1usize..150, gap in 0usize..2, form in form(),
    ) {
        prop_assert_eq!(check_lines::<f32>([m, k, n], gap, &form), Ok(()));
        prop_assert_eq!(check_lines::<f64>([m, k, n], gap, &form), Ok(()));
    }
}

/// Into rows that begin with cache lines, as a processor writes them whose second-level cache they leave.
fn check_lines<T: Real>(sizes: [usize; 3], gap: usize, form: &Form) -> Result<(), String> {
    const NUMBERS: usize = 16;
    let [m, k, n] = sizes;
    with_form(sizes, form, numbers(m * k, form.seed), numbers(k * n, 1), |of, _| {
        let step = n.next_multiple_of(NUMBERS) + gap * NUMBERS;
        let old = numbers::<T>(m * step, form.seed + 2);
        let mut truth = old.clone();
        definition(&of, &mut truth, step, (1, BLOCK), |i, j, terms| {
            terms.fold(T::ZERO, |sum, l| of.a.at(i, l).mul_add(of.b.at(l, j), sum))
        });
        for isa in isa::available() {
            let mut all = [vec![T::ONE; NUMBERS], old.clone(), vec![T::ONE; NUMBERS]].concat();
            let start = all.as_ptr().align_offset(64);
            all[start..][..old.len()].copy_from_slice(&old);
            let others = all.clone();
            processor::pretend(5);
            of.write_on(isa, &mut all[start..][..old.len()], step);
            let same = |x: T, y: T| x == y || (x.is_nan() && y.is_nan());
            let is_right = |i: usize| match i.checked_sub(start).filter(|i| *i < old.len()) {
                Some(i) => same(all[start + i], truth[i]),
                None => same(all[i], others[i]),
            };
            if let Some(i) = (0..all.len()).find(|&i| !is_right(i)) {
                return Err(format!("{} {isa}: {} at {i}, C from {start} on", T::NAME, all[i]));
            }
        }
        Ok(())
    })
}
