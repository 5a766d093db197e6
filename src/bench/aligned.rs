//! Numbers in memory such as tensors have.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::tensor::Real;
use crate::tensor::kernels::memory::{Memory, lines_of};

/// A slice in the same memory as the data of a tensor. It begins at a cache line: vectors that lie across two lines
/// take twice as long to read.
#[derive(Clone, Debug)]
pub struct Aligned<T> {
    memory: Memory,
    count: usize,
    number: PhantomData<T>,
}

impl<T: Real> Aligned<T> {
    /// The number i is `number(i)`.
    pub fn new(count: usize, number: impl Fn(usize) -> T) -> Aligned<T> {
        let memory = Memory::zeroed(lines_of::<T>(count));
        let mut numbers = Aligned { memory, count, number: PhantomData };
        numbers.iter_mut().enumerate().for_each(|(i, x)| *x = number(i));
        numbers
    }
}

impl<T: Real> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.memory.numbers()[..self.count]
    }
}

impl<T: Real> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory.numbers_mut()[..self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_at_a_cache_line_and_holds_what_was_asked_for() {
        for count in [0, 1, 5, 1000] {
            let numbers = Aligned::new(count, |i| i as f32);
            assert_eq!(numbers.as_ptr().addr() % 64, 0);
            assert!(numbers.len() == count && numbers.iter().zip(0..).all(|(&x, i)| x == i as f32));
        }
    }
}
