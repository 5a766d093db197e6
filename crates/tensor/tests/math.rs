//! The functions of one number: accuracy, special values, and the same bits on every instruction set.

#[path = "../examples/exhaustive/oracle.rs"]
mod oracle;

use elbo_tensor::Real;
use elbo_tensor::kernels::isa::{self, Isa};
use elbo_tensor::kernels::math::{Function, map, map_on};

/// Every 4001st `f32`, and those around powers of two.
fn singles() -> Vec<f32> {
    let mut x: Vec<f32> = (0..=u32::MAX).step_by(4001).map(f32::from_bits).collect();
    for exponent in 0..=255u32 {
        for fraction in [0, 1, 2, 0x7f_fffe, 0x7f_ffff] {
            let bits = exponent << 23 | fraction;
            x.extend([f32::from_bits(bits), -f32::from_bits(bits)]);
        }
    }
    x
}

#[test]
fn every_function_of_f32_stays_within_its_bound() {
    let x = singles();
    let mut y = vec![0.0; x.len()];
    for &function in Function::ALL {
        map(function, &x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let truth = oracle::exact(function, f64::from(x));
            let error = oracle::error(y, truth);
            let name = function.name();
            assert!(
                error <= oracle::bound(function),
                "{name}({x:e}) = {y:e}: {error} ulp from {truth:e}"
            );
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    let x = singles();
    let double: Vec<f64> = x.iter().map(|x| f64::from(*x) * 1.000_000_1).collect();
    let (mut y, mut z) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let mut best = (y.clone(), z.clone());
    for &function in Function::ALL {
        for (i, set) in isa::available().into_iter().enumerate() {
            map_on(set, function, &x, &mut y);
            map_on(set, function, &double, &mut z);
            if i == 0 {
                best.0.clone_from(&y);
                best.1.clone_from(&z);
            }
            for i in 0..x.len() {
                let same =
                    y[i].to_bits() == best.0[i].to_bits() || y[i].is_nan() && best.0[i].is_nan();
                assert!(
                    same,
                    "{} of {:e} on {set}: {:e}, {:e}",
                    function.name(),
                    x[i],
                    y[i],
                    best.0[i]
                );
                let same =
                    z[i].to_bits() == best.1[i].to_bits() || z[i].is_nan() && best.1[i].is_nan();
                assert!(
                    same,
                    "{} of {:e} on {set}: {:e}, {:e}",
                    function.name(),
                    double[i],
                    z[i],
                    best.1[i]
                );
            }
        }
    }
}

/// The largest error of each function of `f64`, in units in the last place, on arguments of all sizes.
#[test]
fn every_function_of_f64_stays_within_its_bound() {
    for &function in Function::ALL {
        let rows = rows(function.name());
        assert!(!rows.is_empty(), "{}", function.name());
        let x: Vec<f64> = rows.iter().map(|row| f64::from_bits(row.0)).collect();
        let mut y = vec![0.0; x.len()];
        map(function, &x, &mut y);
        let mut worst = (0.0, 0.0);
        for ((x, y), (_, nearest, rest)) in x.iter().zip(&y).zip(&rows) {
            let nearest = f64::from_bits(*nearest);
            let last_place = nearest.abs().next_up() - nearest.abs();
            let error = ((y - nearest) / last_place - rest).abs();
            // Not if it is NaN.
            let is_within = error <= oracle::bound(function);
            assert!(is_within, "{}({x:e}) = {y:e}: {error} ulp", function.name());
            if error > worst.0 {
                worst = (error, *x);
            }
        }
        println!("{} {:.3} ulp at {:e}", function.name(), worst.0, worst.1);
    }
}

/// NaN, infinities, zeros with their signs, and numbers next to both ends.
#[test]
fn every_function_of_f64_has_its_special_values() {
    let ends = [f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 3e-323, 1e-320, 0.0];
    let x: Vec<f64> = ends.iter().flat_map(|&x| [x, -x]).chain([f64::NAN]).collect();
    for &function in Function::ALL {
        for set in isa::available() {
            let mut y = vec![0.0; x.len()];
            map_on(set, function, &x, &mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let truth = oracle::exact(function, x);
                let has_same_sign = y.is_sign_negative() == truth.is_sign_negative();
                let is_close = (y - truth).abs() <= (truth.abs() * 1e-15).max(5e-324);
                let same = if truth.is_nan() {
                    y.is_nan()
                } else {
                    has_same_sign && (y == truth || truth != 0.0 && is_close)
                };
                assert!(same, "{}({x:e}) = {y:e} on {set}, not {truth:e}", function.name());
            }
        }
    }
}

/// Every 32nd of the numbers that a function is called with is not one, and then 1: the others have the same values, though a shorter way may
/// be taken to those of whole chunks.
fn check_neighbours<T: Real>(x: &[T]) {
    let among = |other: T| -> Vec<T> {
        x.chunks(31).flat_map(|x| x.iter().copied().chain([other])).collect()
    };
    let (rare, usual) = (among(T::NAN), among(T::ONE));
    let (mut y, mut z) = (rare.clone(), rare.clone());
    let sets = isa::available();
    for (&function, &set) in Function::ALL.iter().flat_map(|f| sets.iter().map(move |s| (f, s))) {
        map_on(set, function, &rare, &mut y);
        map_on(set, function, &usual, &mut z);
        for ((y, z), x) in y.chunks(32).zip(z.chunks(32)).zip(usual.chunks(32)) {
            for ((y, z), x) in y.iter().zip(z).zip(x).take(x.len() - 1) {
                let same = bytemuck::bytes_of(y) == bytemuck::bytes_of(z);
                let name = function.name();
                assert!(same || y.is_nan() && z.is_nan(), "{name} of {x} on {set}: {y}, {z}");
            }
        }
    }
}

#[test]
fn neighbours_change_no_bit() {
    let x = singles();
    check_neighbours(&x);
    check_neighbours(&x.iter().map(|x| f64::from(*x) * 1.000_000_1).collect::<Vec<f64>>());
}

/// The loops for whole vectors, for chunks of them and for what is left.
#[test]
fn neither_lengths_nor_starts_change_a_bit() {
    fn check<T: Real>(set: Isa, function: Function, x: &[T]) {
        let mut whole = vec![T::ZERO; x.len()];
        map_on(set, function, x, &mut whole);
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
            for start in 0..5 {
                let mut all = vec![T::ONE; length + 10];
                let range = 5 - start..5 - start + length;
                map_on(set, function, &x[start..][..length], &mut all[range.clone()]);
                let bits = |x: &T| bytemuck::bytes_of(x).to_vec();
                let same = |(y, z)| bits(y) == bits(z) || y.is_nan() && z.is_nan();
                let is_same = all[range.clone()].iter().zip(&whole[start..]).all(same);
                assert!(is_same, "{} of {length} from {start} on {set}", function.name());
                let mut others = all[..range.start].iter().chain(&all[range.end..]);
                assert!(others.all(|&x| x == T::ONE), "{} beside {range:?}", function.name());
            }
        }
    }
    let single: Vec<f32> = singles().into_iter().step_by(6007).collect();
    let double: Vec<f64> = single.iter().map(|&x| f64::from(x) * 1.000_000_1).collect();
    for &function in Function::ALL {
        for set in isa::available() {
            check(set, function, &single);
            check(set, function, &double);
        }
    }
}

/// What `double.csv` has of a function: bits of x, bits of the nearest f(x), and f(x) less that in units of its last
/// place.
fn rows(name: &str) -> Vec<(u64, u64, f64)> {
    let of_name = |line: &&str| line.split(',').next() == Some(name);
    let row = |line: &str| {
        let mut fields = line.split(',').skip(1);
        let mut next = || fields.next().expect("four columns");
        let mut bits = || u64::from_str_radix(next(), 16).expect("bits");
        let (x, y) = (bits(), bits());
        (x, y, next().parse().expect("a part of a unit"))
    };
    include_str!("double.csv").lines().filter(of_name).map(row).collect()
}
