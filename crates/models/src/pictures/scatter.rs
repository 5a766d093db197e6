//! Codes in a plane.

use ndarray::ArrayView2;
use plotters::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::canvas::{FINE, colour};
use super::chart::{Axis, Key, Mark, Words, field, figure};
use super::palette::hue;
use super::picture::Picture;

/// Draws two-dimensional codes as coloured dots, with axes, grid, title and legend.
///
/// Shapes: `codes` is `[n, 2]`; `labels`, if given, holds `n` classes. Class `c` is called
/// `class_names[c]`, or by its number where there is no such name; the legend lists the classes that
/// occur. `axes` names the horizontal and the vertical axis. The picture is 1200 × 900 pixels.
///
/// Both axes have the same scale. Their ends follow the bulk of the codes, so that a few outliers
/// do not squeeze all others together; how many codes lie outside, or are not finite, is said in
/// small print.
///
/// # Panics
/// If `codes` does not have two columns, or there are not as many labels as codes.
#[track_caller]
pub fn scatter(
    codes: ArrayView2<'_, f32>,
    labels: Option<&[u8]>,
    class_names: &[String],
    title: &str,
    axes: (&str, &str),
) -> Picture {
    let (n, columns) = codes.dim();
    assert_eq!(columns, 2, "scatter: codes of {columns} dimensions, in a plane of 2");
    if let Some(labels) = labels {
        assert_eq!(labels.len(), n, "scatter: {} labels for {n} codes", labels.len());
    }
    let points: Vec<(f64, f64)> =
        codes.rows().into_iter().map(|z| (f64::from(z[0]), f64::from(z[1]))).collect();
    let keys = keys(labels.unwrap_or_default(), class_names);
    let (width, height) = field(&keys);
    let (x, y) = equal_axes(&points, f64::from(width) / f64::from(height));
    let inside = |p: (f64, f64)| (x.lo..=x.hi).contains(&p.0) && (y.lo..=y.hi).contains(&p.1);
    let finite = points.iter().filter(|p| p.0.is_finite() && p.1.is_finite()).count();
    let outside = finite - points.iter().filter(|p| inside(**p)).count();
    let note = small_print(n, n - finite, outside);

    let words = Words { title, x: axes.0, y: axes.1, note: &note };
    let crowd = (n as f64).max(1.0);
    let radius = (f64::from(FINE) * (60.0 / crowd.cbrt()).clamp(2.2, 6.0)).round() as i32;
    let alpha = (0.85 * (800.0 / crowd).powf(0.2)).clamp(0.25, 0.85);
    // Sorted data would otherwise hide its first classes under the last.
    let mut order: Vec<usize> = (0..n).filter(|&i| inside(points[i])).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
    figure(&keys, &words, (&x, &y), |chart| {
        let discs = order.into_iter().map(|i| {
            let class = labels.map_or(0, |l| usize::from(l[i]));
            Circle::new(points[i], radius, colour(hue(class)).mix(alpha).filled())
        });
        chart.draw_series(discs).map(|_| ())
    })
}

fn keys(labels: &[u8], names: &[String]) -> Vec<Key> {
    let mut occurs = [false; 256];
    labels.iter().for_each(|&label| occurs[usize::from(label)] = true);
    let name = |c: usize| names.get(c).cloned().unwrap_or_else(|| c.to_string());
    let key = |c| Key { name: name(c), colour: hue(c), mark: Mark::Dot };
    (0..256).filter(|&c| occurs[c]).map(key).collect()
}

/// Two axes with the same number of units per pixel, around the bulk of the points.
fn equal_axes(points: &[(f64, f64)], aspect: f64) -> (Axis, Axis) {
    let finite = points.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
    let (x, y) = (bulk(finite.clone().map(|p| p.0)), bulk(finite.map(|p| p.1)));
    let half = ((y.1 - y.0) / 2.0).max((x.1 - x.0) / 2.0 / aspect);
    let axis = |(lo, hi): (f64, f64), half: f64, count| {
        let middle = (lo + hi) / 2.0;
        Axis::linear(middle - half, middle + half, count, false)
    };
    (axis(x, half * aspect, 9), axis(y, half, 8))
}

