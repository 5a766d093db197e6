//! `elbo bench`: what it writes can be read by programs, and nonsense is refused.

mod support;

use serde_json::Value;
use support::Lab;

#[test]
fn a_quick_benchmark_is_json_with_a_row_for_each_work() {
    let lab = Lab::new();
    let said = lab.ok("bench step --quick --json --isa portable --threads 1 --out figures");
    let printed: Value = serde_json::from_str(&said).unwrap();
    let written: Value = serde_json::from_str(&lab.text("figures/bench.json")).unwrap();
    assert_eq!(printed, written);
    assert_eq!(written["machine"]["isa"], "portable");
    assert_eq!(written["machine"]["threads"], 1);
    let rows = written["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let number = |value: &Value| value.as_f64().unwrap();
        let (flop, median) = (number(&row["flop"]), number(&row["seconds"]["median"]));
        assert!((number(&row["gflops"]) - flop / median * 1e-9).abs() < 1e-6 * flop / median);
        let least = number(&row["seconds"]["least"]);
        assert!(0.0 < least && least <= median && median <= number(&row["seconds"]["most"]));
        // Nothing is faster than registers: a loop that the compiler left out would be.
        assert!(number(&row["share_of_peak"]) < 1.5, "{row}");
    }
}

#[test]
fn what_the_machine_lacks_is_refused() {
    let lab = Lab::new();
    lab.refuses("bench gemm --isa mmx", &["--isa mmx", "this machine has", "portable"]);
    let output = lab.run("bench sorting");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("sorting"));
}
