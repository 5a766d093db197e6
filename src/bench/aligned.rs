//! Numbers that begin at a cache line.

use std::ops::{Deref, DerefMut};

/// A slice that begins at a cache line, as the data of a tensor does: vectors that lie across two lines
/// take twice as long to read.
#[derive(Clone, Debug)]
pub struct Aligned<T> {
    numbers: Vec<T>,
    start: usize,
    count: usize,
}

impl<T: Copy> Aligned<T> {
    /// The number i is `number(i)`.
    pub fn new(count: usize, number: impl Fn(usize) -> T) -> Aligned<T> {
        const LINE: usize = 64;
        let room = LINE / size_of::<T>().max(1);
        let mut numbers: Vec<T> = Vec::with_capacity(count + room);
        let start = numbers.as_ptr().align_offset(LINE).min(room);
        numbers.extend((0..start).map(|_| number(0)));
        numbers.extend((0..count).map(number));
        Aligned { numbers, start, count }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.numbers[self.start..][..self.count]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers[self.start..][..self.count]
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
            assert!(numbers.len() == count && numbers.iter().zip(0..).all(|(x, i)| *x == i as f32));
        }
    }
}
