//! Gradients of each sample against the slow truth: a backward pass of its own for every sample.

use elbo_tensor::{BatchReduce, Convolution, Pooling, Stream, Tensor};
use proptest::prelude::*;

/// A network: the mean loss of a batch `[n, ..]` of two constants, with these parameters.
type Loss = fn(&[Tensor<f64>], &Tensor<f64>, &Tensor<f64>) -> Tensor<f64>;

/// Row n, as a batch of one.
fn row(batch: &Tensor<f64>, n: usize) -> Tensor<f64> {
    batch.slice(0, n..n + 1)
}

fn assert_close(what: &str, found: &Tensor<f64>, truth: &Tensor<f64>) {
    assert_eq!(found.shape(), truth.shape(), "{what}");
    let scale = truth.abs().max().item().max(1e-3);
    let error = (found - truth).abs().max().item() / scale;
    assert!(error < 1e-11, "{what}: error {error:e}\n{found}\ninstead of\n{truth}");
}

/// Compares all reductions with one backward pass per sample.
fn check(loss: Loss, parameters: &[Tensor<f64>], x: &Tensor<f64>, y: &Tensor<f64>) {
    let leaves: Vec<_> = parameters.iter().map(Tensor::requires_grad).collect();
    let n = x.shape()[0];
    let slow: Vec<Vec<Tensor<f64>>> = (0..n)
        .map(|i| {
            let gradients = loss(&leaves, &row(x, i), &row(y, i)).into_gradients();
            // The mean of one sample, against that of n.
            leaves.iter().map(|leaf| &gradients[leaf] / n as f64).collect()
        })
        .collect();
    let whole = loss(&leaves, x, y);
    let [sum, each, squares] =
        [BatchReduce::Sum, BatchReduce::PerSample, BatchReduce::SumOfSquares]
            .map(|reduce| whole.backward_with(reduce));
    for (i, leaf) in leaves.iter().enumerate() {
        let truth: Vec<_> = slow.iter().map(|gradients| gradients[i].clone()).collect();
        let truth = Tensor::stack(&truth, 0);
        assert_close(&format!("each of parameter {i}"), &each[leaf], &truth);
        let truth_of_squares = truth.square().sum_axes(0, false);
        assert_close(&format!("squares of parameter {i}"), &squares[leaf], &truth_of_squares);
        assert_close(&format!("sum of parameter {i}"), &sum[leaf], &truth.sum_axes(0, false));
    }
}

/// -ELBO of a VAE with 5 pixels, 4 hidden and 2 latent units. A Gaussian part has a variance that all
/// pixels share, and the decoder's layer goes over two halves of the image with the same weights.
fn vae(w: &[Tensor<f64>], x: &Tensor<f64>, eps: &Tensor<f64>) -> Tensor<f64> {
    let n = x.shape()[0];
    let h = x.linear_relu(&w[0], &w[1]).linear(&w[2], &w[3]);
    let (mu, logvar) = (h.slice(-1, 0..2), h.slice(-1, 2..4));
    let z = Tensor::reparameterize(&mu, &logvar, eps);
    let hidden = z.linear(&w[4], &w[5]).tanh();
    let logits = hidden.linear(&w[6], &w[7]);
    // [n, 2, 2] × [2, 5]: a sample is more than one row, and w[6] is used a second time.
    let halves = hidden.reshape([n, 2, 2]).linear(&w[8], &w[7]).mean_axes(1, false);
    let tied = hidden.matmul(&w[6]) * &w[7];
    let variance = w[9].broadcast_to(*logits.shape());
    let gaussian =
        ((x - halves - tied).square() * (-&variance).exp() + variance).sum_axes(-1, false);
    let recon = (logits.bce_with_logits(x) + gaussian * 0.5).mean();
    recon + Tensor::gaussian_kl(&mu, &logvar).mean() * 0.7
}

