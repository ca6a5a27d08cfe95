//! How the labels of the table that a model was trained on became its classes, so that other tables with such labels can
//! be judged without saying it again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `train --table` was told of the labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grouping {
    /// Classes with their labels; none where each label is a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<Value>,
    /// The class of normal traffic, where it is not called so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normal: Option<String>,
    /// Attacks are not told from each other.
    pub binary: bool,
}
