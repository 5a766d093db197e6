//! Updates of parameters in one pass over memory.
//!
//! All threads read all weights in each step. So before they are written they are taken out of the caches (`evict.rs`)
//! where threads are far from each other, and elsewhere the cores of others have to give up each line first, which takes 28 ns on Zen 4. A core waits for
//! several of them at the same time if their stores follow each other. So weights are read and written by a few lines, and not in
//! turn with moments: 78,400 weights that both cores have just read take 27 µs with Adam instead of 84, if the cores have read other things since 17
//! instead of 48, and 13.5 if nobody reads them.

use super::GRAIN;
use super::distance;
use super::evict::{self, evict};
use super::gemm::Product;
use super::isa::{Kernel, dispatch};
use super::prefetch::LINE;
use super::threads::{self, chunks_mut, for_each_chunk};
use crate::Real;
use crate::buffer::Buffer;

/// Cache lines of each array that are in registers together: with Adam's four arrays, 20 of the 32 of AVX-512. With four lines, the
/// times above are 30 and 19 µs, with six, for which there are not enough, 34 and 21.
const LINES: usize = 5;

/// The numbers in so many bytes, of `f32` and of `f64`.
const SINGLES: usize = LINES * LINE / size_of::<f32>();
const DOUBLES: usize = LINES * LINE / size_of::<f64>();

/// The gradient of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Gradient<'a, T> {
    /// As numbers.
    Numbers(&'a [T]),
    /// As a product of factors that are not rounded, which adds to nothing. Some rows at a time are computed, just before they are used.
    Product(Product<'a, T>),
}

/// The most bytes of a product that are computed at a time, if threads leave them that much: a part of the third-level
/// cache. Each part copies the product's right factor, so smaller ones, which would stay in the second level, cost as much as
/// they save: with 3,200 hidden units, a step takes 0.97 of the time with 2 to 5 MiB, and 0.99 with 1. One thread gains
/// nothing; of two, one waits for memory while the other one multiplies.
const AT_ONCE: usize = 4 << 20;

impl<T: Real> Gradient<'_, T> {
    /// How many numbers there are.
    fn len(&self) -> usize {
        match self {
            Gradient::Numbers(numbers) => numbers.len(),
            Gradient::Product(product) => product.size().iter().product(),
        }
    }
}

/// A parameter's gradient, and what a step changes: the weights, then what the optimizer remembers of each.
pub type Change<'a, T, const N: usize> = (Gradient<'a, T>, [&'a mut [T]; N]);

/// Some of the numbers of a [`Change`].
struct Piece<'a, T, const N: usize> {
    g: &'a [T],
    to: [&'a mut [T]; N],
    /// Whether the weights are taken out of all caches before.
    evicts: bool,
}

impl<'a, T, const N: usize> Piece<'a, T, N> {
    /// Takes the first so many numbers away.
    fn split_off(&mut self, count: usize) -> Piece<'a, T, N> {
        let g = self.g.split_off(..count).expect("so many numbers");
        let to = self.to.each_mut().map(|to| to.split_off_mut(..count).expect("as many as of g"));
        Piece { g, to, evicts: self.evicts }
    }
}

