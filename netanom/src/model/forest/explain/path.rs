//! A way from the root to a node, as Shapley values need it: for each number of known features, how much of the
//! training rows comes along, weighted by how often so many features are known before another one.
//!
//! Algorithm 2 of Lundberg, Erion and Lee 2018 (arXiv:1802.03888): EXTEND and UNWIND.

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

/// One of the features that were compared on the way.
#[derive(Clone, Copy, Debug)]
struct Known {
    feature: usize,
    /// Share of rows that come along when the feature is not known.
    unknown: f64,
    /// 1 when the row itself comes along, else 0.
    known: f64,
}

/// The way: each feature once, however often it was compared.
#[derive(Clone, Debug)]
pub(super) struct Path {
    features: Vec<Known>,
    /// By the number of features that are known: one more than there are features.
    weights: Vec<f64>,
}

/// At the root nothing was compared yet.
impl Default for Path {
    fn default() -> Self {
        Self {
            features: Vec::new(),
            weights: vec![1.0],
        }
    }
}

impl Path {
    /// Becomes the way `before` and one step more; `false` when nothing comes along there, known or not.
    pub(super) fn follow(&mut self, before: &Self, step: Step) -> bool {
        self.features.clone_from(&before.features);
        self.weights.clone_from(&before.weights);
        let mut new = Known {
            feature: step.feature,
            unknown: step.share,
            known: f64::from(u8::from(step.is_taken)),
        };
        let of_feature = |known: &Known| known.feature == step.feature;
        if let Some(at) = self.features.iter().position(of_feature) {
            let old = self.features.remove(at);
            self.unwind(old);
            new.unknown *= old.unknown;
            new.known *= old.known;
        }
        if new.unknown == 0.0 && new.known == 0.0 {
            return false;
        }
        self.extend(new);
        true
    }

    fn extend(&mut self, new: Known) {
        self.features.push(new);
        let length = self.weights.len();
        let whole = length as f64 + 1.0;
        self.weights.push(0.0);
        for at in (0..length).rev() {
            let weight = self.weights[at];
            self.weights[at + 1] += new.known * weight * (at as f64 + 1.0) / whole;
            self.weights[at] = new.unknown * weight * (length - at) as f64 / whole;
        }
    }

    /// Takes back what [`Self::extend`] did for a feature, in whatever order they came.
    fn unwind(&mut self, old: Known) {
        let last = self.weights.len() - 1;
        let mut next = self.weights[last];
        let whole = last as f64 + 1.0;
        for at in (0..last).rev() {
            let weight = self.weights[at];
            if old.known > 0.0 {
                self.weights[at] = next * whole / (at as f64 + 1.0);
                next = weight - self.weights[at] * old.unknown * (last - at) as f64 / whole;
            } else {
                self.weights[at] = weight * whole / (old.unknown * (last - at) as f64);
            }
        }
        self.weights.truncate(last);
    }

    /// Adds what each feature on the way to a leaf of this share contributes.
    pub(super) fn add_leaf(&self, share: f64, values: &mut [f64]) {
        for known in &self.features {
            values[known.feature] += self.without(*known) * (known.known - known.unknown) * share;
        }
    }

    /// The sum of the weights without a feature.
    fn without(&self, old: Known) -> f64 {
        let last = self.weights.len() - 1;
        let whole = last as f64 + 1.0;
        let mut next = self.weights[last];
        let mut sum = 0.0;
        for at in (0..last).rev() {
            let weight = self.weights[at];
            if old.known > 0.0 {
                let unwound = next * whole / (at as f64 + 1.0);
                sum += unwound;
                next = weight - unwound * old.unknown * (last - at) as f64 / whole;
            } else {
                sum += weight * whole / (old.unknown * (last - at) as f64);
            }
        }
        sum
    }
}
