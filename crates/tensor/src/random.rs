//! Counter-based random streams: the same numbers for any number of threads.
//!
//! A [`Stream`] is a key and a position, three numbers in all. Draws are cut into blocks of 1024
//! values, and block i of a stream is a pure function of (key, i): threads fill blocks in any order.
//! The generator is ChaCha with 8 rounds, which can begin anywhere.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernels::chacha;
use crate::kernels::math;
use crate::kernels::noise::{self, Fraction};
use crate::kernels::threads::{chunks_mut, for_each_chunk};
use crate::kernels::within::within;
use crate::{Real, Shape, Tensor};

/// Values in a block.
const BLOCK: usize = 1024;

/// ChaCha words set aside for a block. A value takes one or two; a step of a permutation may reject
/// some.
const WORDS: u64 = 64 * BLOCK as u64;

/// Blocks that a thread takes at a time.
const GROUP: usize = 16;

/// A source of random numbers that can be saved, resumed and split.
///
/// ```
/// # use elbo_tensor::{Stream, Tensor};
/// let mut noise = Stream::new(7);
/// let first: Tensor = noise.normal([2, 3]);
/// assert_ne!(first.to_vec(), noise.normal([2, 3]).to_vec());
/// assert_eq!(first.to_vec(), Stream::new(7).normal([2, 3]).to_vec());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    seed: u64,
    id: u64,
    /// The next block.
    position: u64,
}

impl Stream {
    /// The stream of a seed, from its beginning.
    pub fn new(seed: u64) -> Stream {
        Stream { seed, id: 0, position: 0 }
    }

    /// Another stream of the same seed, independent of this one, from its beginning.
    pub fn substream(&self, id: u64) -> Stream {
        Stream { seed: self.seed, id, position: 0 }
    }

    /// What is needed to go on from here: seed, stream and position.
    pub fn state(&self) -> [u64; 3] {
        [self.seed, self.id, self.position]
    }

    /// A stream that goes on where [`state`](Stream::state) was taken.
    pub fn from_state([seed, id, position]: [u64; 3]) -> Stream {
        Stream { seed, id, position }
    }

    /// Independent values of the standard normal distribution.
    pub fn normal<T: Real>(&mut self, shape: impl Into<Shape>) -> Tensor<T> {
        self.fill(shape.into(), T::WORDS, |words, _, out| {
            let mut values = [T::ZERO; BLOCK];
            noise::normal(words, &mut values);
            out.copy_from_slice(&values[..out.len()]);
        })
    }

    /// Independent values, uniform in [low, high).
    ///
    /// # Panics
    /// If low is not below high.
    #[track_caller]
    pub fn uniform<T: Real>(&mut self, shape: impl Into<Shape>, low: f64, high: f64) -> Tensor<T> {
        assert!(low < high && (high - low).is_finite(), "uniform: from {low} to {high}");
        let (from, span) = (T::from_f64(low), T::from_f64(high - low));
        let last = T::from_f64(high).next_down();
        self.fill(shape.into(), T::WORDS, |words, _, out| {
            let mut values = [T::ZERO; BLOCK];
            noise::uniform(words, from, span, last, &mut values);
            out.copy_from_slice(&values[..out.len()]);
        })
    }

    /// Independent values of the standard exponential distribution, all above 0.
    ///
    /// Minus their logarithms are Gumbel variables; differences are Laplace variables, and those of
    /// the logarithms logistic ones.
    pub fn exponential<T: Real>(&mut self, shape: impl Into<Shape>) -> Tensor<T> {
        self.fill(shape.into(), 2, |words, _, out| {
            let mut values = [T::ZERO; BLOCK];
            noise::exponential(words, &mut values);
            out.copy_from_slice(&values[..out.len()]);
        })
    }

    /// `value(i, words)` for element i, where a value may take as many random words as it needs: what
    /// rejection asks for. Some 60 words a value are set aside; on average no more may be used.
    pub fn values<T: Real>(
        &mut self,
        shape: impl Into<Shape>,
        value: impl Fn(usize, &mut Words) -> f64 + Sync,
    ) -> Tensor<T> {
        let (stream, shape) = (self.clone(), shape.into());
        self.position += shape.count().div_ceil(BLOCK) as u64;
        Tensor::write(shape, |out| {
            for_each_chunk(chunks_mut(out, BLOCK), |block, out| {
                let mut words = Words(stream.block(block as u64));
                for (i, out) in out.iter_mut().enumerate() {
                    *out = T::from_f64(value(block * BLOCK + i, &mut words));
                }
            });
        })
    }