/// Hands pieces of all changes to `update` on all threads, with the same pieces of their gradients.
///
/// Each thread has the same part of every parameter in each step, from which it reads as many numbers as others: what it has written
/// it finds in its caches, and so does a product that [gives each thread some terms](super::gemm). All parameters are one job: one after the other,
/// the six small ones of a VAE took 5 µs of a step.
fn for_each_piece<'a, T: Real, const N: usize>(
    changes: impl IntoIterator<Item = Change<'a, T, N>>,
    update: impl Fn(&[T], [&mut [T]; N]) + Sync,
) {
    distance::look();
    let threads = threads::count();
    let (mut parameters, mut products) = (Vec::new(), Vec::new());
    for (g, to) in changes {
        let evicts = evict::pays(size_of_val(to[0]));
        match g {
            Gradient::Product(product) => products.push((product, to, evicts)),
            Gradient::Numbers(g) => {
                let parts = g.len().div_ceil(GRAIN).next_multiple_of(threads);
                parameters.push((parts, g.len(), Piece { g, to, evicts }));
            }
        }
    }
    // As many for each thread, which so begins with its own.
    let mut pieces = Vec::with_capacity(parameters.iter().map(|(parts, ..)| parts).sum());
    for thread in 0..threads {
        for (parts, length, rest) in &mut parameters {
            // Whole lines, so that threads do not share one.
            let line = LINE / size_of::<T>();
            let cut = |i: usize| (*length * i / *parts).next_multiple_of(line).min(*length);
            for i in thread * *parts / threads..(thread + 1) * *parts / threads {
                pieces.push(rest.split_off(cut(i + 1) - cut(i)));
            }
        }
    }
    let all = pieces.iter().map(|piece| piece.g.len()).sum::<usize>();
    let change = |g: &[T], to: [&mut [T]; N], evicts: bool| {
        if evicts {
            evict(to[0]);
        }
        update(g, to);
    };
    let of = |piece: &mut Piece<'a, T, N>| {
        change(piece.g, piece.to.each_mut().map(|to| &mut **to), piece.evicts);
    };
    if all <= GRAIN {
        pieces.iter_mut().for_each(of);
    } else {
        for_each_chunk(chunks_mut(&mut pieces, 1), |_, pieces| pieces.iter_mut().for_each(of));
    }
    for (product, to, evicts) in products {
        for_each_rows(product, to, |g, to| change(g, to, evicts));
    }
}

/// The same for a gradient that is a product: some of its rows are computed for each piece.
fn for_each_rows<T: Real, const N: usize>(
    product: Product<'_, T>,
    mut to: [&mut [T]; N],
    update: impl Fn(&[T], [&mut [T]; N]) + Sync,
) {
    let [m, n] = product.size();
    let name = "a gradient as a product";
    assert!(product.is_plain(), "{name}: it adds to C, or its factors are rounded");
    if m * n == 0 {
        return;
    }
    let parts = (m * n * size_of::<T>()).div_ceil(AT_ONCE).next_multiple_of(threads::count());
    // Whole tiles, where there are enough of them for all.
    let tile = if m >= 8 * parts { 8 } else { 1 };
    let rows = m.div_ceil(parts).next_multiple_of(tile);
    let mut pieces = Vec::new();
    for from in (0..m).step_by(rows) {
        let rows = from..(from + rows).min(m);
        let count = rows.len() * n;
        let to =
            to.each_mut().map(|to| to.split_off_mut(..count).expect("as large as its gradient"));
        pieces.push((rows, to));
    }
    for_each_chunk(chunks_mut(&mut pieces, 1), |_, pieces| {
        for (rows, to) in pieces {
            let mut g = Buffer::for_overwrite(rows.len() * n);
            product.only(rows.clone()).write(&mut g);
            update(&g, to.each_mut().map(|to| &mut **to));
        }
    });
}

/// The numbers of one step of Adam, the same for all parameters (Kingma & Ba 2015, algorithm 1).
#[derive(Clone, Copy, Debug)]
pub struct Adam<T> {
    /// α / (1 - β₁ᵗ)
    pub rate: T,
    /// 1 / √(1 - β₂ᵗ)
    pub scale: T,
    /// β₁
    pub beta1: T,
    /// β₂
    pub beta2: T,
    /// ε
    pub eps: T,
    /// λ of an L2 penalty: added to the gradient as λ w.
    pub l2: T,
    /// The factor 1 - α λ of decoupled weight decay (Loshchilov & Hutter 2019).
    pub decay: T,
    /// A factor on the gradient: what clipping asks for.
    pub gradient_scale: T,
}

/// 0 in place of a number below the smallest normal one times `times`: on denormal numbers arithmetic is many times slower.
#[inline(always)]
fn flushed<T: Real>(x: T, times: f64) -> T {
    if x.abs() < T::MIN_POSITIVE * T::from_f64(times) { T::ZERO } else { x }
}

