//! PCA of MNIST against another library's numbers.
//!
//! The variances are the eigenvalues (`numpy.linalg.eigvalsh`, float64) of `numpy.cov` of the 60,000
//! training images / 255; the errors come from projecting on the first k eigenvectors, with the mean
//! of the training images.

use elbo_models::Pca;
use elbo_models::data::{Dataset, Source, load};
use elbo_tensor::Real;

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

/// k, MSE/px on the training images, MSE/px on the test images.
const RECONSTRUCTION: [(usize, f64, f64); 6] = [
    (2, 0.05595270317338245, 0.05566949160254888),
    (10, 0.03442260175516499, 0.03407381609165839),
    (20, 0.02396965553940205, 0.023538131049875306),
    (32, 0.017242842682234614, 0.016828234980431674),
    (50, 0.011792730044546576, 0.011485018108189752),
    (128, 0.004272075228677025, 0.00420533381022925),
];

fn mnist() -> Dataset {
    load(&Source::Mnist).unwrap_or_else(|error| panic!("{error}"))
}

fn check<T: Real>(data: &Dataset, tolerance: f64) {
    let pca = Pca::<T>::fit(&data.train.images, 50).unwrap();
    for (i, (got, truth)) in pca.explained_variance().iter().zip(EXPLAINED_VARIANCE).enumerate() {
        let error = (got - truth).abs() / truth;
        assert!(error <= tolerance, "variance {i}: {got} instead of {truth}, error {error:e}");
    }
    for (k, train, test) in RECONSTRUCTION {
        let pca = Pca::<T>::fit(&data.train.images, k).unwrap();
        let (got_train, got_test) =
            (pca.mse_per_pixel(&data.train.images), pca.mse_per_pixel(&data.test.images));
        let same = |got: f64, truth: f64| format!("{got:.6}") == format!("{truth:.6}");
        assert!(same(got_train, train), "k = {k}: train {got_train} instead of {train}");
        assert!(same(got_test, test), "k = {k}: test {got_test} instead of {test}");
    }
}

#[test]
fn double_precision_agrees_to_six_digits() {
    check::<f64>(&mnist(), 1e-6);
}

#[test]
fn single_precision_agrees_to_four_digits() {
    check::<f32>(&mnist(), 1e-4);
}

#[test]
fn components_are_orthonormal_and_codes_uncorrelated() {
    let data = mnist();
    let pca = Pca::<f64>::fit(&data.test.images, 20).unwrap();
    let gram = pca.components().matmul_nt(pca.components());
    for (i, value) in gram.data().iter().enumerate() {
        let expected = if i / 20 == i % 20 { 1.0 } else { 0.0 };
        assert!((value - expected).abs() < 1e-10, "{i}: {value}");
    }
}
