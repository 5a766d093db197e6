//! `elbo bench`: what it writes can be read by programs, and nonsense is refused.

mod support;

use serde_json::Value;
use support::Lab;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_quick_benchmark_is_json_with_rows_of_every_family() {
    let lab = Lab::new();
    let said = lab.ok("bench --quick --json --out figures");
    let printed: Value = serde_json::from_str(&said).unwrap();
    let written: Value = serde_json::from_str(&lab.text("figures/bench.json")).unwrap();
    assert_eq!(printed, written);

    let machine = &written["machine"];
    assert!(!machine["cpu"].as_str().unwrap().is_empty(), "{machine}");
    for peaks in [&machine["single"], &machine["double"]] {
        let [one, all] = [0, 1].map(|threads| number(&peaks[threads]));
        assert!(0.1 < one && one <= 1.5 * all, "{machine}");
    }
    let levels = machine["levels"].as_array().unwrap();
    assert_eq!(levels.last().unwrap()["name"], "memory");
    assert!(
        levels.iter().all(|level| number(&level["read"]) > 0.0 && number(&level["copy"]) > 0.0)
    );
    let drift = written["drift"].as_array().unwrap();
    assert!(drift.len() == 4 && drift.iter().all(|share| number(share) > -1.0), "{drift:?}");
    let trips = written["round_trips"].as_array().unwrap();
    assert!(
        trips.len() == 4 && trips.iter().all(|trip| trip.is_null() || number(trip) > 1.0),
        "{trips:?}"
    );
    let overhead = &written["overhead"];
    assert!(number(&overhead["nodes"]) > 10.0 && number(&overhead["seconds"]) > 0.0);
    assert!((0.0..1.0).contains(&number(&overhead["share"])), "{overhead}");

    let rows = written["rows"].as_array().unwrap();
    for (family, kind) in [
        ("gemm", "f32"),
        ("gemm", "f64"),
        ("gemm", "bf16"),
        ("math", "f32"),
        ("math", "f64"),
        ("conv", "f32"),
        ("step", "f32"),
    ] {
        assert!(
            rows.iter().any(|row| row["family"] == family && row["kind"] == kind),
            "{family} {kind}"
        );
    }
    for row in rows {
        let [bytes, median] = [&row["bytes"], &row["seconds"]["median"]].map(number);
        let near = |key: &str, value: f64| (number(&row[key]) - value).abs() <= 1e-9 * value;
        assert!(near("gbytes_per_second", bytes / median * 1e-9), "{row}");
        let [least, most] = [&row["seconds"]["least"], &row["seconds"]["most"]].map(number);
        assert!(0.0 < least && least <= median && median <= most, "{row}");
        assert!(near("spread", (most - least) / median), "{row}");
        let [disturbed, samples] = ["disturbed", "samples"].map(|key| number(&row["seconds"][key]));
        assert!(disturbed <= samples, "{row}");
        // What functions, losses and noise cost is not counted, but measured.
        let counted = row["family"] != "math"
            || ["add", "relu", "sum"].iter().any(|work| row["work"] == *work);
        if counted {
            let flop = number(&row["flop"]);
            assert!(near("gflops", flop / median * 1e-9), "{row}");
            assert!(near("intensity", flop / bytes), "{row}");
            let [peak, roof] = ["share_of_peak", "share_of_roof"].map(|key| number(&row[key]));
            assert!(peak <= 1.0001 * roof, "{row}");
            assert!(row["seconds_in_cache"].is_null(), "{row}");
        } else {
            for key in ["flop", "gflops", "intensity", "share_of_peak"] {
                assert!(row[key].is_null(), "{key}: {row}");
            }
            let roof = number(&row["share_of_roof"]) * median;
            let costs = row["seconds_in_cache"].as_f64();
            assert_eq!(costs.is_some(), row["work"] != "copy", "{row}");
            let bound = if costs.is_some_and(|costs| costs > roof) { "compute" } else { "memory" };
            assert_eq!(row["bound"], bound, "{row}");
        }
        // A loop that the compiler left out would be a thousand times too fast; a clock that moves is not.
        assert!(number(&row["share_of_roof"]) < 20.0, "{row}");
        assert!(row["bound"] == "memory" || row["bound"] == "compute", "{row}");
        assert!(levels.iter().any(|level| level["name"] == row["level"]), "{row}");
        let of_images = row["family"] == "conv" || row["family"] == "step";
        assert_eq!(row["images_per_second"].is_number(), of_images, "{row}");
    }
}

