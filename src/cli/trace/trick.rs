//! How the cotangent of z splits, in numbers, and whether differences agree.

use elbo_tensor::Tensor;
use serde::Serialize;

use super::step::Step;

/// One latent unit: what went forward, and what comes back. A bar is ∂loss/∂.
///
/// ```text
///     z = mu + sigma eps:  m̄u = z̄,   logvar̄ = z̄ eps sigma / 2
///     KL:                  m̄u = mu,  logvar̄ = (sigma² - 1) / 2
/// ```
#[derive(Serialize)]
pub(super) struct Unit {
    pub(super) mu: f64,
    pub(super) logvar: f64,
    pub(super) eps: f64,
    pub(super) sigma: f64,
    pub(super) z: f64,
    pub(super) z_bar: f64,
    pub(super) mu_bar_through_z: f64,
    pub(super) logvar_bar_through_z: f64,
    pub(super) mu_bar_of_kl: f64,
    pub(super) logvar_bar_of_kl: f64,
    /// What the backward pass says: the sum of both.
    pub(super) mu_bar: f64,
    pub(super) logvar_bar: f64,
}

/// Cotangents of tensors of the step, by their names in its graph.
pub(super) fn cotangent(step: &Step, name: &str) -> Tensor<f64> {
    let graph = step.graph();
    let node = graph.nodes().iter().find(|node| node.name == name);
    node.and_then(|node| node.cotangent.clone()).expect("a node of the step")
}

pub(super) fn units(step: &Step) -> Vec<Unit> {
    let [mu, logvar] = &step.posterior;
    let [z_bar, mu_bar, logvar_bar] = ["z", "mu", "logvar"].map(|name| cotangent(step, name));
    let unit = |i: usize| {
        let at = |tensor: &Tensor<f64>| tensor.data()[i];
        let sigma = (at(logvar) / 2.0).exp();
        Unit {
            mu: at(mu),
            logvar: at(logvar),
            eps: at(&step.eps),
            sigma,
            z: at(&step.end.z),
            z_bar: at(&z_bar),
            mu_bar_through_z: at(&z_bar),
            logvar_bar_through_z: at(&z_bar) * at(&step.eps) * sigma / 2.0,
            mu_bar_of_kl: at(mu),
            logvar_bar_of_kl: (sigma * sigma - 1.0) / 2.0,
            mu_bar: at(&mu_bar),
            logvar_bar: at(&logvar_bar),
        }
    };
    (0..mu.count()).map(unit).collect()
}

/// A cotangent beside a central difference of the loss at the same noise.
#[derive(Serialize)]
pub(super) struct Check {
    /// Such as `mu[0]`.
    pub(super) of: String,
    pub(super) cotangent: f64,
    pub(super) difference: f64,
}

/// The step of differences: their error is of order h², and rounding adds about 10⁻¹⁶ / h.
pub(super) const H: f64 = 1e-5;

/// (loss(θ + h) - loss(θ - h)) / 2h for the first number of mu and of logvar.
pub(super) fn checks(step: &Step) -> Vec<Check> {
    let check = |(which, name): (usize, &str)| {
        let moved = |h: f64| {
            let mut posterior = [0, 1].map(|i| step.posterior[i].detach());
            posterior[which].data_mut()[0] += h;
            step.loss_from(&posterior)
        };
        Check {
            of: format!("{name}[0]"),
            cotangent: cotangent(step, name).data()[0],
            difference: (moved(H) - moved(-H)) / (2.0 * H),
        }
    };
    [(0, "mu"), (1, "logvar")].map(check).into()
}

#[cfg(test)]
mod tests {
    use super::super::step::Sizes;
    use super::*;

    fn close(what: &str, found: f64, truth: f64) {
        assert!((found - truth).abs() < 1e-12 * truth.abs().max(1.0), "{what}: {found} {truth}");
    }

    #[test]
    fn the_parts_of_each_cotangent_sum_to_what_the_graph_says() {
        for seed in 1..20 {
            let step = Step::new(Sizes { inputs: 5, hidden: 3, latent: 4, seed });
            let units = units(&step);
            assert_eq!(units.len(), 4);
            for unit in units {
                close("z", unit.z, unit.mu + unit.sigma * unit.eps);
                close("mu", unit.mu_bar, unit.mu_bar_through_z + unit.mu_bar_of_kl);
                close("logvar", unit.logvar_bar, unit.logvar_bar_through_z + unit.logvar_bar_of_kl);
            }
        }
    }

    #[test]
    fn differences_at_the_same_noise_agree() {
        for seed in 1..20 {
            let step = Step::new(Sizes { inputs: 4, hidden: 3, latent: 2, seed });
            for check in checks(&step) {
                let error = (check.cotangent - check.difference).abs();
                assert!(error < 1e-8, "{}: {} {}", check.of, check.cotangent, check.difference);
            }
        }
    }
}