/// The least and the largest value, but not far beyond the 1st and 99th percentile; with a margin.
fn bulk(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return (-1.0, 1.0) };
    let low = sorted[(0.01 * last as f64).ceil() as usize];
    let high = sorted[(0.99 * last as f64).floor() as usize];
    // For a normal distribution this reaches to 4.7 standard deviations.
    let reach = 0.5 * (high - low).max(0.0);
    // The last code within reach, not the reach itself: an outlier must not leave empty paper.
    let (lo, hi) = if low < high {
        let near = |v: &&f64| (low - reach..=high + reach).contains(*v);
        let lo = sorted.iter().find(near).expect("`low` itself is near");
        (*lo, *sorted.iter().rfind(near).expect("`high` itself is near"))
    } else {
        (sorted[0], sorted[last])
    };
    // Codes that all agree still need an axis that can tell them from others.
    let margin = (0.04 * (hi - lo)).max(0.05 * lo.abs().max(hi.abs()) * f64::from(lo == hi));
    if margin > 0.0 { (lo - margin, hi + margin) } else { (lo - 1.0, hi + 1.0) }
}

fn small_print(n: usize, not_finite: usize, outside: usize) -> String {
    let mut parts = vec![];
    if n == 0 {
        parts.push("no points".to_owned());
    }
    if outside > 0 {
        parts.push(format!("{outside} of {n} points outside"));
    }
    if not_finite > 0 {
        parts.push(format!("{not_finite} of {n} not finite"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn count(p: &Picture, near: [u8; 3]) -> usize {
        let close = |c: &[u8]| (0..3).all(|k| c[k].abs_diff(near[k]) <= 45);
        p.rgb().chunks_exact(3).filter(|c| close(c)).count()
    }

    /// The middle of all pixels of about this colour in the field.
    fn middle(p: &Picture, near: [u8; 3], right: usize) -> (f64, f64) {
        let (mut n, mut sx, mut sy) = (0.0, 0.0, 0.0);
        for y in 0..p.height() {
            for x in 150..right {
                if (0..3).all(|k| p.pixel(x, y)[k].abs_diff(near[k]) <= 45) {
                    (n, sx, sy) = (n + 1.0, sx + x as f64, sy + y as f64);
                }
            }
        }
        (sx / n, sy / n)
    }

    #[test]
    fn each_point_lies_where_its_code_says_in_the_colour_of_its_class() {
        let codes = array![[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0]];
        let names = ["a", "b", "c"].map(String::from);
        let picture = scatter(codes.view(), Some(&[0, 3, 2]), &names, "Codes", ("z₁", "z₂"));
        let [a, b, c] = [0, 3, 2].map(|i| middle(&picture, hue(i), 1050));
        assert!((a.1 - b.1).abs() < 1.0, "one height: {a:?} {b:?}");
        assert!((b.0 - c.0).abs() < 1.0, "one column: {b:?} {c:?}");
        assert!(a.0 < b.0 && c.1 < b.1);
        // Equal aspect: two units are as many pixels across as up.
        assert!(((b.0 - a.0) - (b.1 - c.1)).abs() < 1.5, "{a:?} {b:?} {c:?}");
    }

    #[test]
    fn the_legend_lists_the_classes_that_occur() {
        let keys = keys(&[3, 0, 3, 200], &["zero".into(), "one".into()]);
        let names: Vec<&str> = keys.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(names, ["zero", "3", "200"]);
        assert_eq!(keys[1].colour, hue(3));
    }

    #[test]
    fn an_outlier_does_not_squeeze_the_rest() {
        let mut codes = Array2::from_shape_fn((500, 2), |(i, k)| ((i * (7 + k)) % 101) as f32);
        codes[[17, 0]] = 1e9;
        codes[[18, 1]] = f32::NAN;
        let points: Vec<_> =
            codes.rows().into_iter().map(|z| (f64::from(z[0]), f64::from(z[1]))).collect();
        let (x, y) = equal_axes(&points, 1.0);
        // The rest lies in 0 ..= 100; the margin is 4 % on either side.
        for end in [x.lo + 4.0, x.hi - 104.0, y.lo + 4.0, y.hi - 104.0] {
            assert!(end.abs() < 1e-9, "{x:?} {y:?}");
        }
        assert!(small_print(500, 1, 1) == "1 of 500 points outside, 1 of 500 not finite");
        let picture = scatter(codes.view(), None, &[], "", ("", ""));
        assert!(count(&picture, hue(0)) > 5000);
    }

    #[test]
    fn degenerate_clouds_still_give_axes() {
        for values in [vec![], vec![0.0], vec![5.0; 300], vec![1e30, -1e30]] {
            let (lo, hi) = bulk(values.iter().copied());
            assert!(lo < hi && values.iter().all(|v| lo < *v && *v < hi), "{lo} {hi}");
        }
        let picture = scatter(Array2::zeros((0, 2)).view(), Some(&[]), &[], "", ("", ""));
        assert_eq!(count(&picture, hue(0)), 0);
    }

    #[test]
    #[should_panic(expected = "2 labels for 3 codes")]
    fn too_few_labels_are_refused() {
        scatter(Array2::zeros((3, 2)).view(), Some(&[0, 1]), &[], "", ("", ""));
    }
}
