//! [`Schedule`]

use serde::{Deserialize, Serialize};

/// The learning rate over time, as a factor on the first one. Time counts epochs, with fractions.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// 1
    #[default]
    Constant,
    /// γ^t
    Exponential {
        /// γ
        gamma: f64,
    },
    /// γ^(number of milestones that have passed)
    MultiStep {
        /// Epochs.
        milestones: Vec<f64>,
        /// γ
        gamma: f64,
    },
    /// f + (1 - f) ½ (1 + cos(π t / T)) until T, then f (Loshchilov & Hutter 2017).
    Cosine {
        /// T
        epochs: f64,
        /// f
        floor: f64,
    },
    /// t / T until T, then 1.
    Warmup {
        /// T
        epochs: f64,
    },
}

impl Schedule {
    /// The factor at a time.
    pub fn factor(&self, t: f64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Exponential { gamma } => gamma.powf(t),
            Schedule::MultiStep { milestones, gamma } => {
                gamma.powi(milestones.iter().filter(|&&milestone| milestone <= t).count() as i32)
            }
            Schedule::Cosine { epochs, floor } => {
                let part = (t / epochs).clamp(0.0, 1.0);
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
            Schedule::Warmup { epochs } => (t / epochs).clamp(0.0, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_by_hand() {
        let near = |schedule: Schedule, t: f64, factor: f64| {
            assert!((schedule.factor(t) - factor).abs() < 1e-12, "{schedule:?} at {t}");
        };
        near(Schedule::Constant, 7.0, 1.0);
        near(Schedule::Exponential { gamma: 0.5 }, 3.0, 0.125);
        let steps = Schedule::MultiStep { milestones: vec![2.0, 5.0], gamma: 0.1 };
        near(steps.clone(), 1.99, 1.0);
        near(steps.clone(), 2.0, 0.1);
        near(steps, 9.0, 0.01);
        let cosine = Schedule::Cosine { epochs: 10.0, floor: 0.2 };
        near(cosine.clone(), 0.0, 1.0);
        near(cosine.clone(), 5.0, 0.6);
        near(cosine, 20.0, 0.2);
        near(Schedule::Warmup { epochs: 4.0 }, 1.0, 0.25);
    }
}
