//! `elbo study`: what it prints and writes, that threads do not change it, and what it refuses.

mod support;

use serde_json::Value;
use support::{Lab, json_lines, same_figures, table};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn is(row: &Value, key: &str, expected: f64) {
    let found = number(&row[key]);
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{key}: {row}");
}

#[test]
fn a_quadratic_study_prints_one_object_for_each_estimator_and_parameter() {
    let lab = Lab::new();
    let rows = json_lines(
        &lab.ok("study quadratic --mu 1 --sigma 1 --k -3 --samples 2 --repeats 20000 --json"),
    );
    assert_eq!(rows.len(), 2 * 10);
    let mut names: Vec<&str> = Vec::new();
    for row in &rows {
        let [mean, variance] = ["mean", "variance"].map(|key| number(&row[key]));
        for (key, value) in [("mean_ci", mean), ("variance_ci", variance)] {
            let [low, high] = [&row[key][0], &row[key][1]].map(number);
            assert!(low <= value && value <= high, "{row}");
        }
        let truth = number(&row["truth_variance"]);
        // 1.96 standard errors are half an interval.
        let error = (number(&row["variance_ci"][1]) - variance) / 1.96;
        assert!((variance - truth).abs() < 5.0 * error + 1e-9, "{row}");
        is(row, "truth_gradient", if row["parameter"] == "mu" { 8.0 } else { 2.0 });
        names.push(row["estimator"].as_str().unwrap());
    }
    let of = |estimator: &str, parameter: &str| {
        let wanted = |row: &&Value| row["estimator"] == estimator && row["parameter"] == parameter;
        rows.iter().find(wanted).unwrap_or_else(|| panic!("{estimator} {parameter} of {names:?}"))
    };
    // One draw has 4, 495, 138, 134, 17.48733; 72, 1546, 696, 664, 68; an estimate is the mean of two.
    for (estimator, [by_mu, by_sigma]) in [
        ("pathwise", [4.0, 72.0]),
        ("score_function", [495.0, 1546.0]),
        ("score_function_mean_baseline", [138.0, 696.0]),
        ("score_function_optimal_baseline", [134.0, 664.0]),
        ("pathwise_antithetic", [0.0, 8.0]),
    ] {
        is(of(estimator, "mu"), "truth_variance", by_mu / 2.0);
        is(of(estimator, "sigma"), "truth_variance", by_sigma / 2.0);
    }
    assert!((number(&of("measure_valued", "mu")["truth_variance"]) - 8.743665).abs() < 1e-6);
    assert_eq!(of("pathwise_antithetic", "mu")["evaluations"], 4);
    assert_eq!(of("score_function_leave_one_out", "mu")["evaluations"], 2);
    let files = lab.list("runs/study-001");
    let figures =
        ["variance-mu.png", "variance-mu.svg", "variance-sigma.png", "variance-sigma.svg"];
    assert_eq!(files, [&["study.csv", "sweep.csv"][..], &figures].concat());
    assert!(lab.text("runs/study-001/variance-mu.svg").contains("stroke-dasharray"));
    assert_eq!(lab.text("runs/study-001/study.csv").lines().count(), 1 + 20);
}

