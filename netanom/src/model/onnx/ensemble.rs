//! The trees of an ONNX file: attributes of one operator, with an entry for each node or each leaf's class.

use std::collections::HashMap;

use super::OnnxError;
use super::column::{Column, split};
use super::constant::Constant;
use super::proto;
use crate::model::forest::{Input, Inputs};
use crate::model::{Forest, ForestError, Node, Step, Tree};

/// Weights are f32 that somebody divided by the number of trees.
const TOLERANCE: f32 = 1e-4;

/// Where nodes are, by the numbers of their tree and of themselves in the file: the tree, and the place in it.
type Positions = HashMap<(i64, i64), (usize, usize)>;

/// The operator's attributes by name.
pub(super) struct Ensemble<'a>(HashMap<&'a str, &'a proto::Attribute>);

impl<'a> Ensemble<'a> {
    /// Checks what the operator does beside walking trees.
    pub(super) fn of(node: &'a proto::Node) -> Result<Self, OnnxError> {
        let attributes = node.attributes.iter();
        let named = Self(attributes.map(|one| (one.name.as_str(), one)).collect());
        let transform = named.0.get("post_transform");
        if let Some(transform) = transform.filter(|one| !matches!(&*one.string, b"NONE" | b"")) {
            return Err(OnnxError::Boosted(text(&transform.string)));
        }
        let base = named.floats_of("base_values")?;
        if let Some(base) = base.iter().find(|base| **base != 0.0) {
            return Err(OnnxError::Value {
                name: "base_values",
                value: base.to_string(),
            });
        }
        Ok(named)
    }

    /// What the classes are called; `names` are those that an operator behind gives to numbers.
    pub(super) fn labels(&self, names: Option<&[String]>) -> Result<Vec<String>, OnnxError> {
        if let Some(numbers) = self
            .0
            .get("classlabels_int64s")
            .filter(|one| !one.ints.is_empty())
        {
            let name = |number: &i64| match names {
                None => Ok(number.to_string()),
                Some(names) => {
                    let name = usize::try_from(*number)
                        .ok()
                        .and_then(|place| names.get(place));
                    name.cloned().ok_or(OnnxError::Value {
                        name: "classlabels_int64s",
                        value: number.to_string(),
                    })
                }
            };
            return numbers.ints.iter().map(name).collect();
        }
        let labels = self.0.get("classlabels_strings");
        Ok(labels.map_or_else(Vec::new, |labels| {
            labels.strings.iter().map(|label| text(label)).collect()
        }))
    }

    fn ints(&self, name: &'static str, expected: usize) -> Result<&'a [i64], OnnxError> {
        let ints = self.0.get(name).map_or(&[][..], |one| &one.ints);
        long(name, ints, expected)
    }

    /// Numbers of 32 bits, or of 64 under a longer name; none where it has neither.
    fn floats_of(&self, name: &'static str) -> Result<Vec<f64>, OnnxError> {
        let tensor = self.0.get(&*format!("{name}_as_tensor"));
        if let Some(tensor) = tensor.and_then(|one| one.tensor.as_ref()) {
            return match Constant::of(tensor) {
                Some(Constant::Doubles(numbers)) => Ok(numbers),
                Some(Constant::Floats(numbers)) => Ok(wide(&numbers)),
                _ => Err(OnnxError::Value {
                    name,
                    value: format!("a tensor of type {}", tensor.element),
                }),
            };
        }
        Ok(self
            .0
            .get(name)
            .map_or_else(Vec::new, |one| wide(&one.floats)))
    }

    /// The forest over rows of so many features, of which the trees see `columns`.
    pub(super) fn forest(
        &self,
        columns: &[Column],
        classes: usize,
        features: usize,
    ) -> Result<Forest, OnnxError> {
        let known = self.labels(None)?.len();
        if known != classes || classes < 2 {
            return Err(OnnxError::Names {
                what: "classes",
                found: classes,
                expected: known.max(2),
            });
        }
        let tree_ids = self.0.get("nodes_treeids").map_or(&[][..], |one| &one.ints);
        let size = tree_ids.len();
        let node_ids = self.ints("nodes_nodeids", size)?;
        let mut positions = HashMap::new();
        let mut numbers: HashMap<i64, usize> = HashMap::new();
        let mut trees: Vec<Tree> = Vec::new();
        let mut places = Vec::with_capacity(size);
        for (&tree, &node) in tree_ids.iter().zip(node_ids) {
            let number = *numbers.entry(tree).or_insert_with(|| {
                trees.push(Tree::default());
                trees.len() - 1
            });
            let nodes = &mut trees[number].nodes;
            if positions
                .insert((tree, node), (number, nodes.len()))
                .is_some()
            {
                return Err(OnnxError::Value {
                    name: "nodes_nodeids",
                    value: format!("{node} twice in tree {tree}"),
                });
            }
            places.push((number, nodes.len()));
            nodes.push(Node {
                cover: 0.0,
                step: Step::Leaf {
                    distribution: vec![0.0; classes],
                },
            });
        }
        self.add_weights(&positions, &mut trees, classes)?;
        let inputs = self.add_splits(tree_ids, &positions, &places, &mut trees, columns)?;
        self.add_covers(&places, &mut trees);
        for (number, tree) in trees.iter().enumerate() {
            check_root(number, tree)?;
        }
        // Most forests ask for the rows as they are.
        let is_plain = inputs.iter().all(|input| !input.is_gap_right);
        if is_plain && features <= crate::model::MAX_FEATURES {
            for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                if let Step::Split { feature, .. } = &mut node.step {
                    *feature = inputs[usize::from(*feature)].feature as u16;
                }
            }
            return Ok(Forest::of_divided(&trees, classes, features)?);
        }
        let forest = Forest::of_divided(&trees, classes, inputs.len())?;
        let inputs = Inputs {
            features,
            columns: inputs,
        };
        forest.with_inputs(inputs).ok_or(OnnxError::Names {
            what: "features",
            found: features,
            expected: columns.len(),
        })
    }