/// For a first moment: 2²⁶, more than the inverse of usual learning rates. The moment of a pixel that is seldom lit fades by
/// and by, and its product with the rate becomes denormal long before it does itself. On a Xeon the VAE's second epoch, when
/// most of them do, takes 0.84 s with this instead of 0.93, and others 1 % less, with the same losses. Not for v: beside a
/// tiny ε its root would be missed.
const FADED: f64 = 67_108_864.0;

impl<T: Real> Adam<T> {
    /// The next weight and moments.
    #[inline(always)]
    fn next(self, weight: T, g: T, first: T, second: T) -> (T, T, T) {
        let (one_less_beta1, one_less_beta2) = (T::ONE - self.beta1, T::ONE - self.beta2);
        let g = self.l2.mul_add(weight, g * self.gradient_scale);
        let first = flushed(self.beta1.mul_add(first, one_less_beta1 * g), FADED);
        let second = flushed(self.beta2.mul_add(second, one_less_beta2 * g * g), 1.0);
        let step = self.rate * first / second.sqrt().mul_add(self.scale, self.eps);
        (weight * self.decay - step, first, second)
    }
}

struct AdamChunk<'a, T>(Adam<T>, &'a mut [T], &'a [T], &'a mut [T], &'a mut [T]);

impl<T: Real> AdamChunk<'_, T> {
    #[inline(always)]
    fn by_lines<const N: usize>(self) {
        let AdamChunk(s, w, g, m, v) = self;
        let ((w, w_rest), (g, g_rest)) = (w.as_chunks_mut::<N>(), g.as_chunks::<N>());
        let ((m, m_rest), (v, v_rest)) = (m.as_chunks_mut::<N>(), v.as_chunks_mut::<N>());
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            let (mut weight, g, mut first, mut second) = (*w, *g, *m, *v);
            for i in 0..N {
                (weight[i], first[i], second[i]) = s.next(weight[i], g[i], first[i], second[i]);
            }
            (*m, *v) = (first, second);
            *w = weight;
        }
        for (((w, g), m), v) in w_rest.iter_mut().zip(g_rest).zip(m_rest).zip(v_rest) {
            (*w, *m, *v) = s.next(*w, *g, *m, *v);
        }
    }
}

impl<T: Real> Kernel for AdamChunk<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match size_of::<T>() {
            4 => self.by_lines::<SINGLES>(),
            _ => self.by_lines::<DOUBLES>(),
        }
    }
}

/// One step of Adam or AdamW:
///
/// ```text
///     g ← c g + λ w
///     m ← β₁ m + (1 - β₁) g
///     v ← β₂ v + (1 - β₂) g²
///     m below 2²⁶ times the smallest normal number becomes 0, and v below that number
///     w ← decay w - rate m / (scale √v + ε)
/// ```
///
/// for w, m and v of each change.
///
/// # Panics
/// If the lengths differ, or a gradient is a product that adds to C or rounds its factors.
pub fn adam<'a, T: Real>(step: Adam<T>, changes: impl IntoIterator<Item = Change<'a, T, 3>>) {
    let changes = changes.into_iter().inspect(|(g, [w, m, v])| {
        assert!(w.len() == g.len(), "adam: {} weights, a gradient of {}", w.len(), g.len());
        let moments = (m.len(), v.len());
        assert!(moments == (w.len(), w.len()), "adam: {} weights, moments of {moments:?}", w.len());
    });
    for_each_piece(changes, |g, [w, m, v]| dispatch(AdamChunk(step, w, g, m, v)));
}

/// The numbers of one step of gradient descent.
#[derive(Clone, Copy, Debug)]
pub struct Sgd<T> {
    /// α
    pub rate: T,
    /// μ, 0 for none
    pub momentum: T,
    /// λ of an L2 penalty: added to the gradient as λ w.
    pub l2: T,
    /// A factor on the gradient: what clipping asks for.
    pub gradient_scale: T,
}