#[test]
fn the_roofline_is_drawn_twice() {
    let lab = Lab::new();
    let said = lab.ok("bench step --quick --isa portable --threads 1");
    assert!(said.lines().next().unwrap().ends_with(", portable, 1 thread"), "{said}");
    assert!(said.contains("MNIST-like") && said.contains("images/s"), "{said}");
    // Where everything is stands in the last line.
    assert!(said.trim_end().lines().last().unwrap().starts_with("runs/bench-001: "), "{said}");
    let files = ["bench.json", "roofline.png", "roofline.svg"];
    assert_eq!(lab.list("runs/bench-001"), files);
    assert!(lab.read("runs/bench-001/roofline.png").starts_with(b"\x89PNG\r\n\x1a\n"));
    let svg = lab.text("runs/bench-001/roofline.svg");
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    let written: Value = serde_json::from_str(&lab.text("runs/bench-001/bench.json")).unwrap();
    assert_eq!(written["machine"]["isa"], "portable");
    assert_eq!(written["machine"]["threads"], 1);
    // A dot for each row, and in the legend one for steps in f32 and one for those in bf16.
    let rows = written["rows"].as_array().unwrap();
    assert_eq!(svg.matches("<circle").count(), rows.len() + 2);
    assert!(svg.contains("step f32") && svg.contains("step bf16"));
    assert!(rows.iter().all(|row| row["speed_up"].is_null()), "there is one thread only");

    // No dot where operations are not counted.
    lab.ok("bench math --quick --isa portable --threads 1 --out functions");
    let written: Value = serde_json::from_str(&lab.text("functions/bench.json")).unwrap();
    let rows = written["rows"].as_array().unwrap();
    let counted = rows.iter().filter(|row| row["flop"].is_number()).count();
    assert!(0 < counted && counted < rows.len());
    let svg = lab.text("functions/roofline.svg");
    assert_eq!(svg.matches("<circle").count(), counted + 2);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_measured() {
    let lab = Lab::new();
    lab.refuses("bench gemm --isa mmx", &["--isa mmx", "this machine has", "portable"]);
    lab.refuses("bench sorting", &["sorting"]);
    lab.write("file", "not a folder");
    lab.refuses("bench gemm --out file", &["file", "--out"]);
    lab.refuses("bench gemm --out file/inside", &["file/inside", "--out"]);
    lab.write("full/bench.json", "of yesterday");
    lab.refuses("bench gemm --out full", &["full", "not empty", "--out"]);
    lab.refuses("bench gemm --shapes 4x5", &["4x5", "128x784x400:NT"]);
    lab.refuses("bench math --shapes 4x5x6", &["--shapes", "elbo bench gemm"]);
}

#[test]
fn products_of_ones_own_sizes_are_measured_alone() {
    let lab = Lab::new();
    lab.ok("bench gemm --shapes 5x6x7,32x40x20:NT --threads 1 --out own");
    let written: Value = serde_json::from_str(&lab.text("own/bench.json")).unwrap();
    let shapes: Vec<_> =
        written["rows"].as_array().unwrap().iter().map(|row| &row["shape"]).collect();
    assert_eq!(shapes, ["5x6x7:NN", "32x40x20:NT", "5x6x7:NN", "32x40x20:NT"]);
    assert_eq!(written["interrupted"], false);
}

#[cfg(unix)]
#[test]
fn an_interrupted_benchmark_keeps_its_rows() {
    let lab = Lab::new();
    let said = support::interrupted_after(
        lab.command("bench math --quick --threads 1 --out part"),
        "exp_m1 ",
    );
    assert!(said.contains("rows so far are in part"), "{said}");
    let written: Value = serde_json::from_str(&lab.text("part/bench.json")).unwrap();
    assert_eq!(written["interrupted"], true);
    assert_eq!(written["rows"][0]["work"], "copy");
    assert_eq!(lab.list("part"), ["bench.json", "roofline.png", "roofline.svg"]);

    // Before the first row, which takes seconds.
    let line = "bench gemm --shapes 4096x4096x4096 --threads 1 --out none";
    let said = support::interrupted_after(lab.command(line), "multiply-adds");
    assert!(said.contains("nothing was measured yet"), "{said}");
    assert!(!lab.path("none").exists());
}
