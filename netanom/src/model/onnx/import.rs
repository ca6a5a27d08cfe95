//! An ONNX file as a model.

use std::collections::HashMap;

use prost::Message as _;

use super::proto::{Attribute, Graph, Model as Proto};
use super::{CALIBRATION, CLASSES, DOMAIN, FEATURES, OPERATOR, OnnxError, TYPICAL};
use crate::alert::Class;
use crate::model::{Calibration, CalibrationError, Forest, Model, Node, Step, Tree};

/// Operators that give names to classes or shapes to outputs and leave the probabilities as they are.
const HARMLESS: [&str; 5] = [
    "Cast",
    "Identity",
    "ZipMap",
    "Reshape",
    "ArrayFeatureExtractor",
];

/// Weights are f32 that somebody divided by the number of trees.
const TOLERANCE: f32 = 1e-3;

impl Model {
    /// Reads a tree ensemble; `names` are its features, for a file that does not name them.
    ///
    /// Rows with `x <= threshold` go left as in ONNX, and so does a NaN, which no feature of ours is. Where the file
    /// does not say how many rows met a node (`nodes_hitrates`), explanations take both children for equally likely.
    ///
    /// # Errors
    /// Says what of it is no Random Forest, or not named.
    pub fn read_onnx(bytes: &[u8], names: Option<&[String]>) -> Result<Self, OnnxError> {
        let file = Proto::decode(bytes)?;
        let metadata = |key: &str| {
            let entry = file.metadata.iter().find(|entry| entry.key == key);
            let names = entry?.value.split(',').map(|name| name.trim().to_owned());
            Some(names.collect::<Vec<String>>())
        };
        let features = match (names, metadata(FEATURES)) {
            (Some(names), _) => names.to_vec(),
            (None, Some(names)) => names,
            (None, None) => return Err(OnnxError::Unnamed),
        };
        let graph = file.graph.clone().unwrap_or_default();
        let ensemble = Ensemble::of(&graph)?;
        if let Some(expected) = width(&graph).filter(|width| *width != features.len()) {
            return Err(OnnxError::Names {
                what: "features",
                found: features.len(),
                expected,
            });
        }
        let labels = match metadata(CLASSES) {
            Some(names) => names,
            None => ensemble.labels()?,
        };
        if let Some(name) = labels.iter().find(|name| name.parse::<Class>().is_err()) {
            return Err(OnnxError::Class(name.clone()));
        }
        let trees = ensemble.trees(labels.len())?;
        let typical = metadata(TYPICAL).unwrap_or_default();
        let number = |feature: usize| typical.get(feature).and_then(|text| text.parse().ok());
        let typical = (0..features.len()).map(|feature| number(feature).unwrap_or(f64::NAN));
        let typical = typical.collect();
        let forest = Forest::new(&trees, labels.len(), features.len())?;
        Ok(Self {
            name: graph.name,
            version: file.producer_version.clone(),
            calibration: calibration(&file, labels.len())?,
            trainer: file.producer_name,
            ..Self::new(forest, labels, features, typical)
        })
    }
}

/// What it says of its shares' worth: the method, then the tables' entries.
fn calibration(file: &Proto, classes: usize) -> Result<Option<Calibration>, CalibrationError> {
    let entry = file.metadata.iter().find(|entry| entry.key == CALIBRATION);
    let Some((method, tables)) = entry.and_then(|entry| entry.value.split_once(',')) else {
        return Ok(None);
    };
    // What is no number is refused as one that is out of range.
    let tables = tables
        .split(',')
        .map(|text| text.parse().unwrap_or(f32::NAN));
    Calibration::new(method, tables.collect(), classes).map(Some)
}

/// The columns of its input, where it says how many there are.
fn width(graph: &Graph) -> Option<usize> {
    let tensor = graph.inputs.first()?.kind.as_ref()?.tensor.as_ref()?;
    let columns = tensor.shape.as_ref()?.dimensions.get(1)?.value?;
    usize::try_from(columns).ok()
}

/// The operator's attributes by name.
struct Ensemble<'a>(HashMap<&'a str, &'a Attribute>);