#[test]
fn tables_hold_what_is_printed() {
    let lab = Lab::new();
    let said = json_lines(&lab.ok("study cos --repeats 3000 --samples 2 --json --out cos"));
    same_figures(&table(&lab.text("cos/study.csv")), &said);
    for row in &said {
        let [mean, variance, evaluations, truth] =
            ["mean", "variance", "evaluations", "truth_gradient"].map(|key| number(&row[key]));
        let low = number(&row["mean_ci"][0]);
        assert!((mean - truth).abs() <= 5.0 * (mean - low) / 1.96 + 1e-12, "{row}");
        is(row, "bias", mean - truth);
        assert!((number(&row["bias_ci"][0]) - (low - truth)).abs() < 1e-12, "{row}");
        is(row, "snr", mean.abs() / variance.sqrt());
        is(row, "evaluations_per_precision", evaluations * variance);
        assert_eq!(
            [2, 1, 3000].map(Value::from),
            ["samples", "seed", "repeats"].map(|key| row[key].clone())
        );
        assert_eq!(row["is_biased"], false, "{row}");
        assert_eq!(row["truth_gradient_from"], "closed form", "{row}");
    }
    // Over k, each point has its interval, and its truth within.
    let sweep = table(&lab.text("cos/sweep.csv"));
    assert_eq!(sweep.len(), 100 * 2 * 10);
    for row in &sweep {
        let [variance, low, high, truth] =
            ["variance", "low", "high", "truth"].map(|key| number(&row[key]));
        assert!(low <= variance && variance <= high, "{row}");
        // 1.96 standard errors to a side, and room for two thousand points.
        assert!((variance - truth).abs() <= 3.0 * (high - variance) + 1e-9, "{row}");
        assert!((0.5..=5.0).contains(&number(&row["k"])), "{row}");
    }

    // The signal of a single estimate drowns in its noise.
    let line = "study snr --dimensions 3 --k 1,4 --m 1,2 --repeats 200";
    let rules = "doubly_reparameterized,total_derivative,jackknife,reweighted_wake_sleep";
    let said = json_lines(&lab.ok(&format!("{line} --estimators {rules} --json --out snr")));
    let ratios: Vec<Value> = said.into_iter().filter(|row| row["over"].is_null()).collect();
    // The jackknife takes two importance samples or more: one K, and each M.
    assert_eq!(ratios.len(), (3 * 4 + 1 + 2) * 2);
    assert!(ratios.iter().any(|row| row["snr_standard_error"].is_null()));
    same_figures(&table(&lab.text("snr/snr.csv")), &ratios);
    for row in &ratios {
        let rule = row["estimator"].as_str().unwrap();
        assert_eq!(
            row["is_biased"],
            ["jackknife", "reweighted_wake_sleep"].contains(&rule),
            "{row}"
        );
        let [evaluations, variance, k, m] =
            ["evaluations", "mean_variance", "k", "m"].map(|key| number(&row[key]));
        // For the gradient by the model, and for that by the encoder.
        assert_eq!(evaluations, 2.0 * k * m, "{row}");
        is(row, "evaluations_per_precision", evaluations * variance);
    }

    let line =
        "study discrete --repeats 200 --samples 2 --epochs 1 --estimators arm,straight_through";
    let said = json_lines(&lab.ok(&format!("{line} --json --out coins")));
    let (vae, study): (Vec<Value>, Vec<Value>) =
        said.into_iter().partition(|row| row["problem"] == "vae");
    assert_eq!((study.len(), vae.len()), (1 + 5, 2));
    same_figures(&table(&lab.text("coins/study.csv")), &study);
    same_figures(&table(&lab.text("coins/vae.csv")), &vae);
    for row in &study {
        is(row, "bias", number(&row["mean"]) - number(&row["truth_gradient"]));
        assert_eq!(row["is_biased"], row["estimator"] == "straight_through", "{row}");
    }

    let line = "study logistic --steps 10 --repeats 50 --estimators pathwise,score_function";
    let said = json_lines(&lab.ok(&format!("{line} --json --out logistic")));
    assert_eq!(said.len(), 2 * 2 * 2);
    same_figures(&table(&lab.text("logistic/study.csv")), &said);
}

#[test]
fn samples_and_seeds_are_gone_through() {
    let lab = Lab::new();
    let study = "study quadratic --estimators pathwise --repeats 2000 --no-files --json";
    let rows = json_lines(&lab.ok(&format!("{study} --samples 1,4 --seed 5,6")));
    let one = |samples: u64, seed: u64| {
        json_lines(&lab.ok(&format!("{study} --samples {samples} --seed {seed}")))
    };
    let (first, second) = (one(1, 5), one(1, 6));
    assert!(first.iter().zip(&second).all(|(a, b)| a["mean"] != b["mean"]));
    assert_eq!(rows, [first, one(4, 5), second, one(4, 6)].concat());
    let variances: Vec<f64> = rows.iter().map(|row| number(&row["truth_variance"])).collect();
    assert_eq!(variances, [4.0, 12.0, 1.0, 3.0].repeat(2));
}