impl<T: Real> Sgd<T> {
    /// The next weight and velocity.
    #[inline(always)]
    fn next(self, weight: T, g: T, velocity: T) -> (T, T) {
        let g = self.l2.mul_add(weight, g * self.gradient_scale);
        let next = flushed(self.momentum.mul_add(velocity, g), 1.0);
        (weight - self.rate * next, next)
    }
}

struct SgdChunk<'a, T>(Sgd<T>, &'a mut [T], &'a [T], &'a mut [T]);

impl<T: Real> SgdChunk<'_, T> {
    #[inline(always)]
    fn by_lines<const N: usize>(self) {
        let SgdChunk(s, w, g, velocity) = self;
        let ((w, w_rest), (g, g_rest)) = (w.as_chunks_mut::<N>(), g.as_chunks::<N>());
        let (velocity, velocity_rest) = velocity.as_chunks_mut::<N>();
        for ((w, g), velocity) in w.iter_mut().zip(g).zip(velocity) {
            let (mut weight, g, mut next) = (*w, *g, *velocity);
            for i in 0..N {
                (weight[i], next[i]) = s.next(weight[i], g[i], next[i]);
            }
            *velocity = next;
            *w = weight;
        }
        for ((w, g), velocity) in w_rest.iter_mut().zip(g_rest).zip(velocity_rest) {
            (*w, *velocity) = s.next(*w, *g, *velocity);
        }
    }
}

impl<T: Real> Kernel for SgdChunk<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match size_of::<T>() {
            4 => self.by_lines::<SINGLES>(),
            _ => self.by_lines::<DOUBLES>(),
        }
    }
}

/// One step of gradient descent with momentum:
///
/// ```text
///     u ← μ u + c g + λ w
///     denormal velocities become 0
///     w ← w - α u
/// ```
///
/// for w and u of each change.
///
/// # Panics
/// If the lengths differ, or a gradient is a product that adds to C or rounds its factors.
pub fn sgd<'a, T: Real>(step: Sgd<T>, changes: impl IntoIterator<Item = Change<'a, T, 2>>) {
    let changes = changes.into_iter().inspect(|(g, [w, u])| {
        assert!(w.len() == g.len(), "sgd: {} weights, a gradient of {}", w.len(), g.len());
        assert!(w.len() == u.len(), "sgd: {} weights, {} velocities", w.len(), u.len());
    });
    for_each_piece(changes, |g, [w, u]| dispatch(SgdChunk(step, w, g, u)));
}

#[cfg(test)]
mod tests {
    use super::super::gemm::Matrix;
    use super::super::isa::{available, dispatch_to};
    use super::super::threads;
    use super::*;
    use proptest::prelude::*;

    const ADAM: Adam<f32> = Adam {
        rate: 0.01,
        scale: 1.5,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        l2: 0.125,
        decay: 0.75,
        gradient_scale: 0.5,
    };

    /// The same as any type of number.
    fn steps<T: Real>() -> (Adam<T>, Sgd<T>) {
        let of = |x: f32| T::from_f64(f64::from(x));
        let adam = Adam {
            rate: of(ADAM.rate),
            scale: of(ADAM.scale),
            beta1: of(ADAM.beta1),
            beta2: of(ADAM.beta2),
            eps: of(ADAM.eps),
            l2: of(ADAM.l2),
            decay: of(ADAM.decay),
            gradient_scale: of(ADAM.gradient_scale),
        };
        let sgd = Sgd {
            rate: of(SGD.rate),
            momentum: of(SGD.momentum),
            l2: of(SGD.l2),
            gradient_scale: of(SGD.gradient_scale),
        };
        (adam, sgd)
    }

    const SGD: Sgd<f32> = Sgd { rate: 0.01, momentum: 0.9, l2: 0.125, gradient_scale: 0.5 };

