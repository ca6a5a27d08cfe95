//! Gauss–Legendre quadrature on [0, 1]: exact for polynomials up to degree `2 N − 1` (Abramowitz and Stegun 25.4.30).

use std::f64::consts::PI;

/// Where a polynomial is looked at, and what each look weighs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quadrature<const N: usize> {
    pub(super) points: [f64; N],
    pub(super) weights: [f64; N],
}

impl<const N: usize> Quadrature<N> {
    /// The points are the roots of the Legendre polynomial of degree `N`, found by Newton's method.
    pub(super) fn new() -> Self {
        let mut rule = Self {
            points: [0.0; N],
            weights: [0.0; N],
        };
        for (n, (point, weight)) in rule.points.iter_mut().zip(&mut rule.weights).enumerate() {
            let mut x = (PI * (n as f64 + 0.75) / (N as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..20 {
                let value;
                (value, slope) = legendre(N, x);
                x -= value / slope;
            }
            *point = f64::midpoint(1.0, x);
            *weight = 1.0 / ((1.0 - x * x) * slope * slope);
        }
        rule
    }
}

/// The Legendre polynomial of `degree` at `x`, and its derivative (Bonnet's recursion).
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for n in 1..degree {
        let n = n as f64;
        (before, value) = (
            value,
            ((2.0 * n + 1.0) * x * value - n * before) / (n + 1.0),
        );
    }
    let degree = degree as f64;
    (value, degree * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        let rule = Quadrature::<8>::new();
        for degree in 0..16 {
            let looks = rule.points.iter().zip(rule.weights);
            let found: f64 = looks.map(|(x, weight)| weight * x.powi(degree)).sum();
            let expected = 1.0 / (f64::from(degree) + 1.0);
            assert!((found - expected).abs() < 1e-14, "{degree}: {found}");
        }
    }
}