#[test]
fn coins_classes_and_their_vae_go_through_samples_and_seeds() {
    let lab = Lab::new();
    let study = "study discrete --estimators score_function,straight_through --repeats 300 --json";
    let said =
        json_lines(&lab.ok(&format!("{study} --samples 1,3 --seed 5,6 --epochs 1 --out all")));
    let (vae, rows): (Vec<Value>, Vec<Value>) =
        said.into_iter().partition(|row| row["problem"] == "vae");
    let one = |samples: u64, seed: u64| {
        let out = format!("{samples}-{seed}");
        let settings = format!("--samples {samples} --seed {seed} --epochs 0 --out {out}");
        json_lines(&lab.ok(&format!("{study} {settings}")))
    };
    let (first, second) = (one(1, 5), one(1, 6));
    assert_eq!(first.len(), 2 * (1 + 4));
    // A coin at 1/2 has a straight-through gradient of two values, and its score has four.
    assert!(first.iter().zip(&second).all(|(a, b)| a["mean"] != b["mean"]));
    assert_eq!(rows, [first, one(3, 5), second, one(3, 6)].concat());
    let truth = |row: &&Value| row["problem"] == "coin" && row["estimator"] == "score_function";
    let truths: Vec<f64> =
        rows.iter().filter(truth).map(|row| number(&row["truth_variance"])).collect();
    assert!(truths[0] > 0.0 && (truths[0] - 3.0 * truths[1]).abs() < 1e-12, "{truths:?}");
    assert_eq!(truths[2..], truths[..2]);
    // Training takes draws of its own: one for each seed.
    let trained: Vec<(&str, u64)> = vae
        .iter()
        .map(|row| (row["estimator"].as_str().unwrap(), row["seed"].as_u64().unwrap()))
        .collect();
    let names = ["score_function", "straight_through"];
    assert_eq!(trained, names.map(|name| [(name, 5), (name, 6)]).concat());
    assert_ne!(vae[0]["test_loss"], vae[1]["test_loss"]);
    same_figures(&table(&lab.text("all/study.csv")), &rows);
    same_figures(&table(&lab.text("all/vae.csv")), &vae);
}

#[test]
fn logistic_regression_goes_through_samples_and_seeds() {
    let lab = Lab::new();
    let study = "study logistic --steps 0 --repeats 50 --json";
    let rows = json_lines(&lab.ok(&format!("{study} --samples 1,2 --seed 1,2 --out all")));
    same_figures(&table(&lab.text("all/study.csv")), &rows);
    let of = |samples: u64, seed: u64| -> Vec<Value> {
        let wanted = |row: &&Value| row["samples"] == samples && row["seed"] == seed;
        rows.iter().filter(wanted).cloned().collect()
    };
    // Leaving one out takes two.
    assert_eq!([of(1, 1), of(2, 1), of(1, 2), of(2, 2)].concat(), rows);
    assert_eq!([of(1, 1), of(2, 1), of(1, 2), of(2, 2)].map(|rows| rows.len()), [20, 22, 20, 22]);
    let alone = json_lines(&lab.ok(&format!("{study} --samples 2 --seed 2 --out alone")));
    assert_eq!(of(2, 2), alone);
    for (a, b) in of(1, 1).iter().zip(of(1, 2)) {
        assert_eq!((&a["estimator"], &a["parameter"]), (&b["estimator"], &b["parameter"]));
        assert!(a["mean_variance"] != b["mean_variance"] && a["bias"] != b["bias"], "{a} {b}");
    }
    for row in &rows {
        let [variance, evaluations, samples] =
            ["mean_variance", "evaluations", "samples"].map(|key| number(&row[key]));
        is(row, "evaluations_per_precision", evaluations * variance);
        is(row, "variance_in_training", variance * samples / 50.0);
        assert_eq!(row["is_biased"], false, "{row}");
    }
}

