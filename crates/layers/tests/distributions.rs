//! Densities, distribution functions, entropies, moments and divergences against scipy and
//! torch.distributions; `distributions.py` beside this file made the figures.

use elbo_layers::dist::*;
use elbo_tensor::{Stream, Tensor};

fn number(x: f64) -> Tensor<f64> {
    Tensor::scalar(x)
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|x| x.parse().unwrap()).collect()
}

fn normal(p: &[f64]) -> Normal<f64> {
    Normal::from_sigma(&number(p[0]), &number(p[1]))
}

fn log_normal(p: &[f64]) -> LogNormal<f64> {
    LogNormal::from_sigma(&number(p[0]), &number(p[1]))
}

/// ln p(x), P(X ≤ x), entropy, mean and variance.
type Figures = [f64; 5];

fn all<D: Cdf<f64> + Entropy<f64> + Moments<f64>>(d: &D, x: f64) -> Figures {
    let x = number(x);
    [d.log_prob(&x), d.cdf(&x), d.entropy(), d.mean(), d.variance()].map(|figure| figure.item())
}

fn figures(family: &str, p: &[f64], x: f64) -> Figures {
    let one = |i: usize| number(p[i]);
    match family {
        "Normal" => all(&normal(p), x),
        "LogNormal" => all(&log_normal(p), x),
        "Laplace" => all(&Laplace::new(&one(0), &one(1)), x),
        "Logistic" => all(&Logistic::new(&one(0), &one(1)), x),
        "Gumbel" => all(&Gumbel::new(&one(0), &one(1)), x),
        "Uniform" => all(&Uniform::new(&one(0), &one(1)), x),
        "Exponential" => all(&Exponential::new(&one(0)), x),
        "Gamma" => all(&Gamma::new(&one(0), &one(1)), x),
        "Beta" => all(&Beta::new(&one(0), &one(1)), x),
        "StudentT" => all(&StudentT::new(&one(0), &one(1), &one(2)), x),
        "VonMises" => all(&VonMises::new(&one(0), &one(1)), x),
        "Bernoulli" => all(&Bernoulli::from_probs(&one(0)), x),
        "Geometric" => all(&Geometric::from_probs(&one(0)), x),
        "Binomial" => all(&Binomial::from_probs(&one(0), &one(1)), x),
        "Poisson" => all(&Poisson::new(&one(0)), x),
        _ => panic!("distributions.csv: {family}"),
    }
}

fn is_close(got: f64, truth: f64) -> bool {
    if truth.is_infinite() {
        got == truth
    } else {
        (got - truth).abs() <= 1e-11 * truth.abs().max(0.01)
    }
}

#[test]
fn figures_are_those_of_scipy() {
    for line in include_str!("distributions.csv").lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let (family, parameters, x) = (fields[0], numbers(fields[1]), numbers(fields[2])[0]);
        let got = figures(family, &parameters, x);
        for ((got, truth), what) in got
            .into_iter()
            .zip(&fields[3..])
            .zip(["log_prob", "cdf", "entropy", "mean", "variance"])
        {
            let truth = numbers(truth)[0];
            // The mean of Student's variable with df ≤ 1 does not exist, for scipy it is infinite.
            let none =
                family == "StudentT" && (truth.is_nan() || parameters[0] <= 1.0) && got.is_nan();
            assert!(none || is_close(got, truth), "{what} of {line}: {got}");
        }
    }
}

