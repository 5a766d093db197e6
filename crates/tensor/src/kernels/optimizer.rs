//! Updates of parameters in one pass over memory.

use super::GRAIN;
use super::isa::{Kernel, dispatch};
use super::threads::{chunks, chunks_mut, for_each_chunk};
use crate::Real;

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

struct AdamChunk<'a, T>(Adam<T>, &'a mut [T], &'a [T], &'a mut [T], &'a mut [T]);

impl<T: Real> Kernel for AdamChunk<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let AdamChunk(s, w, g, m, v) = self;
        let (one_less_beta1, one_less_beta2) = (T::ONE - s.beta1, T::ONE - s.beta2);
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            // Each number is read once, before any is written: a compiler that cannot tell the slices apart would
            // fetch what was just stored, and wait for it.
            let (weight, first, second) = (*w, *m, *v);
            let g = s.l2.mul_add(weight, *g * s.gradient_scale);
            let first = s.beta1.mul_add(first, one_less_beta1 * g);
            // The moment of a pixel that is seldom lit fades into denormal numbers, on which
            // arithmetic is many times slower.
            let first = if first.abs() < T::MIN_POSITIVE { T::ZERO } else { first };
            let second = s.beta2.mul_add(second, one_less_beta2 * g * g);
            (*m, *v) = (first, second);
            *w = weight * s.decay - s.rate * first / second.sqrt().mul_add(s.scale, s.eps);
        }
    }
}

/// One step of Adam or AdamW:
///
/// ```text
///     g ← c g + λ w
///     m ← β₁ m + (1 - β₁) g
///     v ← β₂ v + (1 - β₂) g²
///     w ← decay w - rate m / (scale √v + ε)
/// ```
///
/// # Panics
/// If the lengths differ.
pub fn adam<T: Real>(step: Adam<T>, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
    assert!(w.len() == g.len() && w.len() == m.len() && w.len() == v.len(), "adam: lengths");
    let (w, g) = (chunks_mut(w, GRAIN), chunks(g, GRAIN));
    let moments = (chunks_mut(m, GRAIN), chunks_mut(v, GRAIN));
    for_each_chunk((w, g, moments), |_, (w, g, (m, v))| dispatch(AdamChunk(step, w, g, m, v)));
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

struct SgdChunk<'a, T>(Sgd<T>, &'a mut [T], &'a [T], &'a mut [T]);

impl<T: Real> Kernel for SgdChunk<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let SgdChunk(s, w, g, velocity) = self;
        for ((w, g), velocity) in w.iter_mut().zip(g).zip(velocity) {
            let weight = *w;
            let g = s.l2.mul_add(weight, *g * s.gradient_scale);
            let next = s.momentum.mul_add(*velocity, g);
            (*velocity, *w) = (next, weight - s.rate * next);
        }
    }
}

/// One step of gradient descent with momentum: u ← μ u + c g + λ w, w ← w - α u.
///
/// # Panics
/// If the lengths differ.
pub fn sgd<T: Real>(step: Sgd<T>, w: &mut [T], g: &[T], velocity: &mut [T]) {
    assert!(w.len() == g.len() && w.len() == velocity.len(), "sgd: lengths");
    let pieces = (chunks_mut(w, GRAIN), chunks(g, GRAIN), chunks_mut(velocity, GRAIN));
    for_each_chunk(pieces, |_, (w, g, velocity)| dispatch(SgdChunk(step, w, g, velocity)));
}