#[test]
fn ratios_go_through_seeds_samples_and_bounds() {
    let lab = Lab::new();
    let study = "study snr --estimators vimco,jackknife --k 2,4 --m 1,2 --repeats 100 --json";
    let rows = |line: &str| -> Vec<Value> {
        json_lines(&lab.ok(line)).into_iter().filter(|row| row["over"].is_null()).collect()
    };
    let said = rows(&format!("{study} --seed 1,2 --out all"));
    // Both rules take two importance samples or more, and M is gone through with two.
    let mut expected = Vec::new();
    for seed in [1, 2] {
        for rule in ["vimco", "jackknife"] {
            for k in [2, 4] {
                expected.extend(["model", "encoder"].map(|name| (seed, rule, k, 1, name)));
            }
            for m in [1, 2] {
                expected.extend(["model", "encoder"].map(|name| (seed, rule, 2, m, name)));
            }
        }
    }
    let whole = |row: &Value, key: &str| row[key].as_u64().unwrap();
    let found: Vec<_> = said
        .iter()
        .map(|row| {
            let [rule, name] = ["estimator", "parameter"].map(|key| row[key].as_str().unwrap());
            (whole(row, "seed"), rule, whole(row, "k"), whole(row, "m"), name)
        })
        .collect();
    assert_eq!(found, expected);
    let one = |seed: u64| rows(&format!("{study} --seed {seed} --out {seed}"));
    assert_eq!(said, [one(1), one(2)].concat());
    for (a, b) in said.iter().zip(&said[16..]) {
        assert_ne!(a["mean_variance"], b["mean_variance"], "{a}");
    }
    same_figures(&table(&lab.text("all/snr.csv")), &said);

    let study = "study snr --k 1,2 --m 1,2 --repeats 100 --seed 1,2 --json --out both";
    let rows = rows(study);
    let settings: Vec<_> = rows.iter().map(|row| (whole(row, "k"), whole(row, "m"))).collect();
    let of_a_rule = [(1, 1), (2, 1), (1, 1), (1, 2)].map(|setting| [setting; 2]).concat();
    assert_eq!(settings, of_a_rule.repeat(3 * 2));
    // The gradient of one sample by the model is z - mu, whose spread is that of the noise for all models.
    let [a, b] = [0, 24].map(|first| number(&rows[first]["mean_variance"]));
    assert!(rows[24]["parameter"] == "model" && (a - b).abs() > 1e-6 * a, "{a} {b}");
}

#[test]
fn the_models_ratios_are_shown_once_by_a_rule_that_takes_one_sample() {
    let lab = Lab::new();
    let rules = "jackknife,total_derivative,sticking_the_landing";
    let line = format!("study snr --dimensions 3 --estimators {rules} --k 1,2 --m 1,2");
    let said = lab.ok(&format!("{line} --repeats 100 --out snr"));
    let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
    let models: Vec<_> = said
        .lines()
        .map(words)
        .filter(|words| words.get(1).is_some_and(|p| p == "model"))
        .collect();
    // Seed, K and M.
    let shown: Vec<String> =
        models.iter().map(|words| [&words[..1], &words[2..5]].concat().join(" ")).collect();
    assert_eq!(shown, ["1 1 1", "1 2 1", "1 1 2"].map(|at| format!("total_derivative {at}")));
    for name in ["snr/snr-k.svg", "snr/snr-m.svg"] {
        let figure = lab.text(name);
        assert_eq!(figure.matches(">model, total derivative</text>").count(), 1, "{name}");
        assert!(!figure.contains(">model, jackknife"), "{name}");
    }
}

#[test]
fn ratios_of_one_sample_are_those_of_the_closed_form() {
    let lab = Lab::new();
    let rules =
        "total_derivative,sticking_the_landing,doubly_reparameterized,reweighted_wake_sleep";
    for (out, settings) in [("far", "--offset 0.5 --dimensions 3"), ("near", "--offset 0.05")] {
        let line = format!("study snr {settings} --estimators {rules} --k 1,2 --m 1,4");
        let said = json_lines(&lab.ok(&format!("{line} --repeats 10000 --json --out {out}")));
        let rows: Vec<&Value> = said.iter().filter(|row| row["over"].is_null()).collect();
        assert_eq!(rows.len(), 4 * 4 * 2);
        let mut known = 0;
        for row in rows {
            // There is no formula for more samples, nor for the encoder under reweighting.
            let is_sleep = row["estimator"] == "reweighted_wake_sleep";
            if row["k"] != 1 || is_sleep && row["parameter"] == "encoder" {
                assert!(row["truth_snr"].is_null(), "{row}");
                continue;
            }
            let [snr, error, truth] =
                ["snr", "snr_standard_error", "truth_snr"].map(|key| number(&row[key]));
            assert!((snr - truth).abs() < 5.0 * error && error < 0.2 * truth, "{row}");
            known += 1;
        }
        assert_eq!(known, 3 * (4 + 3));
    }
}

#[test]
fn what_another_study_found_is_not_written_over() {
    let lab = Lab::new();
    let toy = "--repeats 100 --estimators pathwise";
    lab.ok(&format!("study quadratic {toy} --json --out found"));
    for line in [
        &format!("study cos {toy}"),
        "study discrete --repeats 100 --epochs 0 --estimators arm",
        "study logistic --steps 0 --repeats 2 --estimators pathwise",
        "study snr --k 1 --m 1 --repeats 2",
    ] {
        lab.refuses(&format!("{line} --out found"), &["found is not empty", "--out"]);
    }
    // A folder with nothing in it is as good as none.
    std::fs::create_dir(lab.path("empty")).unwrap();
    lab.ok(&format!("study exp {toy} --json --out empty"));
    assert_eq!(lab.list("empty"), lab.list("found"));
}