/// Squared error of a convolutional autoencoder of 6 × 6 images, with 2 channels inside.
fn convolutional(w: &[Tensor<f64>], x: &Tensor<f64>, y: &Tensor<f64>) -> Tensor<f64> {
    let same = Convolution { padding: [1; 2], ..Convolution::default() };
    let twice = Convolution { stride: [2; 2], ..Convolution::default() };
    let h = x.conv2d_relu(&w[0], &w[1], same).max_pool2d(Pooling::new(2));
    let h = h.conv2d(&w[2], Some(&w[3]), same).upsample_nearest2d([2, 2]);
    let h = (h.avg_pool2d(Pooling::new(2), true) * &w[4]).softplus();
    let out = h.conv_transpose2d(&w[5], Some(&w[6]), twice, [0; 2]);
    let code = h.flatten_from(1).linear(&w[7], &w[8]).log_softmax(-1);
    (out - x).square().sum_axes([1, 2, 3], false).mean() - (code * y).sum_axes(-1, false).mean()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_vae_agrees_with_one_backward_pass_per_sample(seed in any::<u64>(), n in 1usize..6) {
        let mut noise = Stream::new(seed);
        let sizes: [&[usize]; 10] =
            [&[5, 4], &[4], &[4, 4], &[4], &[2, 4], &[4], &[4, 5], &[5], &[2, 5], &[5]];
        let w = sizes.map(|size| noise.normal(size));
        let (x, eps) = (noise.uniform([n, 5], 0.0, 1.0), noise.normal([n, 2]));
        check(vae, &w, &x, &eps);
    }

    #[test]
    fn convolutions_agree_with_one_backward_pass_per_sample(seed in any::<u64>(), n in 1usize..4) {
        let mut noise = Stream::new(seed);
        let sizes: [&[usize]; 9] = [
            &[2, 1, 3, 3], &[2], &[2, 2, 3, 3], &[2], &[2, 1, 1], &[2, 1, 2, 2], &[1], &[18, 3], &[3],
        ];
        let w = sizes.map(|size| noise.normal::<f64>(size) * 0.5);
        let (x, y) = (noise.normal([n, 1, 6, 6]), noise.uniform([n, 3], 0.0, 1.0));
        check(convolutional, &w, &x, &y);
    }
}

#[test]
fn two_samples_by_hand() {
    // y = x·w + b with residuals 3 and 8 against 0: g = 2 r (x, 1), halved by the mean.
    let x = Tensor::from([[1.0, 2.0], [3.0, 5.0]]);
    let w = Tensor::from([[1.0], [1.0]]).requires_grad();
    let b = Tensor::from([0.0]).requires_grad();
    let loss = x.linear(&w, &b).square().mean();
    let each = loss.backward_with(BatchReduce::PerSample);
    assert_eq!(each[&w].to_vec(), [3.0, 6.0, 24.0, 40.0]);
    assert_eq!(each[&b].to_vec(), [3.0, 8.0]);
    let squares = loss.backward_with(BatchReduce::SumOfSquares);
    assert_eq!(squares[&w].to_vec(), [585.0, 1636.0]);
    assert_eq!(squares[&b].to_vec(), [73.0]);
    let sum = loss.backward_with(BatchReduce::Sum);
    assert_eq!(sum[&w].to_vec(), loss.backward()[&w].to_vec());
}

#[test]
fn a_leaf_with_a_batch_of_its_own_keeps_its_shape() {
    let mu = Tensor::from([[1.0, 2.0], [3.0, 4.0]]).requires_grad();
    let loss = mu.square().sum_axes(-1, false).mean();
    let each = loss.backward_with(BatchReduce::PerSample);
    assert_eq!(each[&mu].to_vec(), [1.0, 2.0, 3.0, 4.0]);
    let squares = loss.backward_with(BatchReduce::SumOfSquares);
    assert_eq!(squares[&mu].to_vec(), [1.0, 4.0, 9.0, 16.0]);
}

fn leaf(sizes: &[usize]) -> Tensor<f64> {
    Tensor::ones(sizes).requires_grad()
}

#[test]
#[should_panic(expected = "`softmax` of [[4, 3]] to [4, 3] mixes the samples of a batch")]
fn an_operation_that_mixes_samples_names_itself() {
    let y = Tensor::ones([4, 2]).linear(&leaf(&[2, 3]), &leaf(&[3])).softmax(0);
    y.square().sum().backward_with(BatchReduce::PerSample);
}

#[test]
#[should_panic(expected = "`sum` of [[4, 3]] to [3] mixes the samples of a batch")]
fn statistics_of_the_batch_are_refused() {
    let y = Tensor::ones([4, 2]).linear(&leaf(&[2, 3]), &leaf(&[3]));
    y.sum_axes(0, false).square().sum().backward_with(BatchReduce::SumOfSquares);
}

#[test]
#[should_panic(expected = "mixes the samples of a batch")]
fn normalized_batches_are_refused() {
    let y = Tensor::ones([4, 2]).linear(&leaf(&[2, 3]), &leaf(&[3]));
    (&y - y.mean_axes(0, false)).square().sum().backward_with(BatchReduce::PerSample);
}

#[test]
#[should_panic(expected = "the loss sums over 3 samples, and `sum` has 4")]
fn a_penalty_on_weights_has_no_samples() {
    let (w, x) = (leaf(&[3, 2]), Tensor::ones([4, 3]));
    let loss = x.linear(&w, &leaf(&[2])).square().sum() + w.square().sum();
    loss.backward_with(BatchReduce::PerSample);
}
