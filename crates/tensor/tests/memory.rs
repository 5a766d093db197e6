//! What the graph promises of memory: no recursion, no growth, no new buffer once warm.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use elbo_tensor::{Stream, Tensor};

/// Counts buffers: they are the only allocations that are aligned to a cache line, or to a large page.
struct Counting;

static BUFFERS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code)] // a counting allocator cannot be written without
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() >= 64 {
            BUFFERS.fetch_add(1, Ordering::Relaxed);
        }
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The counters are the whole process's, so tests that allocate take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// One step of a small VAE: the operations and shapes of training, without an optimizer.
fn step(weights: &[Tensor; 6], x: &Tensor, noise: &mut Stream) -> f32 {
    let [w1, b1, w2, b2, w3, b3] = weights;
    let hidden = x.linear(w1, b1).relu().linear(w2, b2);
    let (mu, logvar) = (hidden.slice(1, 0..3), hidden.slice(1, 3..6));
    let z = Tensor::reparameterize(&mu, &logvar, &noise.normal(*mu.shape()));
    let bce = z.linear(w3, b3).bce_with_logits(x);
    let loss = (bce + Tensor::gaussian_kl(&mu, &logvar)).mean();
    let value = loss.item();
    drop(loss.into_gradients());
    value
}

fn weights(noise: &mut Stream) -> [Tensor; 6] {
    [[50, 20], [1, 20], [20, 6], [1, 6], [3, 50], [1, 50]].map(|[rows, columns]| {
        let w: Tensor = noise.normal([rows, columns]);
        let w = if rows == 1 { w.reshape([columns]) } else { w };
        (w * 0.1).requires_grad()
    })
}

#[test]
fn a_chain_of_a_million_nodes_neither_overflows_the_stack_nor_leaks() {
    let _alone = alone();
    let before = BYTES.load(Ordering::Relaxed);
    // Twice the smallest stack that threads get: recursion would not survive it.
    let chain = || {
        let x = Tensor::from([1.0f64]).requires_grad();
        let mut y = &x + 0.0;
        for _ in 0..1_000_000 {
            y = y * 0.999_999;
        }
        let gradient = y.sum().backward()[&x].item();
        assert!((gradient - 0.999_999f64.powi(1_000_000)).abs() < 1e-9);
        // Once more, freeing the nodes on the way, and once dropping it whole.
        let (kept, loss) = (y.clone(), y.sum());
        drop(y);
        assert_eq!(loss.into_gradients()[&x].item(), gradient);
        drop(kept);
    };
    std::thread::Builder::new().stack_size(128 * 1024).spawn(chain).unwrap().join().unwrap();
    let grown = BYTES.load(Ordering::Relaxed).saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes are left of a chain that is gone");
}

#[test]
fn a_warm_training_step_allocates_no_buffer_and_memory_does_not_grow() {
    let _alone = alone();
    let mut noise = Stream::new(1);
    let weights = weights(&mut noise);
    let x = Stream::new(2).uniform([16, 50], 0.0, 1.0);
    // Of large pages.
    let large: Tensor = noise.uniform([600_000], 0.0, 1.0);
    let run = |steps: usize, noise: &mut Stream| {
        for i in 0..steps {
            step(&weights, &x, noise);
            if i % 100 == 0 {
                drop(&large + 1.0);
            }
        }
    };
    run(10, &mut noise);
    let (buffers, bytes) = (BUFFERS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    run(10_000, &mut noise);
    assert_eq!(BUFFERS.load(Ordering::Relaxed) - buffers, 0, "buffers allocated in 10,000 steps");
    let grown = BYTES.load(Ordering::Relaxed) as i64 - bytes as i64;
    assert!(grown.abs() < 64 * 1024, "memory changed by {grown} bytes in 10,000 steps");
}
