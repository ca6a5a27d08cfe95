//! Any ensemble that the operator allows, against the plain reading of what ONNX says of it (operator
//! `TreeEnsembleClassifier`, ai.onnx.ml 3): every kind of comparison, gaps that go along with it or not, columns
//! selected and scaled before.

use ndarray::Array2;
use proptest::prelude::*;
use prost::Message as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::super::proto::{
    Attribute, Dimension, Graph, Model as Proto, Node, Shape, Tensor, TensorData, Type, ValueInfo,
    element,
};
use super::super::{DOMAIN, OPERATOR};
use crate::model::Model;

const WIDTH: usize = 4;

/// A node as the file has it.
#[derive(Clone, Debug)]
struct Plain {
    tree: i64,
    id: i64,
    mode: &'static [u8],
    feature: i64,
    value: f32,
    is_gap_true: bool,
    children: [i64; 2],
    /// Of a leaf: the share of the second class.
    share: f32,
}

/// Trees over columns of which each is `(row[source] - offset) * scale`.
#[derive(Clone, Debug)]
struct Ensemble {
    nodes: Vec<Plain>,
    trees: i64,
    sources: Vec<i64>,
    offsets: Vec<f32>,
    scales: Vec<f32>,
}

const MODES: [&[u8]; 4] = [b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GT", b"BRANCH_GTE"];

/// Values that rows have and splits compare with, so that they meet.
const VALUES: [f32; 8] = [-2.0, -0.5, -0.0, 0.0, 1e-40, 0.25, 1.0, 3.0e38];

impl Ensemble {
    fn random(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |most: u32| random.next_u32() % most;
        let columns = 1 + below(6) as usize;
        let trees = 1 + i64::from(below(4));
        let mut nodes = Vec::new();
        for tree in 0..trees {
            // Ids that are neither in order nor without holes.
            let mut open = vec![7];
            let mut next = 8;
            let mut of_tree = Vec::new();
            while let Some(id) = open.pop() {
                let is_leaf = of_tree.len() > 12 || below(3) == 0;
                let children = [next + 5, next + 2];
                if !is_leaf {
                    open.extend(children);
                    next += 10;
                }
                of_tree.push(Plain {
                    tree,
                    id,
                    mode: if is_leaf {
                        b"LEAF"
                    } else {
                        MODES[below(4) as usize]
                    },
                    feature: i64::from(below(columns as u32)),
                    value: VALUES[below(8) as usize],
                    is_gap_true: below(2) == 0,
                    children,
                    share: below(101) as f32 / 100.0,
                });
            }
            // The root is the first.
            of_tree[1..].reverse();
            nodes.extend(of_tree);
        }
        Self {
            nodes,
            trees,
            sources: (0..columns)
                .map(|_| i64::from(below(WIDTH as u32)))
                .collect(),
            offsets: (0..columns).map(|_| VALUES[below(7) as usize]).collect(),
            scales: (0..columns).map(|_| 0.1 + below(40) as f32 / 7.0).collect(),
        }
    }

    /// The share of the second class, as the operator's description has it.
    fn judge(&self, row: &[f32]) -> f64 {
        let value = |feature: i64| {
            let column = feature as usize;
            (row[self.sources[column] as usize] - self.offsets[column]) * self.scales[column]
        };
        let of_tree = |tree| {
            let find = |id| {
                let mut nodes = self.nodes.iter();
                nodes
                    .find(|node| node.tree == tree && node.id == id)
                    .unwrap()
            };
            let mut node = find(7);
            while node.mode != b"LEAF" {
                let (x, v) = (value(node.feature), node.value);
                let holds = match node.mode {
                    b"BRANCH_LEQ" => x <= v,
                    b"BRANCH_LT" => x < v,
                    b"BRANCH_GT" => x > v,
                    _ => x >= v,
                };
                let is_true = holds || x.is_nan() && node.is_gap_true;
                node = find(node.children[usize::from(!is_true)]);
            }
            f64::from(node.share)
        };
        (0..self.trees).map(of_tree).sum::<f64>() / self.trees as f64
    }

    fn file(&self) -> Vec<u8> {
        let ints = |name: &str, int: &dyn Fn(&Plain) -> i64| Attribute {
            name: name.to_owned(),
            ints: self.nodes.iter().map(int).collect(),
            ..Attribute::default()
        };
        let leaves = || {
            let leaves = self.nodes.iter().filter(|node| node.mode == b"LEAF");
            leaves.flat_map(|leaf| [(leaf, 0), (leaf, 1)])
        };
        let of_leaves = |name: &str, int: &dyn Fn(&Plain, i64) -> i64| Attribute {
            name: name.to_owned(),
            ints: leaves().map(|(leaf, class)| int(leaf, class)).collect(),
            ..Attribute::default()
        };
        let weight = |(leaf, class): (&Plain, i64)| {
            let share = if class == 0 {
                1.0 - leaf.share
            } else {
                leaf.share
            };
            share / self.trees as f32
        };
        let attributes = vec![
            ints("nodes_treeids", &|node| node.tree),
            ints("nodes_nodeids", &|node| node.id),
            ints("nodes_featureids", &|node| node.feature),
            ints("nodes_truenodeids", &|node| node.children[0]),
            ints("nodes_falsenodeids", &|node| node.children[1]),
            ints("nodes_missing_value_tracks_true", &|node| {
                i64::from(node.is_gap_true)
            }),
            Attribute {
                name: "nodes_values".to_owned(),
                floats: self.nodes.iter().map(|node| node.value).collect(),
                ..Attribute::default()
            },
            Attribute {
                name: "nodes_modes".to_owned(),
                strings: self.nodes.iter().map(|node| node.mode.to_vec()).collect(),
                ..Attribute::default()
            },
            of_leaves("class_treeids", &|leaf, _| leaf.tree),
            of_leaves("class_nodeids", &|leaf, _| leaf.id),
            of_leaves("class_ids", &|_, class| class),
            Attribute {
                name: "class_weights".to_owned(),
                floats: leaves().map(weight).collect(),
                ..Attribute::default()
            },
            Attribute {
                name: "classlabels_strings".to_owned(),
                strings: vec![b"normal".to_vec(), b"syn_flood".to_vec()],
                ..Attribute::default()
            },
        ];
        let floats = |name: &str, floats: &[f32]| Attribute {
            name: name.to_owned(),
            floats: floats.to_vec(),
            ..Attribute::default()
        };
        let node = |domain: &str, operator: &str, names: [&[&str]; 2], attributes| {
            let [inputs, outputs] =
                names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            Node {
                inputs,
                outputs,
                operator: operator.to_owned(),
                domain: domain.to_owned(),
                attributes,
                ..Node::default()
            }
        };
        let scaler = vec![
            floats("offset", &self.offsets),
            floats("scale", &self.scales),
        ];
        let shape = [None, Some(WIDTH as i64)].map(|value| Dimension { value });
        let graph = Graph {
            initializers: vec![TensorData {
                name: "places".to_owned(),
                element: element::INT64,
                int64s: self.sources.clone(),
                ..TensorData::default()
            }],
            inputs: vec![ValueInfo {
                name: "X".to_owned(),
                kind: Some(Type {
                    tensor: Some(Tensor {
                        element: element::FLOAT,
                        shape: Some(Shape {
                            dimensions: shape.to_vec(),
                        }),
                    }),
                }),
            }],
            nodes: vec![
                node(
                    DOMAIN,
                    "ArrayFeatureExtractor",
                    [&["X", "places"], &["A"]],
                    Vec::new(),
                ),
                node(DOMAIN, "Scaler", [&["A"], &["B"]], scaler),
                node(DOMAIN, OPERATOR, [&["B"], &["label", "shares"]], attributes),
            ],
            ..Graph::default()
        };
        let file = Proto {
            graph: Some(graph),
            ..Proto::default()
        };
        file.encode_to_vec()
    }
}

fn cell() -> impl Strategy<Value = f32> {
    prop_oneof![
        2 => Just(f32::NAN),
        4 => prop::sample::select(VALUES.to_vec()),
        2 => -3f32..3.0,
        1 => prop::sample::select(vec![f32::MAX, f32::MIN, f32::MIN_POSITIVE]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_ensemble_judges_as_its_description_says(
        seed: u64,
        cells in prop::collection::vec(cell(), 16 * WIDTH),
    ) {
        let ensemble = Ensemble::random(seed);
        let names: Vec<String> = (0..WIDTH).map(|at| format!("f{at}")).collect();
        let model = Model::read_onnx(&ensemble.file(), Some(&names)).unwrap();
        let rows = Array2::from_shape_vec((16, WIDTH), cells).unwrap();
        let judged = model.predict(rows.view());
        for (row, of_row) in rows.outer_iter().zip(judged.outer_iter()) {
            let row = row.to_vec();
            let expected = ensemble.judge(&row);
            prop_assert!((f64::from(of_row[1]) - expected).abs() < 1e-6, "{:?}: {}", row, of_row[1]);
            let why = model.scorer.contributions(&row, 1);
            let sum = why.base + why.features.iter().sum::<f64>();
            prop_assert!((sum - expected).abs() < 1e-6, "{:?}: {}", row, sum);
        }
    }
}