impl<'a> Ensemble<'a> {
    fn of(graph: &'a Graph) -> Result<Self, OnnxError> {
        let is_ensemble = |operator: &str, domain: &str| operator == OPERATOR && domain == DOMAIN;
        let (ensembles, others): (Vec<_>, Vec<_>) = graph
            .nodes
            .iter()
            .partition(|node| is_ensemble(&node.operator, &node.domain));
        let [ensemble] = ensembles.as_slice() else {
            let found = ensembles.len();
            return Err(OnnxError::Operator { found });
        };
        let further = others
            .iter()
            .find(|node| !HARMLESS.contains(&node.operator.as_str()));
        if let Some(further) = further {
            return Err(OnnxError::Further(further.operator.clone()));
        }
        let attributes = ensemble.attributes.iter();
        let named = Self(attributes.map(|one| (one.name.as_str(), one)).collect());
        let transform = named.0.get("post_transform");
        if let Some(transform) = transform.filter(|one| !matches!(&*one.string, b"NONE" | b"")) {
            return Err(OnnxError::Value {
                name: "post_transform",
                value: text(&transform.string),
            });
        }
        Ok(named)
    }

    fn labels(&self) -> Result<Vec<String>, OnnxError> {
        let numbers = self.0.get("classlabels_int64s");
        if let Some(first) = numbers.and_then(|labels| labels.ints.first()) {
            return Err(OnnxError::Class(first.to_string()));
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

    fn floats(&self, name: &'static str, expected: usize) -> Result<&'a [f32], OnnxError> {
        let floats = self.0.get(name).map_or(&[][..], |one| &one.floats);
        long(name, floats, expected)
    }

    fn trees(&self, classes: usize) -> Result<Vec<Tree>, OnnxError> {
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
            positions.insert((tree, node), (number, nodes.len()));
            places.push((number, nodes.len()));
            nodes.push(Node {
                cover: 0.0,
                step: Step::Leaf {
                    distribution: vec![0.0; classes],
                },
            });
        }
        self.add_weights(&positions, &mut trees, classes)?;
        self.add_splits(tree_ids, &positions, &places, &mut trees)?;
        self.add_covers(&places, &mut trees);
        Ok(trees)
    }

    /// Fills the leaves with their class shares.
    fn add_weights(
        &self,
        positions: &HashMap<(i64, i64), (usize, usize)>,
        trees: &mut [Tree],
        classes: usize,
    ) -> Result<(), OnnxError> {
        let weights = self
            .0
            .get("class_weights")
            .map_or(&[][..], |one| &one.floats);
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
                distribution[class] += weight;
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

    /// Makes splits of the nodes that are some, and scales the shares of the others.
    fn add_splits(
        &self,
        tree_ids: &[i64],
        positions: &HashMap<(i64, i64), (usize, usize)>,
        places: &[(usize, usize)],
        trees: &mut [Tree],
    ) -> Result<(), OnnxError> {
        let size = tree_ids.len();
        let features = self.ints("nodes_featureids", size)?;
        let values = self.floats("nodes_values", size)?;
        let lefts = self.ints("nodes_truenodeids", size)?;
        let rights = self.ints("nodes_falsenodeids", size)?;
        let node_ids = self.ints("nodes_nodeids", size)?;
        let modes = self
            .0
            .get("nodes_modes")
            .map_or(&[][..], |one| &one.strings);
        let modes = long("nodes_modes", modes, size)?;
        let count = trees.len();
        for (at, &(tree, node)) in places.iter().enumerate() {
            let child = |id: i64, name: &'static str| {
                let place = positions.get(&(tree_ids[at], id));
                let value = id.to_string();
                place
                    .map(|&(_, position)| position as u32)
                    .ok_or(OnnxError::Value { name, value })
            };
            let step = &mut trees[tree].nodes[node].step;
            match (&*modes[at], step) {
                (b"LEAF", Step::Leaf { distribution }) => {
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
                    distribution.iter_mut().for_each(|share| *share /= sum);
                }
                (b"BRANCH_LEQ", step) => {
                    *step = Step::Split {
                        feature: u16::try_from(features[at]).map_err(|_| OnnxError::Value {
                            name: "nodes_featureids",
                            value: features[at].to_string(),
                        })?,
                        threshold: values[at],
                        left: child(lefts[at], "nodes_truenodeids")?,
                        right: child(rights[at], "nodes_falsenodeids")?,
                    };
                }
                (mode, _) => {
                    return Err(OnnxError::Value {
                        name: "nodes_modes",
                        value: text(mode),
                    });
                }
            }
        }
        Ok(())
    }

    /// Covers as the file has them; where a split's is not that of its children, the file has none.
    fn add_covers(&self, places: &[(usize, usize)], trees: &mut [Tree]) {
        let rates = self.floats("nodes_hitrates", places.len()).unwrap_or(&[]);
        for (&(tree, node), &rate) in places.iter().zip(rates) {
            trees[tree].nodes[node].cover = rate;
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
