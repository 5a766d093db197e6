//! `elbo study`: what it prints and writes, that threads do not change it, and what it refuses.

mod support;

use serde_json::Value;
use support::{Lab, json_lines, table};

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

/// Every column of a table, against the object of the same row: `x_low` is the first of `x_ci`.
fn same_figures(table: &[Value], objects: &[Value]) {
    assert_eq!(table.len(), objects.len());
    for (row, object) in table.iter().zip(objects) {
        for (column, cell) in row.as_object().unwrap() {
            let figure = match column.rsplit_once('_') {
                Some((name, "low")) => &object[format!("{name}_ci")][0],
                Some((name, "high")) => &object[format!("{name}_ci")][1],
                _ => &object[column.as_str()],
            };
            match (cell.as_f64(), figure.as_f64()) {
                (Some(cell), Some(figure)) => assert_eq!(cell, figure, "{column}: {object}"),
                // What is unknown is empty.
                _ if figure.is_null() => assert_eq!(cell, "", "{column}: {object}"),
                _ => assert_eq!(cell, figure, "{column}: {object}"),
            }
        }
    }
}

#[test]
fn tables_hold_what_is_printed() {
    let lab = Lab::new();
    let said = json_lines(&lab.ok("study cos --repeats 3000 --samples 2 --json --out cos"));
    same_figures(&table(&lab.text("cos/study.csv")), &said);
    for row in &said {
        let [mean, low, truth] =
            [&row["mean"], &row["mean_ci"][0], &row["truth_gradient"]].map(number);
        assert!((mean - truth).abs() <= 5.0 * (mean - low) / 1.96 + 1e-12, "{row}");
        assert_eq!((&row["samples"], &row["repeats"]), (&2.into(), &3000.into()));
        let snr = number(&row["variance"]).sqrt().recip() * mean.abs();
        assert!((number(&row["snr"]) - snr).abs() < 1e-9 * snr, "{row}");
    }
    // Over k, each point has its interval, and its truth within.
    let sweep = table(&lab.text("cos/sweep.csv"));
    assert_eq!(sweep.iter().filter(|row| row["estimator"] == "pathwise").count() % 2, 0);
    for row in &sweep {
        let [variance, low, high, truth] =
            ["variance", "low", "high", "truth"].map(|key| number(&row[key]));
        assert!(low <= variance && variance <= high, "{row}");
        // A hundred points or more: half an interval is 1.96 standard errors, and few estimates have heavy tails.
        assert!((variance - truth).abs() <= 5.0 * (high - low) / 2.0 + 1e-9, "{row}");
        let [k, mean] = ["k", "mean"].map(|key| number(&row[key]));
        assert!((0.5..=5.0).contains(&k) && mean.abs() < 4.0, "{row}");
    }

    let said = json_lines(
        &lab.ok("study snr --dimensions 3 --k 1,4 --m 1,2 --repeats 200 --json --out snr"),
    );
    let ratios: Vec<Value> = said.into_iter().filter(|row| row["over"].is_null()).collect();
    let rows = table(&lab.text("snr/snr.csv"));
    assert_eq!((rows.len(), ratios.len()), (3 * 4 * 2, 3 * 4 * 2));
    for (row, ratio) in rows.iter().zip(&ratios) {
        for key in ["estimator", "parameter"] {
            assert_eq!(row[key], ratio[key]);
        }
        for key in ["k", "m", "snr"] {
            assert_eq!(number(&row[key]), number(&ratio[key]), "{key}: {ratio}");
        }
    }

    let line =
        "study discrete --repeats 200 --samples 2 --epochs 1 --estimators arm,straight_through";
    let said = json_lines(&lab.ok(&format!("{line} --json --out coins")));
    let (vae, study): (Vec<Value>, Vec<Value>) =
        said.into_iter().partition(|row| row["problem"] == "vae");
    same_figures(&table(&lab.text("coins/study.csv")), &study);
    same_figures(&table(&lab.text("coins/vae.csv")), &vae);

    let line = "study logistic --steps 10 --repeats 50 --estimators pathwise,score_function";
    let said = json_lines(&lab.ok(&format!("{line} --json --out logistic")));
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
    assert_eq!(rows, [one(1, 5), one(4, 5), one(1, 6), one(4, 6)].concat());
    let variances: Vec<f64> = rows.iter().map(|row| number(&row["truth_variance"])).collect();
    assert_eq!(variances, [4.0, 12.0, 1.0, 3.0].repeat(2));
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