fn divergence(q: &str, a: &[f64], p: &str, b: &[f64]) -> f64 {
    let one = |x: f64| number(x);
    macro_rules! family {
        (Normal $p:ident) => {
            normal($p)
        };
        (LogNormal $p:ident) => {
            log_normal($p)
        };
        (Exponential $p:ident) => {
            Exponential::new(&one($p[0]))
        };
        (Poisson $p:ident) => {
            Poisson::new(&one($p[0]))
        };
        (Bernoulli $p:ident) => {
            Bernoulli::from_probs(&one($p[0]))
        };
        (Geometric $p:ident) => {
            Geometric::from_probs(&one($p[0]))
        };
        (Binomial $p:ident) => {
            Binomial::from_probs(&one($p[0]), &one($p[1]))
        };
        ($two:ident $p:ident) => {
            $two::new(&one($p[0]), &one($p[1]))
        };
    }
    macro_rules! pairs {
        ($($q:ident: $($p:ident)*;)*) => {
            match (q, p) {
                $($((stringify!($q), stringify!($p)) => {
                    kl(&family!($q a), &family!($p b)).item()
                })*)*
                _ => panic!("no divergence of {q} from {p}"),
            }
        };
    }
    pairs! {
        Normal: Normal Laplace Gumbel Beta Exponential Gamma Uniform;
        LogNormal: LogNormal;
        Laplace: Laplace Normal Beta Exponential Gamma Uniform;
        Gumbel: Gumbel Normal Beta Exponential Gamma Uniform;
        Uniform: Uniform Beta Exponential Gamma Gumbel Normal;
        Exponential: Exponential Beta Gamma Gumbel Normal Uniform;
        Gamma: Gamma Beta Exponential Gumbel Normal Uniform;
        Beta: Beta Exponential Gamma Normal Uniform;
        Bernoulli: Bernoulli Poisson;
        Geometric: Geometric;
        Binomial: Binomial;
        Poisson: Poisson Bernoulli Binomial;
    }
}

#[test]
fn divergences_are_those_of_torch() {
    for line in include_str!("divergences.csv").lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let (a, b, truth) = (numbers(fields[1]), numbers(fields[3]), numbers(fields[4])[0]);
        let got = divergence(fields[0], &a, fields[2], &b);
        assert!(is_close(got, truth), "{line}: {got}");
    }
}

#[test]
fn vectors_and_transforms_are_those_of_torch() {
    let q = MultivariateNormal::new(
        &Tensor::from([0.3, -1.0, 0.5]),
        &Tensor::from([[1.2, 0.0, 0.0], [0.4, 0.7, 0.0], [-0.3, 0.2, 1.5]]),
    );
    let p = MultivariateNormal::new(
        &Tensor::from([0.0, 0.5, 0.2]),
        &Tensor::from([[0.9, 0.0, 0.0], [-0.2, 1.1, 0.0], [0.5, 0.1, 0.8]]),
    );
    assert!(is_close(q.log_prob(&Tensor::from([0.1, 0.2, -0.4])).item(), -5.021469774596048));
    assert!(is_close(q.entropy().item(), 4.487927320577405));
    assert!(is_close(kl(&q, &p).item(), 2.8663016003170196));
    assert!(q.variance().data().iter().zip([1.44, 0.65, 2.38]).all(|(v, t)| is_close(*v, t)));

    let q = Dirichlet::new(&Tensor::from([0.4, 2.0, 3.5]));
    let p = Dirichlet::new(&Tensor::from([1.5, 1.0, 0.8]));
    assert!(is_close(q.log_prob(&Tensor::from([0.2, 0.3, 0.5])).item(), 0.6489626771797246));
    assert!(is_close(q.entropy().item(), -2.4429710137746277));
    assert!(is_close(kl(&q, &p).item(), 3.4948193048384804));
    let truth = [0.009159453596959062, 0.03247442638921849, 0.03497245918838915];
    assert!(q.variance().data().iter().zip(truth).all(|(v, t)| is_close(*v, t)));

    let (logits, other) = (Tensor::from([0.3, -1.0, 0.5]), Tensor::from([0.0, 0.5, 0.2]));
    let q = Categorical::new(&logits);
    assert!(is_close(q.log_prob(&number(1.0)).item(), -2.213861604409167));
    assert!(is_close(q.entropy().item(), 0.9579729381486611));
    assert!(is_close(kl(&q, &Categorical::new(&other)).item(), 0.24272483013049453));
    let hot = OneHotCategorical::new(&logits);
    assert!(is_close(hot.log_prob(&Tensor::from([0.0, 1.0, 0.0])).item(), -2.213861604409167));
    assert!(is_close(kl(&hot, &OneHotCategorical::new(&other)).item(), 0.24272483013049453));
    assert_eq!(q.log_prob(&number(3.0)).item(), f64::NEG_INFINITY);

    let q = RelaxedCategorical::new(&number(0.7), &logits);
    let y = Tensor::from([0.2, 0.3, 0.5]);
    assert!(is_close(q.log_prob(&y).item(), -0.38170812972420176));
    let q = RelaxedBernoulli::new(&number(0.7), &number(0.3));
    assert!(is_close(q.log_prob(&number(0.2)).item(), -0.28934064412009053));

    let components = Normal::from_sigma(&Tensor::from([-1.0, 2.0]), &Tensor::from([0.5, 1.5]));
    let q = Mixture::new(&Tensor::from([0.3, -1.0]), &components);
    assert!(is_close(q.log_prob(&number(0.2)).item(), -2.765858612195502));
    assert!(is_close(q.cdf(&number(0.2)).item(), 0.8040369704125822));
    assert!(is_close(q.mean().item(), -0.35750494912767583));
    assert!(is_close(q.variance().item(), 2.1930152961364247));

    let base = Normal::from_sigma(&Tensor::from([0.3, -0.2]), &Tensor::from([0.5, 1.5]));
    let q = Transformed::new(base.clone(), Tanh);
    let log_prob = q.log_prob(&Tensor::from([0.2, -0.6]));
    assert!(is_close(log_prob.data()[0], -0.20389127020615616));
    assert!(is_close(log_prob.data()[1], -0.9321596812831339));
    let q = Transformed::new(Transformed::new(base, Affine::new(&number(1.0), &number(2.0))), Exp);
    let log_prob = q.log_prob(&Tensor::from([0.2, 3.0]));
    assert!(is_close(log_prob.data()[0], -4.4597464776552505));
    assert!(is_close(log_prob.data()[1], -3.129975011341495));
}