#[test]
fn threads_and_the_company_of_others_change_no_digit() {
    let lab = Lab::new();
    let all = lab.ok("study cos --repeats 5000 --json --threads 1 --out a");
    assert_eq!(lab.ok("study cos --repeats 5000 --json --threads 3 --out b"), all);
    assert_eq!(lab.read("a/sweep.csv"), lab.read("b/sweep.csv"));
    let alone =
        lab.ok("study cos --repeats 5000 --json --estimators score_function_mean_baseline --out c");
    assert!(all.contains(&alone) && alone.lines().count() == 2, "{alone}");
    assert_ne!(lab.ok("study cos --repeats 5000 --json --seed 2 --out d"), all);
}

#[test]
fn without_files_nothing_is_written() {
    let lab = Lab::new();
    let said = lab.ok("study quadratic --repeats 100 --estimators pathwise --no-files --json");
    assert!(json_lines(&said).len() == 2 && !said.contains("seconds"));
    let timed = json_lines(
        &lab.ok("study exp --repeats 100 --estimators pathwise --no-files --json --time"),
    );
    assert!(timed.iter().all(|row| number(&row["seconds"]) > 0.0));
    assert!(!lab.path("runs").exists());
}

#[test]
fn people_get_a_table_and_where_the_files_are() {
    let lab = Lab::new();
    let said =
        lab.ok("study exp --repeats 2000 --estimators pathwise,measure_valued --out figures");
    assert!(said.starts_with("E exp(−k x²) at mu 1, sigma 1, k 1: "), "{said}");
    assert!(said.lines().any(|line| line.starts_with("measure_valued") && line.contains("sigma")));
    assert!(said.trim_end().lines().last().unwrap().starts_with("figures: study.csv, "), "{said}");
}

#[test]
fn the_encoder_gets_less_of_a_signal_from_more_samples() {
    let lab = Lab::new();
    let line = "study snr --k 16,32,64,128 --m 1,4,16 --repeats 8000 --json --out snr";
    let rows = json_lines(&lab.ok(line));
    let slope = |estimator: &str, parameter: &str, over: &str| {
        let wanted = |row: &&Value| {
            row["estimator"] == estimator && row["parameter"] == parameter && row["over"] == over
        };
        let row = rows.iter().find(wanted).unwrap();
        [&row["slope"], &row["slope_standard_error"]].map(number)
    };
    for (estimator, parameter, over, expected) in [
        ("total_derivative", "model", "M", 0.5),
        ("total_derivative", "encoder", "M", 0.5),
        ("total_derivative", "model", "K", 0.5),
        ("total_derivative", "encoder", "K", -0.5),
        ("doubly_reparameterized", "encoder", "K", 0.5),
    ] {
        let [found, error] = slope(estimator, parameter, over);
        assert!(error < 0.01, "{estimator}, {parameter} over {over}: ± {error}");
        // What is left of smaller K is below 0.05.
        let room = 0.05 + 5.0 * error;
        assert!((found - expected).abs() < room, "{estimator}, {parameter} over {over}: {found}");
    }
    assert_eq!(lab.list("snr"), ["snr-k.png", "snr-k.svg", "snr-m.png", "snr-m.svg", "snr.csv"]);
}

#[test]
fn coins_classes_and_a_vae_of_coins() {
    let lab = Lab::new();
    let said = lab.ok("study discrete --repeats 5000 --epochs 1 --samples 2 --json --out coins");
    let rows = json_lines(&said);
    let of = |problem: &'static str| rows.iter().filter(move |row| row["problem"] == problem);
    assert_eq!(of("coin").count(), 13);
    // Four logits, and neither ARM nor the measure-valued estimator.
    assert_eq!(of("class").count(), 4 * 11);
    for row in of("coin") {
        is(row, "truth_gradient", 0.025);
    }
    let variance =
        |name: &str| number(&of("coin").find(|row| row["estimator"] == name).unwrap()["variance"]);
    assert!(variance("enumeration") < 1e-25 && variance("measure_valued") < 1e-25);
    assert!(
        variance("relax") < variance("score_function")
            && variance("arm") < variance("score_function")
    );
    assert!(
        of("vae").count() == 10
            && of("vae").all(|row| (100.0..543.5).contains(&number(&row["test_loss"])))
    );
    let vae = ["vae.csv", "vae.png", "vae.svg"];
    assert_eq!(
        lab.list("coins"),
        [&["study.csv"][..], &vae, &["variance.png", "variance.svg"]].concat()
    );
}

