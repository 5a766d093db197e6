//! A table of measurements with a label of two classes.

use std::path::Path;

use elbo_models::{Error, Result};
use elbo_tensor::Tensor;

/// The table inside the program: see `NOTICE.md`.
const BREAST_CANCER: &str = include_str!("breast_cancer.csv");

/// Measurements, each column with mean 0 and variance 1 and a column of ones behind, and labels 0 or 1.
pub(super) struct Table {
    /// Shape [rows, columns + 1].
    pub(super) x: Tensor<f64>,
    /// Shape [rows].
    pub(super) y: Tensor<f64>,
}

impl Table {
    /// The table inside the program.
    pub(super) fn inside() -> Table {
        parse(BREAST_CANCER).expect("the table inside the program is whole")
    }

    /// A file of numbers separated by commas, one row a line, the label last; a first line of names is skipped.
    pub(super) fn read(path: &Path) -> Result<Table> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.into(),
            source,
            help: "give a text file of numbers separated by commas with --data".into(),
        })?;
        parse(&text).map_err(|what| Error::Data {
            path: path.into(),
            what,
            help: "each line holds numbers separated by commas, the last one 0 or 1".into(),
        })
    }
}

fn parse(text: &str) -> std::result::Result<Table, String> {
    // Some programs put a mark in front.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let is_names = |line: &str| line.split(',').all(|cell| cell.trim().parse::<f64>().is_err());
    let (mut x, mut y, mut columns) = (Vec::new(), Vec::new(), None);
    for (i, line) in lines.filter(|(i, line)| *i > 0 || !is_names(line)) {
        let number = i + 1;
        let cell = |cell: &str| match cell.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("line {number}: `{}` is not a number", cell.trim())),
        };
        let mut row =
            line.split(',').map(cell).collect::<std::result::Result<Vec<f64>, String>>()?;
        let label = row.pop().unwrap_or_default();
        if label != 0.0 && label != 1.0 {
            return Err(format!("line {number}: the label is {label}, neither 0 nor 1"));
        }
        if row.is_empty() {
            return Err(format!("line {number}: a label alone, without a number before it"));
        }
        let expected = *columns.get_or_insert(row.len());
        if row.len() != expected {
            return Err(format!(
                "line {number}: {} numbers before the label, not {expected}",
                row.len()
            ));
        }
        x.push(row);
        y.push(label);
    }
    let n = y.len();
    if n < 2 {
        return Err(format!("{n} rows of numbers; there must be at least 2"));
    }
    if y.iter().all(|label| *label == y[0]) {
        return Err(format!("all {n} labels are {}; there must be both 0 and 1", y[0]));
    }
    let columns = columns.expect("there are rows");
    for column in 0..columns {
        let mean = x.iter().map(|row| row[column]).sum::<f64>() / n as f64;
        let variance = x.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / n as f64;
        if !variance.is_finite() {
            return Err(format!("column {}: its numbers are too large to be squared", column + 1));
        }
        // A column that is the same everywhere becomes 0.
        let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        x.iter_mut().for_each(|row| row[column] = (row[column] - mean) / scale);
    }
    x.iter_mut().for_each(|row| row.push(1.0));
    Ok(Table { x: Tensor::new(&x.concat(), [n, columns + 1]), y: Tensor::from(y) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_inside_is_the_published_one() {
        let table = Table::inside();
        assert_eq!(**table.x.shape(), [569, 31]);
        assert_eq!(table.y.sum().item(), 357.0, "benign tumours");
        let means = table.x.mean_axes(0, false);
        assert!(means.data()[..30].iter().all(|mean| mean.abs() < 1e-12));
        let squares = table.x.square().mean_axes(0, false);
        assert!(squares.data().iter().all(|square| (square - 1.0).abs() < 1e-12));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let error = |text: &str| parse(text).err().unwrap();
        assert_eq!(error("a,b\n1,0\n2,x\n"), "line 3: `x` is not a number");
        assert_eq!(error("1,0\n2,3\n"), "line 2: the label is 3, neither 0 nor 1");
        assert_eq!(error("1,2,0\n2,1\n"), "line 2: 1 numbers before the label, not 2");
        assert_eq!(error("a,b\n1,0\n"), "1 rows of numbers; there must be at least 2");
        assert_eq!(error("1\n0\n"), "line 1: a label alone, without a number before it");
        assert_eq!(error("1,1\n2,1\n"), "all 2 labels are 1; there must be both 0 and 1");
        assert_eq!(error("1e300,1\n2,0\n"), "column 1: its numbers are too large to be squared");
        assert_eq!(parse("\u{feff}5,1,0\n5,3,1\n").unwrap().y.to_vec(), [0.0, 1.0]);
        let constant = parse("5,1,0\n5,3,1\n").unwrap();
        assert_eq!(constant.x.to_vec(), [0.0, -1.0, 1.0, 0.0, 1.0, 1.0]);
    }
}
