//! The rows below the roofs of the machine.

use elbo::bench::Machine;
use elbo_models::pictures::{Dot, Dots, Roof, Roofline};

use super::Row;

pub(super) fn roofline(machine: &Machine, rows: &[Row]) -> Roofline {
    let Machine { cpu, isa, threads, .. } = machine;
    let roof = |name: &str, rate| Roof { name: name.into(), rate };
    let levels = machine.levels.iter();
    let mut families: Vec<Dots> = Vec::new();
    // What has no count of operations has no place among them.
    for (row, gflops) in rows.iter().filter_map(|row| Some((row, row.gflops()?))) {
        let kind = row.amount.kind.name();
        let name = format!("{} {kind}", row.family);
        let dot = Dot {
            name: format!("{}, {}: {gflops:.1}", row.work, row.shape),
            intensity: row.amount.intensity(),
            gflops,
        };
        match families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.dots.push(dot),
            None => families.push(Dots { name, dots: vec![dot] }),
        }
    }
    Roofline {
        title: format!("{cpu}, {isa}, {threads} thread{}", if *threads > 1 { "s" } else { "" }),
        bandwidths: levels.map(|level| roof(&level.name, level.bandwidth())).collect(),
        peaks: machine.peaks().map(|(kind, [_, all])| roof(kind.name(), all)).collect(),
        families,
    }
}