#[test]
fn divergences_of_events_and_transforms_are_those_of_torch() {
    let base = Normal::from_sigma(&Tensor::from([0.3, -0.2]), &Tensor::from([0.5, 1.5]));
    let other = Normal::from_sigma(&Tensor::from([-0.4, 0.6]), &Tensor::from([0.9, 0.8]));
    let laplace = Laplace::new(&Tensor::from([0.1, 0.2]), &Tensor::from([0.7, 1.1]));
    let affine = || Affine::new(&number(1.0), &number(2.0));
    let assert_all = |kl: Tensor<f64>, truth: &[f64]| {
        assert_eq!(kl.count(), truth.len());
        assert!(kl.data().iter().zip(truth).all(|(kl, t)| is_close(*kl, *t)), "{kl:?}");
    };
    let (q, p) = (Independent::new(base.clone()), Independent::new(other.clone()));
    assert_all(kl(&q, &p), &[1.673780628936535]);
    assert_all(
        kl(&Transformed::new(q, affine()), &Transformed::new(p, affine())),
        &[1.673780628936535],
    );
    macro_rules! assert_pairs {
        ($($make:expr),*) => {
            $(
                let (q, p) = ($make(base.clone()), $make(other.clone()));
                assert_all(kl(&q, &p), &[0.544576788358909, 1.129203840577626]);
                let l = $make(laplace.clone());
                assert_all(kl(&l, &q), &[0.9293191160235144, 0.10927961428190014]);
            )*
        };
    }
    assert_pairs!(
        |base| Transformed::new(base, Exp),
        |base| Transformed::new(base, Tanh),
        |base| Transformed::new(base, affine()),
        |base| Transformed::new(Transformed::new(base, affine()), Exp),
        |base| Transformed::new(Transformed::new(base, Tanh), affine())
    );
}