    /// What a moment of f32 is kept as, if numbers below the smallest normal one, times this, are not.
    fn kept(x: f64, times: f64) -> f64 {
        if x.abs() < times * f64::from(f32::MIN_POSITIVE) { 0.0 } else { x }
    }

    /// The definitions above in `f64`: the next weight and moments.
    fn adam_by_definition([w, g, m, v]: [f32; 4]) -> [f64; 3] {
        let [w, g, m, v] = [w, g, m, v].map(f64::from);
        let of = |x: f32| f64::from(x);
        let g = of(ADAM.gradient_scale) * g + of(ADAM.l2) * w;
        let m = kept(of(ADAM.beta1) * m + (1.0 - of(ADAM.beta1)) * g, 67_108_864.0);
        let v = kept(of(ADAM.beta2) * v + (1.0 - of(ADAM.beta2)) * g * g, 1.0);
        let step = of(ADAM.rate) * m / (of(ADAM.scale) * v.sqrt() + of(ADAM.eps));
        [of(ADAM.decay) * w - step, m, v]
    }

    fn sgd_by_definition([w, g, u]: [f32; 3]) -> [f64; 2] {
        let of = |x: f32| f64::from(x);
        let u = of(SGD.momentum) * of(u) + of(SGD.gradient_scale) * of(g) + of(SGD.l2) * of(w);
        let u = kept(u, 1.0);
        [of(w) - of(SGD.rate) * u, u]
    }

    /// A weight, its gradient, and its moments; some without gradient, whose moments are about to become 0.
    fn numbers() -> impl Strategy<Value = [f32; 4]> {
        let tiny = [-1.5, -1.05, -0.5, 0.5, 1.05, 1.5].map(|x: f32| x * f32::MIN_POSITIVE);
        let squares = [0.5, 1.0, 1.5].map(|x: f32| x * f32::MIN_POSITIVE);
        let times = [1.0, 67_108_864.0];
        let fading = [tiny.to_vec(), squares.to_vec(), times.to_vec()].map(prop::sample::select);
        let fading = fading.prop_map(|[m, v, times]| [0.0, 0.0, m * times, v]);
        let others = [-4.0f32..4.0, -4.0f32..4.0, -1.0f32..1.0, 0.01f32..1.0];
        prop_oneof![3 => others, 1 => fading]
    }

    proptest! {
        #[test]
        fn a_step_is_the_definition_on_every_instruction_set(
            all in prop::collection::vec(numbers(), 0..200), length in prop::sample::select(vec![0, 1, 7, 8, 9, 15, 16, 17, 200]),
            start in 0usize..4,
        ) {
            // In slices that begin anywhere in a vector.
            let all = &all[..all.len().min(length)];
            let before = std::iter::repeat_n([1.0; 4], start);
            let column = |i: usize| before.clone().chain(all.iter().copied()).map(|x| x[i]).collect::<Vec<f32>>();
            let is_near = |is: f32, should: f64| (f64::from(is) - should).abs() < 1e-5 * (1.0 + should.abs());
            // To the last digits where gradients are 0.
            let is_kept = |is: f32, should: f64| {
                let all_digits = (f64::from(is) - should).abs() <= 1e-6 * should.abs();
                if should.abs() < 1e-28 { all_digits } else { is_near(is, should) }
            };
            let (mut adams, mut sgds) = (Vec::new(), Vec::new());
            for isa in available() {
                let [mut w, g, mut m, mut v] = [0, 1, 2, 3].map(column);
                dispatch_to(isa, AdamChunk(ADAM, &mut w[start..], &g[start..], &mut m[start..], &mut v[start..]));
                for (i, before) in all.iter().enumerate() {
                    let (after, should) = ([&w, &m, &v].map(|x| x[start + i]), adam_by_definition(*before));
                    let fits = is_near(after[0], should[0]) && is_kept(after[1], should[1]) && is_kept(after[2], should[2]);
                    prop_assert!(fits, "{:?}: {:?}, not {:?}", isa, after, should);
                }
                adams.push([w, m, v]);
                let [mut w, _, mut u, _] = [0, 1, 2, 3].map(column);
                dispatch_to(isa, SgdChunk(SGD, &mut w[start..], &g[start..], &mut u[start..]));
                for (i, [before, g, velocity, _]) in all.iter().enumerate() {
                    let (after, should) = ([&w, &u].map(|x| x[start + i]), sgd_by_definition([*before, *g, *velocity]));
                    let fits = is_near(after[0], should[0]) && is_kept(after[1], should[1]);
                    prop_assert!(fits, "{:?}: {:?}, not {:?}", isa, after, should);
                }
                sgds.push([w, u]);
            }
            // The same bits.
            prop_assert!(adams.windows(2).all(|two| two[0] == two[1]));
            prop_assert!(sgds.windows(2).all(|two| two[0] == two[1]));
        }
    }

