//! Why a row got its share of the trees: what each feature added, as exact Shapley values.
//!
//! The game: a coalition of features is worth what the trees expect when only these are known; where a split asks for
//! another one, both children count by the training rows that went there. The values are the fair shares of that game
//! (Lundberg, Erion and Lee 2018, "Consistent individualized feature attribution for tree ensembles": TreeSHAP, path
//! dependent; the `shap` package gives the same), and add up to the share that [`Forest::predict`] gives, before any
//! calibration: that only makes more or less of the same shares, in the same order. `walk.rs` has the arithmetic.
//!
//! Time is that of the nodes × half of the greatest depth. Incidents ask for it once, when they are raised.

mod quadrature;
mod walk;

use self::walk::{Step, Walk};
use super::{Forest, Span};

/// What moved a class's share of the trees away from its mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contributions {
    /// Share of the class among the training rows: that of a row of which nothing is known.
    pub base: f64,
    /// What each feature added to it, −1 to 1; base and contributions add up to [`Forest::predict`].
    pub features: Vec<f64>,
}

impl Forest {
    /// What each feature added to the share of the trees that are for `class` for `row`; nothing for a class that does not exist.
    ///
    /// A row that is too short is filled up with NaN, as in [`Forest::predict_one`].
    #[must_use]
    pub fn contributions(&self, row: &[f32], class: usize) -> Contributions {
        let mut result = Contributions {
            base: 0.0,
            features: vec![0.0; self.features()],
        };
        if class >= self.classes {
            return result;
        }
        let expanded;
        let row = match &self.inputs {
            Some(inputs) => {
                expanded = inputs.of_row(row);
                &expanded
            }
            None => row,
        };
        // The looks at each polynomial that make its integral exact: half as many as there are features on a path. 64
        // do for 128 features; what is beyond moves the value by less than rounding does.
        match self.depth() {
            0..=16 => self.add_trees::<8>(row, class, &mut result),
            17..=32 => self.add_trees::<16>(row, class, &mut result),
            _ => self.add_trees::<64>(row, class, &mut result),
        }
        let trees = f64::from(self.divisor());
        result.base /= trees;
        for contribution in &mut result.features {
            *contribution /= trees;
        }
        result
    }

    /// Adds each tree's expectation and Shapley values.
    fn add_trees<const N: usize>(&self, row: &[f32], class: usize, result: &mut Contributions) {
        let mut walk = Walk::<N>::new();
        for &span in &self.spans {
            self.add_tree(span, row, class, &mut walk, result);
        }
    }

    fn add_tree<const N: usize>(
        &self,
        span: Span,
        row: &[f32],
        class: usize,
        walk: &mut Walk<N>,
        result: &mut Contributions,
    ) {
        enum Todo {
            /// Go down to this node, which so large a share of the training rows met.
            Enter(usize, f64, Option<Step>),
            Leave,
        }
        let tree = self.tree(span);
        let leads = self.leads_to(span, class);
        let mut pending = vec![Todo::Enter(0, 1.0, None)];
        while let Some(todo) = pending.pop() {
            let (at, met, step) = match todo {
                Todo::Enter(at, met, step) => (at, met, step),
                Todo::Leave => {
                    walk.leave(&mut result.features);
                    continue;
                }
            };
            if let Some(step) = step {
                if !walk.enter(step) {
                    continue;
                }
                pending.push(Todo::Leave);
            }
            let node = tree[at];
            if node.is_leaf() {
                let share = f64::from(self.distribution(node.distribution())[class]);
                if share > 0.0 {
                    result.base += met * share;
                    walk.leaf(share);
                }
                continue;
            }
            let value = row.get(node.feature()).copied().unwrap_or(f32::NAN);
            let taken = node.next(value) as usize;
            let left = node.left() as usize;
            let left_share = self.left_share(span, left);
            for (child, share) in [(left, left_share), (left + 1, 1.0 - left_share)] {
                if !leads[child] {
                    continue;
                }
                let step = Step {
                    // Two columns of one feature are known together.
                    feature: self.feature_of(node.feature()),
                    share,
                    is_taken: child == taken,
                };
                pending.push(Todo::Enter(child, met * share, Some(step)));
            }
        }
    }

    /// Which of a tree's nodes are, or have below them, a leaf with a share of the class: the others change nothing.
    fn leads_to(&self, span: Span, class: usize) -> Vec<bool> {
        let tree = self.tree(span);
        let mut leads = vec![false; tree.len()];
        // Children stand behind their parent.
        for (at, node) in tree.iter().enumerate().rev() {
            leads[at] = if node.is_leaf() {
                self.distribution(node.distribution())[class] > 0.0
            } else {
                let left = node.left() as usize;
                leads[left] || leads[left + 1]
            };
        }
        leads
    }

    /// Steps from a root to the farthest leaf.
    fn depth(&self) -> usize {
        let of_tree = |span: &Span| {
            let tree = self.tree(*span);
            let mut depths = vec![0_usize; tree.len()];
            for (at, node) in tree.iter().enumerate() {
                if !node.is_leaf() {
                    let left = node.left() as usize;
                    depths[left] = depths[at] + 1;
                    depths[left + 1] = depths[at] + 1;
                }
            }
            depths.into_iter().max().unwrap_or(0)
        };
        self.spans.iter().map(of_tree).max().unwrap_or(0)
    }

    /// The share of a node's training rows that went to its left child, which is at `left`.
    fn left_share(&self, span: Span, left: usize) -> f64 {
        let covers = &self.covers[span.first_node..][..span.nodes];
        let (left_cover, right_cover) = (f64::from(covers[left]), f64::from(covers[left + 1]));
        // Two children that no training row reached count the same.
        if left_cover + right_cover > 0.0 {
            left_cover / (left_cover + right_cover)
        } else {
            0.5
        }
    }
}

#[cfg(test)]
mod tests;
