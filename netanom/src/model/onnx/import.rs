//! An ONNX file as a model.

use prost::Message as _;

use super::proto::Model as Proto;
use super::{CALIBRATION, CLASSES, FEATURES, OnnxError, TYPICAL, graph};
use crate::model::{Calibration, CalibrationError, Model};

impl Model {
    /// Reads a tree ensemble; `names` are its features, for a file that does not name them.
    ///
    /// It judges as ONNX Runtime does, gaps (NaN) and extreme values among the rest. Where the file does not say how many
    /// rows met a node (`nodes_hitrates`), explanations take both children for equally likely.
    ///
    /// # Errors
    /// Says what of it is no Random Forest, not followed, or not named.
    pub fn read_onnx(bytes: &[u8], names: Option<&[String]>) -> Result<Self, OnnxError> {
        let file = Proto::decode(bytes)?;
        let metadata = |key: &str| {
            let entry = file.metadata.iter().find(|entry| entry.key == key);
            let names = entry?.value.split(',').map(|name| name.trim().to_owned());
            Some(names.collect::<Vec<String>>())
        };
        let graph = file.graph.clone().unwrap_or_default();
        let named = names.map(<[String]>::to_vec).or_else(|| metadata(FEATURES));
        let given = named.as_ref().map_or(0, Vec::len);
        let inputs = graph::inputs(&graph, given)?;
        let width = inputs.iter().map(|(_, width)| width).sum();
        let features = match named {
            Some(named) => named,
            // Columns that come one by one have names.
            None if inputs.iter().all(|(_, width)| *width == 1) => {
                inputs.iter().map(|(input, _)| input.name.clone()).collect()
            }
            None => return Err(OnnxError::Unnamed),
        };
        if width != features.len() {
            return Err(OnnxError::Names {
                what: "features",
                found: features.len(),
                expected: width,
            });
        }
        let traced = graph::trace(&graph, features.len())?;
        let ensemble = &traced.ensemble;
        let labels = match metadata(CLASSES) {
            Some(names) => names,
            None => ensemble.labels(traced.names.as_deref())?,
        };
        let forest = ensemble.forest(&traced.columns, labels.len(), features.len())?;
        let typical = metadata(TYPICAL).unwrap_or_default();
        let number = |feature: usize| typical.get(feature).and_then(|text| text.parse().ok());
        let typical = (0..features.len()).map(|feature| number(feature).unwrap_or(f64::NAN));
        let typical = typical.collect();
        Ok(Self {
            name: graph.name.clone(),
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