    /// 1 with probability `probs`, else 0, independently for each element.
    ///
    /// # Panics
    /// If a probability is outside [0, 1].
    #[track_caller]
    pub fn bernoulli<T: Real>(&mut self, probs: &Tensor<T>) -> Tensor<T> {
        if !within(probs.data(), [T::ZERO, T::ONE]) {
            let bad = probs.data().iter().find(|p| !(0.0..=1.0).contains(&p.to_f64()));
            panic!("bernoulli: probability {bad:?} is outside [0, 1]");
        }
        self.fill(*probs.shape(), 1, |words, start, out| {
            noise::bernoulli(words, &probs.data()[start..][..out.len()], out);
        })
    }

    /// The numbers below `count` in random order (Fisher & Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut rng = self.block(0);
        // Each number takes a few words; blocks are counted so that the next draw begins after.
        self.position += count.div_ceil(BLOCK) as u64;
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, rng.random_range(0..=i));
        }
        order
    }

    /// Calls `values(words, index of the first value, values)` for all blocks, with so many words a
    /// value.
    fn fill<T: Real>(
        &mut self,
        shape: Shape,
        words: usize,
        values: impl Fn(&[u32], usize, &mut [T]) + Sync,
    ) -> Tensor<T> {
        let stream = self.clone();
        let key = stream.key();
        self.position += shape.count().div_ceil(BLOCK) as u64;
        let group = |i: usize, out: &mut [T]| {
            let mut buffer = [0u32; 2 * BLOCK];
            let buffer = &mut buffer[..words * BLOCK];
            for (j, out) in out.chunks_mut(BLOCK).enumerate() {
                let block = i * GROUP + j;
                key.words(stream.first_of(block as u64), buffer);
                values(buffer, block * BLOCK, out);
            }
        };
        Tensor::write(shape, |out| {
            for_each_chunk(chunks_mut(out, GROUP * BLOCK), group);
        })
    }

    /// The generator at the beginning of a block, counted from the position.
    fn block(&self, index: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.id);
        rng.set_word_pos(u128::from(self.first_of(index)) * chacha::BLOCK as u128);
        rng
    }

    /// The first of ChaCha's blocks for a block, counted from the position.
    fn first_of(&self, index: u64) -> u64 {
        self.position.wrapping_add(index).wrapping_mul(WORDS / chacha::BLOCK as u64)
    }

    fn key(&self) -> chacha::Key {
        let seed = ChaCha8Rng::seed_from_u64(self.seed).get_seed();
        let word = |i: usize| u32::from_le_bytes(std::array::from_fn(|j| seed[4 * i + j]));
        chacha::Key { key: std::array::from_fn(word), stream: self.id }
    }
}

/// Random words one after the other, for [`Stream::values`].
pub struct Words(ChaCha8Rng);

impl Words {
    /// Uniform in (0, 1), as fine towards 0 as 64 bits allow; it may round to 1.
    pub fn uniform(&mut self) -> f64 {
        f64::open(self.0.next_u32(), self.0.next_u32())
    }