#[test]
fn affine_transforms_that_may_differ_have_no_divergence() {
    let base = || Normal::new(&number(0.3), &number(0.4));
    let leaf = |x: f64| number(x).requires_grad();
    let is_refused = |q: Affine<f64>, p: Affine<f64>| {
        let (q, p) = (Transformed::new(base(), q), Transformed::new(base(), p));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| kl(&q, &p))).is_err()
    };
    assert!(is_refused(
        Affine::new(&number(1.0), &number(2.0)),
        Affine::new(&number(1.0), &number(2.1))
    ));
    assert!(is_refused(
        Affine::new(&number(1.0), &number(2.0)),
        Affine::new(&number(1.1), &number(2.0))
    ));
    // Equal by chance: the divergence does move with one of the two.
    assert!(is_refused(Affine::new(&leaf(1.0), &leaf(2.0)), Affine::new(&leaf(1.0), &leaf(2.0))));
    let shared = Affine::new(&leaf(1.0), &leaf(2.0));
    let fixed = shared.map(&mut |_, parameter, _| parameter.detach());
    assert!(is_refused(shared.clone(), fixed));
    assert!(!is_refused(shared.clone(), shared));
}

#[test]
fn no_distribution_diverges_from_itself() {
    let parameters = [Tensor::from([0.3f64, 1.0, 2.7]), Tensor::from([0.5, 1.3, 4.0])];
    let [a, b] = &parameters;
    macro_rules! assert_none {
        ($($d:expr),* $(,)?) => {
            $(
                let d = $d;
                let itself: Tensor<f64> = kl(&d, &d);
                for kl in itself.data() {
                    assert!(kl.abs() < 1e-14, "{}: {kl}", stringify!($d));
                }
            )*
        };
    }
    assert_none!(
        Normal::new(a, b),
        LogNormal::new(a, b),
        Laplace::new(a, b),
        Gumbel::new(a, b),
        Uniform::new(&-a, b),
        Exponential::new(a),
        Gamma::new(a, b),
        Beta::new(a, b),
        Dirichlet::new(a),
        VonMises::new(a, b),
        Bernoulli::new(a),
        Binomial::new(&number(7.0), a),
        Geometric::new(a),
        Poisson::new(a),
        Categorical::new(a),
        OneHotCategorical::new(a),
        Independent::new(Normal::new(a, b)),
        Transformed::new(Normal::new(a, b), Tanh),
        MultivariateNormal::from_covariance(
            &Tensor::from([1.0, 2.0]),
            &Tensor::from([[2.0, 0.5], [0.5, 1.0]])
        ),
    );
}

#[test]
fn the_entropy_of_counts_is_that_of_its_expansion() {
    // ½ ln 2πe rate - 1 / 12 rate - 1 / 24 rate² - 19 / 360 rate³ (Evans & Boersma 1988), where the
    // next term is too small to tell; its derivative; and both for a small rate beside them.
    let rate = Tensor::from([2000.0f64, 0.4, 30_000.0]).requires_grad();
    let entropy = Poisson::new(&rate).entropy();
    let gradients = entropy.sum().into_gradients();
    for i in [0, 2] {
        let x = rate.data()[i];
        let log = 0.5 * (std::f64::consts::TAU * std::f64::consts::E * x).ln();
        let truth = log - 1.0 / (12.0 * x) - 1.0 / (24.0 * x * x) - 19.0 / (360.0 * x.powi(3));
        let slope = 0.5 / x + 1.0 / (12.0 * x * x) + 1.0 / (12.0 * x.powi(3));
        let (got, got_slope) = (entropy.data()[i], gradients[&rate].data()[i]);
        assert!((got - truth).abs() < 1e-9 * truth, "{x}: {got} {truth}");
        assert!((got_slope - slope).abs() < 1e-7 * slope, "{x}: {got_slope} {slope}");
    }
    assert!(is_close(entropy.data()[1], 0.819071203753557));
    let h = 1e-4;
    let [low, high] = [-h, h].map(|h| Poisson::new(&number(0.4 + h)).entropy().item());
    assert!((gradients[&rate].data()[1] - (high - low) / (2.0 * h)).abs() < 1e-7);
}