    /// Fills the leaves with their class shares.
    fn add_weights(
        &self,
        positions: &Positions,
        trees: &mut [Tree],
        classes: usize,
    ) -> Result<(), OnnxError> {
        let weights = self.floats_of("class_weights")?;
        let tree_ids = self.ints("class_treeids", weights.len())?;
        let node_ids = self.ints("class_nodeids", weights.len())?;
        let class_ids = self.ints("class_ids", weights.len())?;
        // Of two classes a file may hold the second one alone, whatever number it has; the first is the rest.
        let is_half = classes == 2 && class_ids.windows(2).all(|pair| pair[0] == pair[1]);
        for (at, &weight) in weights.iter().enumerate() {
            let class = usize::try_from(class_ids[at]).ok();
            let class = if is_half { Some(1) } else { class };
            let class = class
                .filter(|&class| class < classes)
                .ok_or(OnnxError::Names {
                    what: "classes",
                    found: classes,
                    expected: usize::try_from(class_ids[at]).map_or(0, |class| class + 1),
                })?;
            let place = positions.get(&(tree_ids[at], node_ids[at]));
            let Some(&(tree, node)) = place else {
                return Err(OnnxError::Value {
                    name: "class_nodeids",
                    value: node_ids[at].to_string(),
                });
            };
            if let Step::Leaf { distribution } = &mut trees[tree].nodes[node].step {
                distribution[class] += weight as f32;
            }
        }
        if is_half {
            let share_of_tree = 1.0 / trees.len() as f32;
            for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                if let Step::Leaf { distribution } = &mut node.step {
                    distribution[0] = (share_of_tree - distribution[1]).max(0.0);
                }
            }
        }
        Ok(())
    }

    /// Makes splits of the nodes that are some, and checks the shares of the others. Gives what the splits ask for: their
    /// features are places in it.
    fn add_splits(
        &self,
        tree_ids: &[i64],
        positions: &Positions,
        places: &[(usize, usize)],
        trees: &mut [Tree],
        columns: &[Column],
    ) -> Result<Vec<Input>, OnnxError> {
        let size = tree_ids.len();
        let features = self.ints("nodes_featureids", size)?;
        let values = self.floats_of("nodes_values")?;
        let values = long("nodes_values", &values, size)?;
        let lefts = self.ints("nodes_truenodeids", size)?;
        let rights = self.ints("nodes_falsenodeids", size)?;
        let node_ids = self.ints("nodes_nodeids", size)?;
        let modes = self.0.get("nodes_modes");
        let modes = long(
            "nodes_modes",
            modes.map_or(&[][..], |one| &one.strings),
            size,
        )?;
        // Without it, a gap takes the way of a comparison that does not hold.
        let tracks = "nodes_missing_value_tracks_true";
        let tracks = match self.0.get(tracks).filter(|one| !one.ints.is_empty()) {
            Some(_) => Some(self.ints(tracks, size)?),
            None => None,
        };
        let count = trees.len();
        let mut inputs: Vec<Input> = Vec::new();
        let mut known: HashMap<Input, u16> = HashMap::new();
        for (at, &(tree, node)) in places.iter().enumerate() {
            let child = |id: i64, name: &'static str| {
                let place = positions.get(&(tree_ids[at], id));
                let value = id.to_string();
                place
                    .map(|&(_, position)| position as u32)
                    .ok_or(OnnxError::Value { name, value })
            };
            let step = &mut trees[tree].nodes[node].step;
            if let (b"LEAF", Step::Leaf { distribution }) = (&*modes[at], &*step) {
                let sum: f32 = distribution.iter().sum();
                let whole = sum * count as f32;
                if whole.is_nan() || (whole - 1.0).abs() > TOLERANCE {
                    return Err(OnnxError::Weights {
                        tree: tree_ids[at],
                        node: node_ids[at],
                        sum,
                        trees: count,
                    });
                }
                continue;
            }
            let column = usize::try_from(features[at]).ok();
            let column = column.and_then(|place| columns.get(place));
            let column = column.ok_or_else(|| OnnxError::Value {
                name: "nodes_featureids",
                value: features[at].to_string(),
            })?;
            let is_gap_true = tracks.is_some_and(|tracks| tracks[at] != 0);
            let (split, is_turned) = split(column, &modes[at], values[at], is_gap_true)?;
            let input = Input {
                feature: column.source,
                is_gap_right: split.is_gap_right,
            };
            let place = *known.entry(input).or_insert_with(|| {
                inputs.push(input);
                (inputs.len() - 1) as u16
            });
            let (true_child, false_child) = (
                child(lefts[at], "nodes_truenodeids")?,
                child(rights[at], "nodes_falsenodeids")?,
            );
            *step = Step::Split {
                feature: place,
                threshold: split.threshold,
                left: if is_turned { false_child } else { true_child },
                right: if is_turned { true_child } else { false_child },
            };
        }
        // A forest of leaves alone asks for nothing, and rows have at least one column.
        if inputs.is_empty() {
            inputs.push(Input {
                feature: 0,
                is_gap_right: false,
            });
        }
        Ok(inputs)
    }

    /// Covers as the file has them; where a split's is not that of its children, the file has none.
    fn add_covers(&self, places: &[(usize, usize)], trees: &mut [Tree]) {
        let rates = self.floats_of("nodes_hitrates").unwrap_or_default();
        let rates = long("nodes_hitrates", &rates, places.len()).unwrap_or(&[]);
        for (&(tree, node), &rate) in places.iter().zip(rates) {
            trees[tree].nodes[node].cover = rate as f32;
        }
        let adds_up = |tree: &Tree, node: &Node| match node.step {
            Step::Leaf { .. } => node.cover > 0.0 && node.cover.is_finite(),
            Step::Split { left, right, .. } => {
                let cover = |at: u32| tree.nodes.get(at as usize).map_or(0.0, |node| node.cover);
                (node.cover - cover(left) - cover(right)).abs() <= 1e-3 * node.cover
            }
        };
        if trees
            .iter()
            .all(|tree| tree.nodes.iter().all(|node| adds_up(tree, node)))
        {
            return;
        }
        for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            node.cover = 0.0;
        }
    }
}

/// That every node is below the first one. ONNX Runtime takes a node that none leads to for one more tree, and adds it.
fn check_root(number: usize, tree: &Tree) -> Result<(), ForestError> {
    let mut is_met = vec![false; tree.nodes.len()];
    let mut open = vec![0];
    while let Some(place) = open.pop() {
        if std::mem::replace(&mut is_met[place as usize], true) {
            continue;
        }
        if let Step::Split { left, right, .. } = tree.nodes[place as usize].step {
            open.extend([left, right]);
        }
    }
    match is_met.iter().position(|is_met| !is_met) {
        None => Ok(()),
        Some(node) => Err(ForestError::Tree {
            tree: number,
            node,
            problem: "no way leads to the node from the tree's first one",
        }),
    }
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().copied().map(f64::from).collect()
}

fn long<'a, T>(
    name: &'static str,
    entries: &'a [T],
    expected: usize,
) -> Result<&'a [T], OnnxError> {
    if entries.len() == expected {
        return Ok(entries);
    }
    let found = entries.len();
    Err(OnnxError::Attribute {
        name,
        found,
        expected,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
