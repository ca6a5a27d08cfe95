//! What judges: one classifier for each kind of row, and detectors beside it. `all` is the one list of them.
//!
//! The classifier has a verdict on every row, which feeds the flow export, evaluation and metrics. A detector speaks only
//! where there is something to say, of a pair of hosts, a host or a prefix, and may remember what it has seen. What both
//! say adds up in `alert`.

mod access;
mod carpet;
mod flood;
mod forest;

use std::sync::Arc;

use crate::alert::{Class, Contribution, Finding, Judgement};
use crate::feature::{Features, JudgedFlow};
use crate::flow::Window;
use crate::model::Model;

pub use access::of_access_logs;
use carpet::CarpetDetector;
use flood::FloodDetector;
use forest::ForestClassifier;

/// Judges rows of one kind, each by itself.
pub trait Classifier: Send {
    /// The name in alerts and metrics.
    fn name(&self) -> &'static str;
    /// A judgement for each row, in their order.
    fn judge(&self, rows: &Features) -> Vec<Judgement>;
    /// What speaks for `class` in a row, most of it first, then what speaks against it.
    fn explain(&self, rows: &Features, row: usize, class: Class) -> Vec<Contribution>;
}

/// What a window brought, for detectors.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What was counted in it.
    pub window: &'a Window,
    /// The rows that were judged.
    pub rows: &'a Features,
    /// What the classifier says of each row; empty without one.
    pub judgements: &'a [Judgement],
    /// Flows that ended in it.
    pub ended: &'a [JudgedFlow],
}

/// What a detector saved is of another version or damaged; it then begins anew.
#[derive(Debug, thiserror::Error)]
#[error("what the detector `{0}` saved cannot be read; it begins anew")]
pub struct RestoreError(pub &'static str);

/// Looks at everything that a window brought and speaks where there is something to say.
pub trait Detector: Send {
    /// The name in alerts and metrics.
    fn name(&self) -> &'static str;
    /// What it finds in this window.
    fn judge(&mut self, view: &View<'_>) -> Vec<Finding>;
    /// What made it think so, most of it first; empty when its sentence says it all.
    fn explain(&self, _view: &View<'_>, _finding: &Finding) -> Vec<Contribution> {
        Vec::new()
    }
    /// Forgets everything: a rehearsal teaches nothing.
    fn clear(&mut self) {}
    /// What is worth keeping over a restart; where it is kept is the caller's concern.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }
    /// Takes back what [`Self::save`] gave.
    ///
    /// # Errors
    /// When it cannot be read; the detector then is as new.
    fn restore(&mut self, _saved: &[u8]) -> Result<(), RestoreError> {
        Ok(())
    }
}

/// Everything that judges flows.
#[derive(Default)]
pub struct Judges {
    /// What judges each row; `None` judges nothing.
    pub classifier: Option<Box<dyn Classifier>>,
    /// What judges conversations; `None` judges none.
    pub of_conversations: Option<Box<dyn Classifier>>,
    /// What looks at windows beside it.
    pub detectors: Vec<Box<dyn Detector>>,
}

impl std::fmt::Debug for Judges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let classifier = self.classifier.as_ref().map(|classifier| classifier.name());
        let detectors: Vec<_> = self
            .detectors
            .iter()
            .map(|detector| detector.name())
            .collect();
        f.debug_struct("Judges")
            .field("classifier", &classifier)
            .field(
                "of_conversations",
                &self
                    .of_conversations
                    .as_ref()
                    .map(|classifier| classifier.name()),
            )
            .field("detectors", &detectors)
            .finish()
    }
}

/// What judges flows, without all else that does: for a single flow that somebody asks about.
#[must_use]
pub fn of_flows(model: Arc<Model>) -> Box<dyn Classifier> {
    Box::new(ForestClassifier::of_flows(model))
}

/// Everything that judges flows by default: the forest of `model`, and every detector in the order in which they judge.
#[must_use]
pub fn all(model: Arc<Model>) -> Judges {
    let of_conversations = model.conversations.clone();
    Judges {
        of_conversations: of_conversations.map(|model| {
            let classifier: Box<dyn Classifier> =
                Box::new(ForestClassifier::of_conversations(Arc::new(*model)));
            classifier
        }),
        classifier: Some(of_flows(model)),
        detectors: vec![
            Box::<FloodDetector>::default(),
            Box::<CarpetDetector>::default(),
        ],
    }
}