#[test]
fn transforms_of_events_are_events_of_transforms() {
    let base = Normal::new(&Tensor::from([[0.3, -1.0, 0.5], [1.0, 0.2, 0.7]]), &number(0.4));
    let affine = || Affine::new(&number(0.5), &number(2.5));
    let whole = Transformed::new(Independent::new(base.clone()), affine());
    let parts = Independent::new(Transformed::new(base.clone(), affine()));
    assert_eq!(&**whole.entropy().shape(), [2]);
    let assert_equal = |a: Tensor<f64>, b: Tensor<f64>| {
        assert_eq!(a.shape(), b.shape());
        assert!(a.data().iter().zip(b.data()).all(|(a, b)| is_close(*a, *b)), "{a:?} {b:?}");
    };
    assert_equal(whole.entropy(), parts.entropy());
    assert_equal(whole.mean(), parts.mean());
    assert_equal(whole.variance(), parts.variance());
    let logs = Independent::new(LogNormal::new(base.mu(), base.logvar()));
    assert_equal(Transformed::new(Independent::new(base), Exp).entropy(), logs.entropy());
}

#[test]
fn an_estimated_divergence_is_within_its_error() {
    let batch = Tensor::from([0.0, 0.7]);
    let (q, p) = (Normal::new(&batch, &number(0.0)), Laplace::new(&number(0.5), &number(1.5)));
    let (truth, estimate) = (kl(&q, &p), kl_monte_carlo(&q, &p, 100_000, &mut Stream::new(3)));
    assert_eq!(estimate.draws, 100_000);
    for i in 0..2 {
        let (error, sigma) =
            (estimate.value.data()[i] - truth.data()[i], estimate.standard_error.data()[i]);
        assert!(error.abs() < 5.0 * sigma && sigma < 0.003, "{error} {sigma}");
    }
    let itself = kl_monte_carlo(&q, &q, 2, &mut Stream::new(3));
    assert_eq!(itself.value.to_vec(), [0.0, 0.0]);
    assert_eq!(itself.standard_error.to_vec(), [0.0, 0.0]);
}

#[test]
fn an_estimated_divergence_that_is_infinite_or_below_0_has_no_error() {
    // Half of the draws are where p has no mass; the other element of the batch has all.
    let q = Uniform::new(&number(0.0), &Tensor::from([1.0, 1.0]));
    let p = Uniform::new(&Tensor::from([0.5, -1.0]), &number(1.0));
    let estimate = kl_monte_carlo(&q, &p, 100, &mut Stream::new(3));
    assert_eq!(estimate.value.data()[0], f64::INFINITY);
    assert_eq!(estimate.standard_error.data()[0], f64::INFINITY);
    assert!((estimate.value.data()[1] - std::f64::consts::LN_2).abs() < 1e-14);
    assert!(estimate.standard_error.data()[1] < 1e-15);
    let line = Normal::new(&number(0.0), &number(0.0));
    let half = Exponential::new(&number(1.0));
    let estimate = kl_monte_carlo(&line, &half, 100, &mut Stream::new(3));
    assert_eq!(estimate.value.item(), f64::INFINITY);
    assert_eq!(estimate.standard_error.item(), f64::INFINITY);
    // No draw of ten falls below 0.001, and all say ln 0.999.
    macro_rules! assert_below_0 {
        ($number:expr) => {
            let q = Uniform::new(&$number(0.0), &$number(1.0));
            let p = Uniform::new(&$number(0.001), &$number(1.0));
            let estimate = kl_monte_carlo(&q, &p, 10, &mut Stream::new(3));
            assert!((estimate.value.item() - $number(0.999).ln().item()).abs() < 1e-6);
            assert!(estimate.standard_error.item().is_infinite());
        };
    }
    assert_below_0!(Tensor::<f64>::scalar);
    assert_below_0!(Tensor::<f32>::scalar);
    // Rounding of a divergence of 0 is no sign of anything.
    let flat = Beta::new(&number(1.0), &number(1.0));
    let unit = Uniform::new(&number(0.0), &number(1.0));
    assert!(kl_monte_carlo(&unit, &flat, 10, &mut Stream::new(3)).standard_error.item() < 1e-15);
    let noisy = (Normal::new(&number(0.0), &number(0.0)), Normal::new(&number(0.01), &number(0.0)));
    for seed in 0..100 {
        let estimate = kl_monte_carlo(&noisy.0, &noisy.1, 100, &mut Stream::new(seed));
        assert!(estimate.standard_error.item() < 0.002);
    }
}

