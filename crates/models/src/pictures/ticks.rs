//! From numbers to places on an axis, and the round numbers to write beside it.

/// One axis: its two ends, in the units of the data, and how it goes from one to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) lo: f64,
    pub(super) hi: f64,
    pub(super) scale: Scale,
}

/// How an axis counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Linear,
    /// Linear, with ticks on whole numbers only.
    Whole,
    /// Logarithmic; both ends are above zero.
    Log,
}

/// The ticks of an axis, and the power of ten that all their labels leave out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ticks {
    pub(super) marks: Vec<(f64, String)>,
    pub(super) power: i32,
}

impl Axis {
    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(super) fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Log => (value / self.lo).ln() / (self.hi / self.lo).ln(),
            _ => (value - self.lo) / (self.hi - self.lo),
        }
    }

    /// About `count` round numbers between the two ends.
    pub(super) fn ticks(&self, count: usize) -> Ticks {
        let decades = (self.hi / self.lo).log10();
        match self.scale {
            // Within one decade, powers of ten would leave the axis bare.
            Scale::Log if decades >= 1.3 => self.powers(decades, count),
            Scale::Whole => self.multiples(self.step(count).max(1.0)),
            _ => self.multiples(self.step(count)),
        }
    }

    /// 1, 2 or 5 times a power of ten.
    fn step(&self, count: usize) -> f64 {
        let rough = (self.hi - self.lo) / count as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
        let misfit = |step: f64| (step / rough).ln().abs();
        round.into_iter().min_by(|a, b| misfit(*a).total_cmp(&misfit(*b))).expect("four of them")
    }

    fn multiples(&self, step: f64) -> Ticks {
        let slack = 1e-6;
        let (first, last) = ((self.lo / step - slack).ceil(), (self.hi / step + slack).floor());
        let count = (last - first) as usize;
        let values: Vec<f64> = (0..=count).map(|i| (first + i as f64) * step).collect();
        let largest = self.lo.abs().max(self.hi.abs()).log10().floor() as i32;
        let power = if (-3..6).contains(&largest) { 0 } else { largest };
        let unit = 10_f64.powi(power);
        let finest = step.log10().floor() as i32;
        let decimals = (power - finest).clamp(0, 12) as usize;
        let label = |v: f64| minus(&format!("{:.decimals$}", v / unit));
        Ticks { marks: values.into_iter().map(|v| (v, label(v))).collect(), power }
    }

    fn powers(&self, decades: f64, count: usize) -> Ticks {
        let every = (decades / count as f64).ceil() as i32;
        let (first, last) = (self.lo.log10().ceil() as i32, self.hi.log10().floor() as i32);
        let mantissas: &[i32] = if decades < 3.0 { &[1, 2, 5] } else { &[1] };
        let mut found = Vec::new();
        for power in (first - 1..=last).filter(|p| p.rem_euclid(every) == 0) {
            for &mantissa in mantissas {
                // One rounding, by the parser: 3 × 10⁻¹ as a product is not the literal 0.3.
                let value: f64 = format!("{mantissa}e{power}").parse().expect("a decimal number");
                if (self.lo..=self.hi).contains(&value) {
                    found.push((value, mantissa, power));
                }
            }
        }
        // All labels in one notation: 1000 above 10⁶ takes a second look.
        let short = found.iter().all(|&(_, _, power)| (-3..=4).contains(&power));
        let label = if short { plain } else { raised };
        let marks = found.into_iter().map(|(value, m, power)| (value, label(m, power))).collect();
        Ticks { marks, power: 0 }
    }
}

/// A multiple of a power of ten, written out.
fn plain(mantissa: i32, power: i32) -> String {
    match usize::try_from(power) {
        Ok(zeros) => format!("{mantissa}{}", "0".repeat(zeros)),
        Err(_) => format!("0.{}{mantissa}", "0".repeat((-power - 1) as usize)),
    }
}

/// A multiple of a power of ten, with its exponent.
fn raised(mantissa: i32, power: i32) -> String {
    match mantissa {
        1 => format!("10{}", superscript(power)),
        _ => format!("{mantissa}·10{}", superscript(power)),
    }
}

/// A whole number in small raised figures.
pub(super) fn superscript(number: i32) -> String {
    let raise = |c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32(u32::from(digit) - u32::from('0') + u32::from('⁰')).unwrap_or('?'),
    };
    number.to_string().chars().map(raise).collect()
}

/// A number with the sign that typographers use, and no sign on a zero.
pub(super) fn minus(number: &str) -> String {
    match number.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(lo: f64, hi: f64, scale: Scale) -> Vec<String> {
        Axis { lo, hi, scale }.ticks(6).marks.into_iter().map(|m| m.1).collect()
    }

    #[test]
    fn ticks_are_round_and_say_no_more_than_they_must() {
        assert_eq!(labels(0.0, 1.0, Scale::Linear), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-2.3, 2.1, Scale::Linear), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(labels(90.0, 153.0, Scale::Linear).join(" "), "90 100 110 120 130 140 150");
        assert_eq!(labels(0.0, 2.0, Scale::Whole), ["0", "1", "2"]);
        assert_eq!(labels(1.0, 30.0, Scale::Whole).join(" "), "5 10 15 20 25 30");
    }

    #[test]
    fn a_common_power_is_taken_out_of_large_and_small_numbers() {
        let ticks = Axis { lo: 0.0, hi: 3.1e7, scale: Scale::Linear }.ticks(6);
        assert_eq!(ticks.power, 7);
        assert_eq!(ticks.marks[1], (5e6, "0.5".into()));
        assert_eq!(Axis { lo: 0.0, hi: 2e-5, scale: Scale::Linear }.ticks(6).power, -5);
        assert_eq!(Axis { lo: 0.0, hi: 0.01, scale: Scale::Linear }.ticks(6).power, 0);
    }

    #[test]
    fn a_logarithmic_axis_counts_in_powers_of_ten() {
        assert_eq!(labels(0.5, 2e5, Scale::Log), ["10⁰", "10¹", "10²", "10³", "10⁴", "10⁵"]);
        assert_eq!(labels(1e-12, 1e12, Scale::Log).join(" "), "10⁻¹² 10⁻⁸ 10⁻⁴ 10⁰ 10⁴ 10⁸ 10¹²");
        assert_eq!(labels(0.5, 2e4, Scale::Log), ["1", "10", "100", "1000", "10000"]);
        assert_eq!(labels(0.015, 0.6, Scale::Log), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(labels(90.0, 160.0, Scale::Log).join(" "), "90 100 110 120 130 140 150 160");
    }

    #[test]
    fn places_run_from_zero_to_one() {
        let linear = Axis { lo: -1.0, hi: 3.0, scale: Scale::Linear };
        assert_eq!([-1.0, 0.0, 3.0].map(|v| linear.place(v)), [0.0, 0.25, 1.0]);
        let log = Axis { lo: 1.0, hi: 100.0, scale: Scale::Log };
        assert!((log.place(10.0) - 0.5).abs() < 1e-15);
    }
}
