//! Numbers on the command line: what is allowed, in the message that refuses the rest.

/// Sizes beyond which squares of squares would lose their digits.
const LARGEST: f64 = 1e6;

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "it must be a number".into())
}

/// A number of any sign.
pub(super) fn finite(text: &str) -> Result<f64, String> {
    let x = number(text)?;
    if x.abs() <= LARGEST { Ok(x) } else { Err(format!("it must be from -{LARGEST} to {LARGEST}")) }
}

/// A number above 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let x = number(text)?;
    match (1.0 / LARGEST..=LARGEST).contains(&x) {
        true => Ok(x),
        false => Err(format!("it must be positive, from {} to {LARGEST}", 1.0 / LARGEST)),
    }
}

/// The logit of a probability that is neither 0 nor 1 in double precision.
pub(super) fn logit(text: &str) -> Result<f64, String> {
    const MOST: f64 = 30.0;
    let x = number(text)?;
    if x.abs() <= MOST { Ok(x) } else { Err(format!("it must be from -{MOST} to {MOST}")) }
}