#[test]
fn logistic_regression_is_trained_and_studied() {
    let lab = Lab::new();
    let said = lab.ok("study logistic --steps 100 --repeats 200 --json --out a");
    let rows = json_lines(&said);
    assert_eq!(rows.len(), 5 * 10 * 2, "at 0, 10, 20, 50 and 100 steps");
    let loss = |row: &Value| number(&row["loss"]);
    assert!(loss(rows.last().unwrap()) < 0.5 * loss(&rows[0]));
    let at_the_end = |name: &str| {
        number(&rows.iter().rev().find(|row| row["estimator"] == name).unwrap()["mean_variance"])
    };
    assert!(at_the_end("pathwise") < at_the_end("score_function"));
    assert!(at_the_end("pathwise_delta_method") < at_the_end("pathwise"));
    assert_eq!(lab.ok("study logistic --steps 100 --repeats 200 --json --out b --threads 1"), said);

    lab.write("own.csv", "a,b,label\n0.1,2,0\n-1,1.5,1\n0.3,-1,1\n2,0.2,0\n");
    let line = "study logistic --data own.csv --steps 0 --repeats 100 --estimators pathwise --json --out c";
    assert_eq!(json_lines(&lab.ok(line)).len(), 2);
}

#[test]
fn what_cannot_be_is_refused_in_one_line() {
    let lab = Lab::new();
    lab.refuses("study quadratic --sigma 0", &["--sigma", "'0'", "positive"]);
    lab.refuses("study quadratic --sigma -1.5", &["--sigma", "'-1.5'", "positive"]);
    lab.refuses("study quadratic --mu nan", &["--mu", "nan", "from -1000000 to 1000000"]);
    lab.refuses("study cos --k 1e9", &["--k", "1e9", "from -1000000 to 1000000"]);
    lab.refuses("study exp --k 0", &["--k 0", "positive"]);
    lab.refuses("study quadratic --repeats 1", &["--repeats", "'1'", "2"]);
    lab.refuses("study quadratic --samples 0", &["--samples", "'0'", "1"]);
    lab.refuses(
        "study quadratic --estimators arm",
        &["arm", "discrete variable", "normal", "pathwise"],
    );
    lab.refuses("study quadratic --estimators pathwize", &["pathwize", "choose from", "pathwise"]);
    lab.refuses("study discrete --estimators pathwise", &["pathwise", "path", "rebar"]);
    let alone = "study quadratic --estimators score_function_leave_one_out";
    lab.refuses(alone, &["score_function_leave_one_out", "--samples 1", "at least 2"]);
    let alone = "study discrete --samples 1 --estimators score_function_leave_one_out";
    lab.refuses(alone, &["score_function_leave_one_out", "--samples 1", "at least 2"]);
    let alone = "study logistic --samples 3,1 --estimators score_function_leave_one_out";
    lab.refuses(alone, &["score_function_leave_one_out", "--samples 1", "at least 2"]);
    lab.refuses("study snr --k 0", &["--k", "'0'", "1"]);
    lab.refuses("study snr --repeats 1", &["--repeats", "'1'", "2"]);
    lab.refuses("study discrete --temperature 0", &["--temperature", "'0'", "positive"]);
    lab.refuses("study cubic", &["cubic"]);
    lab.refuses("study logistic --data missing.csv", &["missing.csv", "--data"]);
    lab.write("wrong.csv", "1,2,0\n1,x,1\n");
    lab.refuses("study logistic --data wrong.csv", &["wrong.csv", "line 2", "`x` is not a number"]);
    lab.write("file", "not a folder");
    lab.refuses("study quadratic --out file", &["file", "--out"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_study_says_that_it_wrote_nothing() {
    let lab = Lab::new();
    let line = "study quadratic --repeats 1000000000 --out s";
    let said = support::interrupted_after(lab.command(line), "by mu");
    assert!(said.contains("nothing was written to s yet"), "{said}");
    assert!(!lab.path("s").exists());
}
