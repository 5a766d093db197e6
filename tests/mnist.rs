//! Facts about MNIST that others have found, held against what this program finds. `$ELBO_MNIST`
//! names the folder with the four files; run it with `--release`.

mod support;

use elbo_models::Pca;
use elbo_models::data::{Dataset, Source, load};
use elbo_tensor::Real;
use support::Lab;

/// The folder with the files.
fn folder() -> String {
    std::env::var("ELBO_MNIST")
        .expect("set ELBO_MNIST to the folder with MNIST's four files (elbo data fetch mnist)")
}

fn mnist() -> Dataset {
    load(&Source::Folder(folder().into())).expect("ELBO_MNIST names a folder with MNIST")
}

/// The 50 largest variances, from numpy: `eigvalsh` of the covariance, divided by N - 1, of the
/// 60,000 training images over 255 in float64. scikit-learn's `PCA` gives the same.
const EXPLAINED_VARIANCE: [f64; 50] = [
    5.1168730095612105,
    3.741390835378722,
    3.252708451492372,
    2.841620697613374,
    2.5671177441145914,
    2.2736633860103947,
    1.7251549821131815,
    1.5205602403243197,
    1.4563052526427513,
    1.2427500889188792,
    1.1120895080287234,
    1.0666405432781512,
    0.9046808327483506,
    0.8921812228638323,
    0.8323530480398337,
    0.7819003233688921,
    0.6983868713000078,
    0.6732558113276755,
    0.6259952395755726,
    0.6077630200674512,
    0.5621458802208141,
    0.5307988293548501,
    0.5027802547225619,
    0.4811470329342865,
    0.46578320029933556,
    0.4425386905090288,
    0.4284396063785949,
    0.41461870729268313,
    0.39266733699323236,
    0.3642617913087453,
    0.3469859583002164,
    0.3417418901912271,
    0.31773428411927424,
    0.3092808214367065,
    0.3005490338242481,
    0.286632712311775,
    0.26668051223648725,
    0.2572279090480585,
    0.2538380219070079,
    0.24900673828236874,
    0.2408239898909903,
    0.23454385415134513,
    0.22065865198390255,
    0.2099626780514537,
    0.20298138139564725,
    0.1977766901942434,
    0.19087247674446622,
    0.18537971516784515,
    0.17929879766602108,
    0.1697112555276472,
];

/// The sum of the variances of all pixels, made in the same way.
const TOTAL_VARIANCE: f64 = 52.725914260378694;

/// Components, and the mean squared error per pixel of the 10,000 test images, from scikit-learn's
/// `PCA(k, svd_solver="full")` on the training images in float64.
const TEST_MSE: [(usize, f64); 6] = [
    (2, 0.05566949160254888),
    (10, 0.03407381609165839),
    (20, 0.023538131049875306),
    (32, 0.016828234980431674),
    (50, 0.011485018108189752),
    (128, 0.00420533381022925),
];

fn pca_agrees<T: Real>(tolerance: f64) {
    let data = mnist();
    let close = |found: f64, expected: f64, what: &str| {
        let error = (found / expected - 1.0).abs();
        assert!(error <= tolerance, "{what}: {found}, expected {expected}: off by {error:e}");
    };
    let pca = Pca::<T>::fit(&data.train.images, 50).unwrap();
    close(pca.total_variance(), TOTAL_VARIANCE, "total variance");
    assert_eq!(pca.explained_variance().len(), 50);
    for (i, (&found, &expected)) in
        pca.explained_variance().iter().zip(&EXPLAINED_VARIANCE).enumerate()
    {
        close(found, expected, &format!("variance {i}"));
    }
    for (k, expected) in TEST_MSE {
        let found = Pca::<T>::fit(&data.train.images, k).unwrap().mse_per_pixel(&data.test.images);
        close(found, expected, &format!("test MSE of {k} components"));
        assert_eq!(format!("{found:.6}"), format!("{expected:.6}"), "{k} components");
    }
}

#[test]
fn pca_in_double_precision_agrees_with_scikit_learn() {
    pca_agrees::<f64>(1e-6);
}

#[test]
fn pca_in_single_precision_agrees_with_scikit_learn() {
    pca_agrees::<f32>(1e-4);
}

/// After one epoch of the example of PyTorch (784-400-20, Adam, batches of 128), the test loss is
/// 126.5 nats per image, give or take the seed.
#[test]
fn one_epoch_of_a_vae_comes_as_far_as_elsewhere() {
    let lab = Lab::new();
    let mut command = lab.command(
        "train vae --epochs 1 --hidden 400 --latent 20 --batch-size 128 --seed 1 --out run --data",
    );
    let output = command.arg(folder()).output().unwrap();
    assert!(output.status.success(), "{}", support::texts(&output).1);
    let metrics = lab.metrics("run");
    assert_eq!(metrics.len(), 1);
    let field = |name: &str| metrics[0][name].as_f64().unwrap();
    assert!((field("test_loss") - 126.5).abs() <= 2.5, "{}", metrics[0]);
    // The first batches, near 784 ln 2 = 543 nats, are in the mean of the epoch.
    assert!(field("train_loss") > field("test_loss") + 10.0, "{}", metrics[0]);
    assert!(field("train_loss") < 206.0, "worse than the mean image: {}", metrics[0]);
    assert!(field("kl") > 10.0 && field("kl") < 40.0, "{}", metrics[0]);
}