    /// Standard exponential, above 0.
    pub fn exponential(&mut self) -> f64 {
        noise::exponential_of(self.uniform())
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        let turn = f64::half_open(self.0.next_u32(), self.0.next_u32()) - 0.5;
        radius * math::cos(turn * std::f64::consts::TAU)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::threads;

    #[test]
    fn threads_change_no_number() {
        let draw =
            |threads| threads::with(threads, || Stream::new(3).normal::<f32>([10_007]).to_vec());
        assert_eq!(draw(1), draw(4));
    }

    #[test]
    fn a_saved_stream_goes_on_and_a_substream_differs() {
        let mut stream = Stream::new(1);
        let _: Tensor = stream.normal([5000]);
        let state = stream.state();
        let next: Tensor = stream.normal([10]);
        assert_eq!(Stream::from_state(state).normal::<f32>([10]).to_vec(), next.to_vec());
        let other: Tensor = Stream::new(1).substream(2).normal([10]);
        assert_ne!(other.to_vec(), Stream::new(1).normal::<f32>([10]).to_vec());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        // Standard errors with n = 10⁶: mean 0.001, variance 0.0014, fourth moment 0.0098.
        let x: Tensor<f64> = Stream::new(11).normal([1_000_000]);
        let moment = |p: i32| x.powi(p).mean().item();
        assert!(moment(1).abs() < 0.005 && moment(3).abs() < 0.02, "{} {}", moment(1), moment(3));
        assert!((moment(2) - 1.0).abs() < 0.007 && (moment(4) - 3.0).abs() < 0.05);
        let u: Tensor<f64> = Stream::new(12).uniform([1_000_000], -1.0, 3.0);
        assert!((u.mean().item() - 1.0).abs() < 0.006);
        assert!(u.data().iter().all(|u| (-1.0..3.0).contains(u)));
        let b = Stream::new(13).bernoulli(&Tensor::<f64>::full([1_000_000], 0.3));
        assert!((b.mean().item() - 0.3).abs() < 0.0025);
    }

    /// √n times the largest distance between the empirical distribution of values in (0, 1) and the
    /// uniform one (Kolmogorov & Smirnov); above 2 with probability 7e-4.
    fn kolmogorov_smirnov(mut u: Vec<f64>) -> f64 {
        u.sort_by(f64::total_cmp);
        let n = u.len() as f64;
        let gap = |(i, u): (usize, &f64)| (u - i as f64 / n).max((i + 1) as f64 / n - u);
        u.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
    }

    fn has_the_normal_distribution<T: Real>(seed: u64) {
        const N: usize = 4_000_000;
        let x: Tensor<T> = Stream::new(seed).normal([N]);
        let x: Vec<f64> = x.data().iter().map(|x| x.to_f64()).collect();
        let tail = |a: f64| 0.5 * libm::erfc(a / 2f64.sqrt());
        for a in [2.0, 3.0, 4.0, 4.5] {
            for sign in [-1.0, 1.0] {
                let (count, mean) =
                    (x.iter().filter(|x| *x * sign > a).count(), tail(a) * N as f64);
                assert!(
                    (count as f64 - mean).abs() < 5.0 * mean.sqrt() + 1.0,
                    "{a}: {count}, {mean}"
                );
            }
        }
        let statistic = kolmogorov_smirnov(x.iter().map(|x| tail(-x)).collect());
        assert!(statistic < 2.0, "{statistic}");
        // Neighbours and partners of a pair: the standard error is 0.0005.
        for distance in [1, BLOCK / 2, BLOCK] {
            let pairs = x.iter().zip(&x[distance..]);
            let correlation = pairs.map(|(a, b)| a * b).sum::<f64>() / N as f64;
            assert!(correlation.abs() < 0.0025, "{distance}: {correlation}");
        }
    }

    #[test]
    fn normal_values_have_the_normal_distribution() {
        has_the_normal_distribution::<f32>(21);
        has_the_normal_distribution::<f64>(22);
    }

    #[test]
    fn exponential_values_and_those_by_the_word_have_their_distributions() {
        const N: usize = 1_000_000;
        let x: Tensor<f64> = Stream::new(31).exponential([N]);
        let statistic = kolmogorov_smirnov(x.data().iter().map(|x| (-x).exp()).collect());
        assert!(statistic < 2.0, "{statistic}");
        assert!(x.data().iter().all(|x| *x > 0.0));
        let x: Tensor<f64> = Stream::new(32).values([N], |_, words| words.normal());
        let cdf = |x: &f64| 0.5 * libm::erfc(-x / 2f64.sqrt());
        let statistic = kolmogorov_smirnov(x.data().iter().map(cdf).collect());
        assert!(statistic < 2.0, "{statistic}");
        let draw = |threads| {
            threads::with(threads, || Stream::new(33).values::<f64>([5000], |_, w| w.uniform()))
        };
        assert_eq!(draw(1).to_vec(), draw(4).to_vec());
    }

    #[test]
    fn every_word_has_its_value() {
        use crate::kernels::noise::{Fraction, bernoulli};
        // The ends: a radius of 6.76 in f32 and of 9.4 in f64, and never 1.
        assert!((f64::from(-2.0 * f32::open(0, 0).ln()).sqrt() - 6.764).abs() < 1e-3);
        assert!(((-2.0 * f64::open(0, 0).ln()).sqrt() - 9.493).abs() < 1e-3);
        assert!(
            f32::half_open(u32::MAX, u32::MAX) < 1.0 && f64::half_open(u32::MAX, u32::MAX) < 1.0
        );
        assert_eq!(f64::half_open(1, 0) - f64::half_open(0, u32::MAX), 2f64.powi(-53));
        let mut y = [9.0f32; 4];
        bernoulli(&[0, u32::MAX, 1 << 31, (1 << 31) - 1], &[0.0, 1.0, 0.5, 0.5], &mut y);
        assert_eq!(y, [0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "bernoulli: probability Some(1.5) is outside [0, 1]")]
    fn a_probability_above_one_is_refused() {
        Stream::new(1).bernoulli(&Tensor::from([0.5f32, 1.5]));
    }

    #[test]
    fn a_permutation_names_each_number_once() {
        let mut order = Stream::new(5).permutation(1000);
        assert_ne!(order[..5], [0, 1, 2, 3, 4]);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..1000));
    }
}
