//! At the ends of a support and beyond them: densities, distribution functions, and their gradients. Those
//! of the families that scipy has are in `distributions.csv` too.

use elbo_layers::dist::*;
use elbo_tensor::{Tensor, check};

const NONE: f64 = f64::NEG_INFINITY;

fn number(x: f64) -> Tensor<f64> {
    Tensor::scalar(x)
}

/// No mass at these points, 0 below the one and 1 below the other, and nothing there moves with a parameter.
fn assert_outside<D: Cdf<f64>>(d: &D, below: &[f64], above: &[f64]) {
    let all = below.iter().map(|x| (*x, 0.0)).chain(above.iter().map(|x| (*x, 1.0)));
    for (x, cdf) in all {
        let at = number(x);
        assert_eq!((d.log_prob(&at).item(), d.cdf(&at).item()), (NONE, cdf), "at {x}");
        let leaves = d.map(&mut |_, parameter, _| parameter.requires_grad());
        let gradients = leaves.cdf(&at).into_gradients();
        for (name, leaf) in leaves.parameters() {
            let gradient = gradients.get(&leaf).map_or(0.0, |g| g.item());
            assert_eq!(gradient, 0.0, "at {x}, by {name}");
        }
    }
}

fn assert_all_outside<F: Transform<f64>>(transform: &F, below: &[f64], above: &[f64]) {
    let normal = Normal::new(&number(0.3), &number(0.4));
    assert_outside(&Transformed::new(normal, transform.clone()), below, above);
    let gumbel = Gumbel::new(&number(0.3), &number(1.4));
    assert_outside(&Transformed::new(gumbel, transform.clone()), below, above);
    let student = StudentT::new(&number(0.7), &number(0.0), &number(1.0));
    assert_outside(&Transformed::new(student, transform.clone()), below, above);
}

#[test]
fn transforms_have_no_mass_where_they_do_not_reach() {
    const FAR: f64 = f64::INFINITY;
    assert_all_outside(&Exp, &[-FAR, -1.0, 0.0], &[FAR]);
    assert_all_outside(&Tanh, &[-FAR, -2.0, -1.0], &[1.0, 2.0, FAR]);
    let affine = Affine::new(&number(1.0), &number(2.0));
    let all = Transformed::new(Normal::new(&number(0.3), &number(0.4)), affine);
    assert_eq!(all.log_prob(&number(-FAR)).item(), NONE);
    assert_eq!((all.cdf(&number(-FAR)).item(), all.cdf(&number(FAR)).item()), (0.0, 1.0));
    // One part outside is enough.
    let base = || Independent::new(Normal::new(&Tensor::zeros([2]), &Tensor::zeros([2])));
    let y = Tensor::from([[0.5, 2.0], [0.5, -2.0], [0.0, 2.0]]);
    let log_prob: Vec<f64> = Transformed::new(base(), Exp).log_prob(&y).to_vec();
    assert!(log_prob[0].is_finite() && log_prob[1..] == [NONE; 2], "{log_prob:?}");
    let y = Tensor::from([[0.2, 0.3, 0.5], [0.7, 0.3, 0.0], [-0.2, 0.7, 0.5]]);
    let log_prob: Vec<f64> = Transformed::new(base(), SoftmaxCentered).log_prob(&y).to_vec();
    assert!(log_prob[0].is_finite() && log_prob[1..] == [NONE; 2], "{log_prob:?}");
    let twice =
        Transformed::new(Transformed::new(Normal::new(&number(0.0), &number(0.0)), Exp), Tanh);
    assert_eq!(
        (twice.log_prob(&number(-0.5)).item(), twice.cdf(&number(-0.5)).item()),
        (NONE, 0.0)
    );
}

#[test]
fn a_wide_log_normal_has_no_mass_at_0() {
    let wide = LogNormal::new(&number(0.0), &number(14.0));
    assert_eq!((wide.cdf(&number(0.0)).item(), wide.cdf(&number(-1.0)).item()), (0.0, 0.0));
    assert!(wide.cdf(&number(f64::MIN_POSITIVE)).item() > 0.2);
}

#[test]
fn densities_that_are_flat_at_an_end_have_a_slope_there() {
    // d/dx of ln p: -rate, and (b - 1) d ln(1 - x) at 0, (a - 1) d ln x at 1.
    let slope = |log_prob: &dyn Fn(&Tensor<f64>) -> Tensor<f64>, x: f64| {
        let x = number(x).requires_grad();
        log_prob(&x).backward()[&x].item()
    };
    let gamma = Gamma::new(&number(1.0), &number(2.0));
    assert_eq!(slope(&|x| gamma.log_prob(x), 0.0), -2.0);
    let (left, right) =
        (Beta::new(&number(1.0), &number(3.0)), Beta::new(&number(3.0), &number(1.0)));
    assert_eq!(slope(&|x| left.log_prob(x), 0.0), -2.0);
    assert_eq!(slope(&|x| right.log_prob(x), 1.0), 2.0);
    // Within the support a parameter of 1 is one as any other.
    let x = Tensor::from([0.0, 0.3, 0.6, 1.0]);
    let inside = x.slice(-1, 1..3);
    let a = [Tensor::ones([2]), Tensor::ones([2])];
    let log_prob = |a: &[Tensor<f64>]| Beta::new(&a[0], &a[1]).log_prob(&inside);
    check::derivatives(log_prob, &a, 4).unwrap();
    let both = Beta::new(&number(1.0), &number(1.0)).log_prob(&x);
    assert_eq!(both.to_vec(), [0.0; 4]);
}