    /// A step with the product Aᵀ B as gradient, and with its numbers.
    fn check_product<T: Real>([m, k, n]: [usize; 3]) {
        let numbers = |count: usize, seed: usize| -> Vec<T> {
            let number = |i: usize| ((i * 7919 + seed * 31) % 1013) as f64 / 506.5 - 1.0;
            (0..count).map(|i| T::from_f64(number(i))).collect()
        };
        let (a, b) = (numbers(k * m, 1), numbers(k * n, 2));
        let product = Product::new(Matrix::new(&a, k, m).transpose(), Matrix::new(&b, k, n));
        let mut g = vec![T::ZERO; m * n];
        product.write(&mut g);
        let (step, descent) = steps::<T>();
        let after = |gradient: Gradient<'_, T>, count: usize| {
            let [mut w, mut x, mut m, mut u] = [3, 3, 4, 5].map(|seed| numbers(g.len(), seed));
            let mut v: Vec<T> = numbers(g.len(), 6).iter().map(|v| v.abs()).collect();
            threads::with(count, || {
                adam(step, [(gradient, [&mut w[..], &mut m, &mut v])]);
                sgd(descent, [(gradient, [&mut x[..], &mut u])]);
            });
            [w, m, v, x, u]
        };
        let truth = after(Gradient::Numbers(&g), 1);
        for count in [1, 2, 3, 8] {
            let found = after(Gradient::Product(product), count);
            assert!(found == truth, "{} {m} × {k} × {n}, {count} threads", T::NAME);
        }
    }

    proptest! {
        #[test]
        fn a_product_is_as_good_as_its_numbers(
            sizes in [0..70usize, 0..20usize, 0..70usize],
        ) {
            check_product::<f32>(sizes);
            check_product::<f64>(sizes);
        }
    }

    /// Parameters of several sizes in one step, with numbers and products as gradients, are changed as each of them alone.
    fn check_several<T: Real>(lengths: &[usize]) {
        let numbers = |count: usize, seed: usize| -> Vec<T> {
            let number = |i: usize| ((i * 7919 + seed * 31) % 1013) as f64 / 1013.0 + 0.01;
            (0..count).map(|i| T::from_f64(number(i))).collect()
        };
        let all: Vec<[Vec<T>; 6]> = (lengths.iter().enumerate())
            .map(|(i, &length)| [0, 1, 2, 3, 4, 5].map(|seed| numbers(length, 6 * i + seed)))
            .collect();
        let ones = [T::ONE];
        fn gradient<'a, T: Real>(i: usize, g: &'a [T], one: &'a [T]) -> Gradient<'a, T> {
            let product = || Product::new(Matrix::new(g, g.len(), 1), Matrix::new(one, 1, 1));
            if i % 3 == 2 { Gradient::Product(product()) } else { Gradient::Numbers(g) }
        }
        let (step, descent) = steps::<T>();
        let mut truth = all.clone();
        for (i, [g, w, m, v, x, u]) in truth.iter_mut().enumerate() {
            dispatch(AdamChunk(step, w, g, m, v));
            dispatch(SgdChunk(descent, x, g, u));
            assert_eq!(gradient(i, g, &ones).len(), lengths[i]);
        }
        for count in [1, 2, 3, 8] {
            let mut found = all.clone();
            threads::with(count, || {
                let changes = found.iter_mut().enumerate();
                adam(
                    step,
                    changes
                        .map(|(i, [g, w, m, v, ..])| (gradient(i, g, &ones), [&mut w[..], m, v])),
                );
                let changes = found.iter_mut().enumerate();
                sgd(
                    descent,
                    changes.map(|(i, [g, _, _, _, x, u])| (gradient(i, g, &ones), [&mut x[..], u])),
                );
            });
            assert!(found == truth, "{} {lengths:?}, {count} threads", T::NAME);
        }
    }

    proptest! {
        #[test]
        fn parameters_are_changed_together_as_each_alone(
            few in prop::collection::vec(0..200usize, 0..6), many in prop::option::of(0..4 * GRAIN), at in 0..6usize,
        ) {
            let mut lengths = few;
            lengths.splice(at.min(lengths.len())..at.min(lengths.len()), many);
            check_several::<f32>(&lengths);
            check_several::<f64>(&lengths);
        }
    }

    #[test]
    fn so_is_one_of_several_pieces() {
        check_product::<f32>([1101, 5, 1001]);
        check_product::<f64>([601, 5, 901]);
    }

    #[test]
    #[should_panic(expected = "a gradient as a product: it adds to C, or its factors are rounded")]
    fn a_gradient_adds_to_nothing() {
        let (a, mut w, mut velocity) = ([1.0; 2], [0.0; 4], [0.0; 4]);
        let product = Product::new(Matrix::new(&a, 2, 1), Matrix::new(&a, 1, 2)).plus(1.0);
        sgd(SGD, [(Gradient::Product(product), [&mut w[..], &mut velocity])]);
    }

    #[test]
    #[should_panic(expected = "adam: 6 weights, a gradient of 4")]
    fn a_gradient_has_as_many_numbers_as_the_weights() {
        let (a, mut w) = ([1.0; 2], [0.0; 6]);
        let product = Product::new(Matrix::new(&a, 2, 1), Matrix::new(&a, 1, 2));
        let (mut m, mut v) = (w, w);
        adam(ADAM, [(Gradient::Product(product), [&mut w[..], &mut m, &mut v])]);
    }

    #[test]
    fn neither_lines_nor_sets_change_a_bit() {
        fn bits<T: Real>() {
            let number = T::from_f64;
            let (step, descent) = steps::<T>();
            let column = |seed: usize, length: usize| -> Vec<T> {
                (0..length).map(|i| number(((i * 7919 + seed) % 101) as f64 / 100.0)).collect()
            };
            for length in [0, 1, DOUBLES - 1, DOUBLES, DOUBLES + 1, SINGLES, SINGLES + 1, 300] {
                let [w, g, m, v] = [1, 2, 3, 4].map(|seed| column(seed, length));
                let adams = (0..length).map(|i| step.next(w[i], g[i], m[i], v[i]));
                let sgds = (0..length).map(|i| descent.next(w[i], g[i], m[i]));
                for isa in available() {
                    let [mut w, mut m, mut v] = [&w, &m, &v].map(Vec::clone);
                    dispatch_to(isa, AdamChunk(step, &mut w, &g, &mut m, &mut v));
                    let all = w.iter().zip(&m).zip(&v).map(|((&w, &m), &v)| (w, m, v));
                    assert!(all.eq(adams.clone()), "{} {isa}: {length}", T::NAME);
                    let [mut w, mut u] = [1, 3].map(|seed| column(seed, length));
                    dispatch_to(isa, SgdChunk(descent, &mut w, &g, &mut u));
                    let all = w.iter().zip(&u).map(|(&w, &u)| (w, u));
                    assert!(all.eq(sgds.clone()), "{} {isa}: {length}", T::NAME);
                }
            }
        }
        bits::<f32>();
        bits::<f64>();
    }
}