#[test]
fn shapes_of_batches_and_events() {
    let gamma = Gamma::new(&Tensor::ones([4, 1]), &Tensor::from([1.0, 2.0, 3.0]));
    assert_eq!(&*gamma.batch_shape(), [4, 3]);
    let dirichlet = Dirichlet::new(&Tensor::<f64>::ones([4, 3]));
    assert_eq!((&*dirichlet.batch_shape(), &*dirichlet.event_shape()), (&[4][..], &[3][..]));
    let many = dirichlet.expand([7, 4]);
    let x = many.sample(&mut Stream::new(1)).constant();
    assert_eq!((&**x.shape(), &**many.log_prob(&x).shape()), (&[7, 4, 3][..], &[7, 4][..]));
}

#[test]
fn a_mixture_of_vectors_has_the_shapes_of_its_components() {
    let components = Dirichlet::new(&Tensor::from([[1.0f64, 2.0, 3.0], [4.0, 1.0, 0.5]]));
    let mixture = Mixture::new(&Tensor::from([0.2, -0.4]), &components).expand([5]);
    let x = mixture.sample(&mut Stream::new(1)).constant();
    assert_eq!((&**x.shape(), &*mixture.batch_shape()), (&[5, 3][..], &[5][..]));
    let by_hand = (0..2).map(|i| {
        let component = Dirichlet::new(&components.concentration().slice(0, i..i + 1));
        let weight = Tensor::from([0.2, -0.4]).softmax(-1).data()[i];
        component.log_prob(&x).exp() * weight
    });
    let by_hand = by_hand.reduce(|a, b| a + b).unwrap().ln();
    for (a, b) in mixture.log_prob(&x).data().iter().zip(by_hand.data()) {
        assert!((a - b).abs() < 1e-12);
    }
    assert_eq!(&**mixture.mean().shape(), [5, 3]);
}

#[test]
fn wrong_parameters_are_named() {
    let message = |make: fn()| {
        let panic = std::panic::catch_unwind(make).unwrap_err();
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    assert_eq!(
        message(|| drop(Normal::from_sigma(&number(0.0), &number(-1.0)))),
        "Normal: sigma -1 must be positive"
    );
    assert_eq!(
        message(|| drop(Normal::from_sigma(&number(f64::NAN), &number(1.0)))),
        "Normal: mu NaN must be finite"
    );
    for make in [
        || drop(Categorical::from_probs(&Tensor::from([[0.5, 0.5], [0.0, 0.0]]))),
        || drop(Categorical::from_probs(&Tensor::from([-0.0, 0.0]))),
    ] {
        assert_eq!(
            message(make),
            "Categorical: probs of all 2 classes are 0; one must be positive"
        );
    }
    assert_eq!(
        message(|| drop(Gamma::new(&number(0.0), &number(1.0)))),
        "Gamma: concentration 0 must be positive"
    );
    assert_eq!(
        message(|| drop(Bernoulli::from_probs(&number(1.5)))),
        "Bernoulli: probs 1.5 must be in [0, 1]"
    );
    assert_eq!(
        message(|| drop(Uniform::new(&number(2.0), &number(1.0)))),
        "Uniform: low 2 must be below high 1"
    );
    assert_eq!(
        message(|| drop(Laplace::new(&Tensor::<f64>::zeros([2]), &Tensor::ones([3])))),
        "Laplace: shapes do not broadcast: loc [2], scale [3]"
    );
    assert_eq!(
        message(|| drop(Binomial::new(&number(2.5), &number(0.0)))),
        "Binomial: total_count 2.5 must be a whole number from 0"
    );
    assert_eq!(
        message(|| drop(kl_monte_carlo(
            &Exponential::new(&number(1.0)),
            &Exponential::new(&number(1.0)),
            1,
            &mut Stream::new(1)
        ))),
        "kl_monte_carlo: 1 draws have no standard error; 2 or more do"
    );
}
