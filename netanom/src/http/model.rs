//! `/model` and `/config`: what judges, and how the sensor was set.

use axum::extract::{RawQuery, State};
use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::HttpState;
use super::query;
use super::reply::{self, Reply};
use crate::feature;

/// The model that judges flows.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelView {
    name: String,
    version: String,
    /// RFC 3339.
    trained_at: String,
    /// Which trainer made it.
    trainer: String,
    /// What it tells apart.
    classes: Vec<String>,
    /// What it sees of a flow, in its order.
    features: Vec<FeatureView>,
    /// Whether its scores are calibrated.
    is_calibrated: bool,
    /// Evidence that raises an alert.
    evidence: f64,
    /// Seconds in which evidence fades to a half.
    half_life_seconds: f64,
    /// Digest of the training data.
    data_digest: String,
    /// How well it did on data that it was not trained on.
    #[schema(value_type = Object)]
    scores: Value,
    /// What it was trained on and where it fails, in Markdown.
    card: String,
}

/// A number that the model sees of a flow.
#[derive(Serialize, ToSchema)]
pub(super) struct FeatureView {
    name: String,
    unit: String,
    meaning: String,
    /// The median in normal traffic; `null` where that is not known.
    typical: Option<f64>,
}

/// The model that judges flows: its classes, its features, its card.
#[utoipa::path(get, path = "/model", tag = "sensor", responses((status = 200, body = ModelView)))]
pub(super) async fn model(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    if let Err(bad) = query::none(text.as_deref()) {
        return bad.into();
    }
    let model = &state.model;
    let evidence = state.settings.get().evidence;
    let features = model.features.iter().zip(&model.typical);
    let view = ModelView {
        name: model.name.clone(),
        version: model.version.clone(),
        trained_at: model.trained_at.clone(),
        trainer: model.trainer.clone(),
        classes: model.classes.clone(),
        features: features
            .map(|(name, typical)| {
                let known = feature::features().find(|feature| feature.name == name);
                FeatureView {
                    name: name.clone(),
                    unit: known.map_or("", |feature| feature.unit).to_owned(),
                    meaning: known.map_or("", |feature| feature.meaning).to_owned(),
                    typical: typical.is_finite().then_some(*typical),
                }
            })
            .collect(),
        is_calibrated: model.calibration.is_some(),
        evidence: evidence.bar,
        half_life_seconds: evidence.half_life.as_secs_f64(),
        data_digest: model.data_digest.clone(),
        scores: model.scores.clone(),
        card: model.card.clone(),
    };
    reply::json(StatusCode::OK, &view)
}

/// The settings in force, without secrets.
#[utoipa::path(
    get, path = "/config", tag = "sensor",
    responses((status = 200, description = "as in the configuration file", body = Object))
)]
pub(super) async fn config(State(state): State<HttpState>, RawQuery(text): RawQuery) -> Reply {
    if let Err(bad) = query::none(text.as_deref()) {
        return bad.into();
    }
    reply::json(StatusCode::OK, &state.settings.get().shown)
}
