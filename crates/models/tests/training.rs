//! Training on MNIST against published figures, and what must not change a bit of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use elbo_layers::{Activation, Schedule};
use elbo_models::data::{Dataset, Images, Places, Source, Split, load, load_from};
use elbo_models::{
    ModelKind, Outcome, Pca, Reconstruction, Settings, Trainer, evaluate, largest_principal_angle,
};
use elbo_tensor::Tensor;
use elbo_tensor::kernels::threads;

fn never() -> AtomicBool {
    AtomicBool::new(false)
}

fn mnist() -> Dataset {
    load(&Source::Mnist).unwrap_or_else(|error| panic!("{error}"))
}

/// The first images of the sample inside the library.
fn small() -> Dataset {
    let places = Places { elbo_data: None, cache: None, system: "nowhere".into() };
    let mut data = load_from(&Source::Sample, &places).unwrap();
    for (split, count) in [(&mut data.train, 500), (&mut data.test, 100)] {
        let Split { images: Images { pixels, count: images, .. }, labels } = split;
        pixels.truncate(count * 784);
        *images = count;
        labels.as_mut().unwrap().truncate(count);
    }
    data
}

/// The loss after one epoch is 126.5 in a public log of PyTorch's VAE example, with its own noise.
#[test]
fn one_epoch_of_mnist_ends_near_the_published_loss() {
    let data = mnist();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { epochs: 1, ..Settings::default() };
    let mut trainer = Trainer::new(settings, &data, &folder.path().join("run")).unwrap();
    let mut test_loss = 0.0;
    trainer.run(&never(), |metrics| test_loss = metrics.test_loss).unwrap();
    assert!((test_loss - 126.5).abs() < 2.5, "{test_loss}");
}

/// A code of 32 numbers through two layers, one of them curved, beats the best linear one.
#[test]
fn an_autoencoder_beats_pca_and_a_linear_one_becomes_it() {
    let data = mnist();
    let pca = Pca::<f32>::fit(&data.train.images, 32).unwrap();
    let best_linear = pca.mse_per_pixel(&data.test.images);
    let train = |output: Activation, epochs: u64| {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            model: ModelKind::Autoencoder,
            latent: 32,
            hidden: vec![],
            output,
            loss: Reconstruction::Mse,
            epochs,
            lr: 2e-3,
            schedule: Schedule::Cosine { epochs: epochs as f64, floor: 0.0 },
            ..Settings::default()
        };
        let mut trainer = Trainer::new(settings, &data, &folder.path().join("run")).unwrap();
        trainer.run(&never(), |_| ()).unwrap();
        let mut decoder: Option<Tensor<f64>> = None;
        trainer.model().visit("", &mut |name, parameter| {
            if name == "decoder.0.weight" {
                decoder = Some(parameter.tensor().cast());
            }
        });
        let mse = evaluate::reconstruction(trainer.model(), &data.test, 250).mse;
        (mse, decoder.expect("one layer"))
    };
    let (curved, _) = train(Activation::Sigmoid, 5);
    assert!(curved < 0.95 * best_linear, "{curved} against {best_linear}");
    let (linear, decoder) = train(Activation::Identity, 20);
    let distance = linear / best_linear - 1.0;
    let angle = largest_principal_angle(&decoder, &pca.components().cast()).to_degrees();
    println!("linear: {linear}, {:.3} % from PCA, largest angle {angle:.2}°", 100.0 * distance);
    assert!(distance.abs() < 0.01, "{linear} against {best_linear}");
    assert!(angle < 10.0, "largest principal angle {angle}°");
}

fn settings(epochs: u64) -> Settings {
    Settings { epochs, hidden: vec![50], latent: 5, batch_size: 64, ..Settings::default() }
}

fn bytes(folder: &Path) -> [Vec<u8>; 2] {
    ["checkpoint", "best"]
        .map(|name| std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap())
}

#[test]
fn threads_change_no_bit() {
    let data = small();
    let run = |threads| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        threads::with(threads, || {
            let settings = Settings { hidden: vec![400], ..settings(2) };
            Trainer::new(settings, &data, &path).unwrap().run(&never(), |_| ()).unwrap();
        });
        bytes(&path)
    };
    let one = run(1);
    assert!(one == run(2) && one == run(4));
}

#[test]
fn an_interrupted_run_ends_in_the_same_bits() {
    let data = small();
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    Trainer::new(settings(3), &data, &whole).unwrap().run(&never(), |_| ()).unwrap();

    // Interrupted wherever a clock says, again and again, later each time.
    let mut trainer = Trainer::new(settings(3), &data, &parts).unwrap();
    let mut interruptions = 0u64;
    loop {
        let interrupt = AtomicBool::new(false);
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(1 + 2 * interruptions));
                interrupt.store(true, Ordering::Relaxed);
            });
            trainer.run(&interrupt, |_| ()).unwrap()
        });
        if outcome == Outcome::Finished {
            break;
        }
        interruptions += 1;
        drop(trainer);
        trainer = Trainer::resume(&data, &parts, None).unwrap();
    }
    assert!(interruptions > 0);
    assert!(bytes(&whole) == bytes(&parts));
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_names_its_origin() {
    let data = small();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut trainer = Trainer::new(settings(2), &data, &path).unwrap();
    trainer.run(&never(), |_| ()).unwrap();
    let good = bytes(&path);
    drop(trainer);
    // Go on with a rate at which the weights leave the range of a float.
    let config = path.join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("lr = 0.001", "lr = 1e30")).unwrap();
    let mut trainer = Trainer::resume(&data, &path, Some(5)).unwrap();
    let error = trainer.run(&never(), |_| ()).unwrap_err().to_string();
    let named =
        ["linear", "reparameterize", "gaussian_kl", "bce_with_logits", "mean", "add", "weight"];
    assert!(error.contains("epoch 3") && named.iter().any(|op| error.contains(op)), "{error}");
    assert!(bytes(&path) == good, "the last good checkpoint is kept");
}
