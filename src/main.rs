//! The command `elbo`.
fn main() {}
