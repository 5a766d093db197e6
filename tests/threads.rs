//! Neither threads nor instruction sets change anything but the time: the same seed gives the same
//! bits.

mod support;

use elbo_tensor::kernels::isa;
use support::Lab;

#[test]
fn every_instruction_set_trains_the_same_weights_on_any_number_of_threads() {
    // The reference VAE on real digits, whose zeros are skipped.
    same_weights("f32", &[1, 2, 3, 8]);
}

#[test]
fn rounded_products_train_the_same_weights_with_the_instruction_and_without() {
    same_weights("bf16", &[3]);
}

fn same_weights(precision: &str, numbers: &[usize]) {
    let lab = Lab::new();
    let train = |run: &str, set: isa::Isa, threads: usize| {
        let line = format!(
            "train vae --data sample --epochs 1 --precision {precision} --out {run} --threads {threads}"
        );
        let output = lab.command(&line).env("ELBO_ISA", set.to_string()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        lab.read(&format!("{run}/checkpoint.safetensors"))
    };
    let weights = train("first", isa::Isa::Portable, 1);
    for set in isa::available() {
        for &threads in numbers {
            let run = format!("{set}-{threads}");
            assert!(train(&run, set, threads) == weights, "{run} threads: other bits");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let lab = Lab::new();
    // Layers wide enough that there is work to share.
    let line = "--data data --hidden 400 --latent 20 --batch-size 100 --epochs 2";
    for (model, options) in
        [("vae", ""), ("vae", "--likelihood gaussian"), ("autoencoder", "--loss mse")]
    {
        for threads in [1, 2, 4] {
            let out = format!("--out {model}{}-{threads}", options.len());
            lab.ok(&format!("train {model} {line} {options} {out} --threads {threads}"));
        }
        let run = |threads: usize| format!("{model}{}-{threads}", options.len());
        lab.same_bits(&run(1), &run(2));
        lab.same_bits(&run(1), &run(4));
        // What is measured and drawn does not depend on it either.
        let [a, b] = [1, 4].map(|n| lab.ok(&format!("eval {} --threads {n}", run(1))));
        assert_eq!(a, b);
        lab.ok(&format!("encode {} --threads 1 --out one", run(1)));
        lab.ok(&format!("encode {} --threads 4 --out four", run(1)));
        assert!(lab.read("one.npy") == lab.read("four.npy"));

        lab.ok(&format!(
            "train {model} {line} {options} --seed 2 --out {model}-seed{}",
            options.len()
        ));
        assert!(
            lab.read(&format!("{}/checkpoint.safetensors", run(1)))
                != lab.read(&format!("{model}-seed{}/checkpoint.safetensors", options.len())),
            "{model}: another seed, the same bits"
        );
    }
}

#[test]
fn pca_is_the_same_on_any_number_of_threads() {
    let lab = Lab::new();
    for threads in [1, 2, 4] {
        lab.ok(&format!("train pca --data data --latent 8 --out {threads} --threads {threads}"));
    }
    let read = |run: &str| lab.read(&format!("{run}/checkpoint.safetensors"));
    assert!(read("1") == read("2"));
    assert!(read("1") == read("4"));
}
