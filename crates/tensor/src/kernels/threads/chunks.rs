//! Parts of slices for different threads.

use std::marker::PhantomData;

use super::for_each;

/// Calls `visit(i, the i-th chunk)` for all chunks of a slice, or the i-th chunks of several, until
/// one of them ends.
pub fn for_each_chunk<C: Chunks>(chunks: C, visit: impl Fn(usize, C::Chunk) + Sync) {
    let count = chunks.count();
    // A closure would capture the field alone, which is not `Sync`.
    let shared = Shared(chunks);
    let shared = &shared;
    // SAFETY: each index below the count comes once.
    for_each(count, |i| visit(i, unsafe { shared.0.chunk(i) }));
}

/// Chunks of `size` elements, the last may be shorter, to be read.
///
/// # Panics
/// If `size` is 0.
pub fn chunks<T: Sync>(slice: &[T], size: usize) -> impl Chunks<Chunk = &[T]> {
    assert!(size > 0, "chunks: of 0 elements");
    Read { slice, size }
}

/// Chunks of `size` elements, the last may be shorter, to be written.
///
/// # Panics
/// If `size` is 0.
pub fn chunks_mut<T: Send>(slice: &mut [T], size: usize) -> impl Chunks<Chunk = &mut [T]> {
    assert!(size > 0, "chunks: of 0 elements");
    Write { start: slice.as_mut_ptr(), length: slice.len(), size, slice: PhantomData }
}

/// Parts of slices that can be handed to different threads.
///
/// # Safety
/// Chunks of different indices do not overlap, unless they are only read, and may be sent.
pub unsafe trait Chunks {
    /// What a thread is given.
    type Chunk;
    /// How many there are.
    fn count(&self) -> usize;
    /// One of them.
    ///
    /// # Safety
    /// The index is below the count, and each is asked for once at most.
    unsafe fn chunk(&self, index: usize) -> Self::Chunk;
}

struct Read<'a, T> {
    slice: &'a [T],
    size: usize,
}

// SAFETY: the chunks are only read, and T may be read by several threads.
unsafe impl<'a, T: Sync> Chunks for Read<'a, T> {
    type Chunk = &'a [T];

    fn count(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }

    unsafe fn chunk(&self, index: usize) -> &'a [T] {
        let start = index * self.size;
        &self.slice[start..(start + self.size).min(self.slice.len())]
    }
}

struct Write<'a, T> {
    start: *mut T,
    length: usize,
    size: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: chunk i is [i size, (i + 1) size), so they are disjoint; T may be sent.
unsafe impl<'a, T: Send> Chunks for Write<'a, T> {
    type Chunk = &'a mut [T];

    fn count(&self) -> usize {
        self.length.div_ceil(self.size)
    }

    unsafe fn chunk(&self, index: usize) -> &'a mut [T] {
        let start = index * self.size;
        assert!(start < self.length, "chunk {index} of {}", self.count());
        // SAFETY: within the slice, which is borrowed for 'a, by the line above; nobody else has
        // this chunk, as the caller promises.
        unsafe {
            let length = self.size.min(self.length - start);
            std::slice::from_raw_parts_mut(self.start.add(start), length)
        }
    }
}

macro_rules! together {
    ($($name:ident)*) => {
        // SAFETY: as each of them.
        unsafe impl<$($name: Chunks),*> Chunks for ($($name,)*) {
            type Chunk = ($($name::Chunk,)*);

            fn count(&self) -> usize {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                usize::MAX$(.min($name.count()))*
            }

            unsafe fn chunk(&self, index: usize) -> Self::Chunk {
                #[allow(non_snake_case)]
                let ($($name,)*) = self;
                // SAFETY: the caller's promises are those of each.
                unsafe { ($($name.chunk(index),)*) }
            }
        }
    };
}

together!(A B);
together!(A B C);
together!(A B C D);

struct Shared<C>(C);

// SAFETY: threads only ask for chunks, and `Chunks` promises that these may be sent.
unsafe impl<C: Chunks> Sync for Shared<C> {}

#[cfg(test)]
mod tests {
    use super::super::with;
    use super::*;

    #[test]
    fn chunks_are_those_of_the_standard_library() {
        let from: Vec<usize> = (0..103).collect();
        let mut to = vec![0; 103];
        let mut lengths = [0; 11];
        let all = (chunks(&from, 10), chunks_mut(&mut to, 10), chunks_mut(&mut lengths, 1));
        with(4, || {
            for_each_chunk(all, |i, (from, to, length)| {
                assert_eq!(from[0], 10 * i);
                to.copy_from_slice(from);
                length[0] = from.len();
            });
        });
        assert_eq!(to, from);
        assert_eq!(lengths, [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 3]);
    }
}
