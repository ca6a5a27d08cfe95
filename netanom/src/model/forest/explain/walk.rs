//! The Shapley values of one tree, in time that grows with its nodes.
//!
//! A leaf's part of feature i's value is its share × (oᵢ − zᵢ) × ∫ ∏ (zⱼ + x (oⱼ − zⱼ)) dx over [0, 1], the product over
//! the other features j on its path: o is 1 where the row itself comes along and else 0, z is the share of the training
//! rows that do. (The weights of Shapley's formula are the integrals of xˢ (1 − x)ⁿ⁻ˢ⁻¹.) The integrand is a polynomial,
//! so a look at a few points x gives the integral exactly; at each of them the products of all leaves below a node are
//! summed up once. The sums are those of Linear TreeSHAP (Yu, Xu, Wang, Liu and Wang 2022, arXiv:2209.08192).

use super::quadrature::Quadrature;

/// A step from a node to a child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// What the node compares.
    pub(super) feature: usize,
    /// Share of the node's training rows that went this way.
    pub(super) share: f64,
    /// Whether the row goes this way.
    pub(super) is_taken: bool,
}

/// A node on the way, with all that was said of its feature so far.
#[derive(Clone, Copy, Debug)]
struct Waypoint<const N: usize> {
    feature: usize,
    known: f64,
    unknown: f64,
    /// zᵢ + x (oᵢ − zᵢ) at each point.
    factors: [f64; N],
    /// The place on the way that said something of the feature before.
    before: Option<usize>,
    /// The product of all features' factors on the way.
    product: [f64; N],
    /// The same for the leaves below, times their shares, summed up.
    below: [f64; N],
    has_leaves: bool,
}

/// The way from the root to where the walk is.
#[derive(Clone, Debug)]
pub(super) struct Walk<const N: usize> {
    rule: Quadrature<N>,
    places: Vec<Waypoint<N>>,
}

impl<const N: usize> Walk<N> {
    /// At a root.
    pub(super) fn new() -> Self {
        let root = Waypoint {
            feature: usize::MAX,
            known: 1.0,
            unknown: 1.0,
            factors: [1.0; N],
            before: None,
            product: [1.0; N],
            below: [0.0; N],
            has_leaves: false,
        };
        Self {
            rule: Quadrature::new(),
            places: vec![root],
        }
    }

    /// Goes one step down; `false`, and nowhere, when nothing comes along there, known or not.
    pub(super) fn enter(&mut self, step: Step) -> bool {
        let before = self
            .places
            .iter()
            .rposition(|place| place.feature == step.feature);
        let (mut known, mut unknown) = (f64::from(u8::from(step.is_taken)), step.share);
        let mut product = match self.places.last() {
            Some(parent) => parent.product,
            None => [1.0; N],
        };
        if let Some(before) = before.map(|at| &self.places[at]) {
            known *= before.known;
            unknown *= before.unknown;
            for (product, factor) in product.iter_mut().zip(before.factors) {
                *product /= factor;
            }
        }
        if known == 0.0 && unknown == 0.0 {
            return false;
        }
        let factors = self.rule.points.map(|x| unknown + x * (known - unknown));
        for (product, factor) in product.iter_mut().zip(factors) {
            *product *= factor;
        }
        self.places.push(Waypoint {
            feature: step.feature,
            known,
            unknown,
            factors,
            before,
            product,
            below: [0.0; N],
            has_leaves: false,
        });
        true
    }

    /// A leaf of this share is here.
    pub(super) fn leaf(&mut self, share: f64) {
        if let Some(here) = self.places.last_mut() {
            here.below = here.product.map(|product| product * share);
            here.has_leaves = true;
        }
    }

    /// Goes one step up, and adds what the step down meant to its feature's value.
    pub(super) fn leave(&mut self, values: &mut [f64]) {
        let Some(place) = self.places.pop() else {
            return;
        };
        let Some(parent) = self.places.last_mut() else {
            return;
        };
        if !place.has_leaves {
            return;
        }
        parent.has_leaves = true;
        for (sum, below) in parent.below.iter_mut().zip(place.below) {
            *sum += below;
        }
        let mut value = self.part(&place, &place.below);
        // What was said of the feature before goes for the leaves below as well; this step says it anew.
        if let Some(before) = place.before.map(|at| &self.places[at]) {
            value -= self.part(before, &place.below);
        }
        if let Some(sum) = values.get_mut(place.feature) {
            *sum += value;
        }
    }

    /// (oᵢ − zᵢ) × the integral of `below` without the place's own factor.
    fn part(&self, place: &Waypoint<N>, below: &[f64; N]) -> f64 {
        let looks = self.rule.weights.iter().zip(below).zip(place.factors);
        let integral: f64 = looks
            .map(|((weight, below), factor)| weight * below / factor)
            .sum();
        (place.known - place.unknown) * integral
    }
}
