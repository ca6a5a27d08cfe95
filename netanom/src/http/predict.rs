//! `POST /predict`: what the model says of a flow whose features are given by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::HttpState;
use super::body::Json;
use super::reply::{self, FieldProblem, Problem, Reply};
use crate::alert::{Class, Contribution};
use crate::detect;
use crate::feature::{self, Features};

/// A flow by its features.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// A number for each feature of the model; `/model` lists them with what is typical.
    #[schema(value_type = BTreeMap<String, f64>)]
    features: Map<String, Value>,
}

/// What the model says of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Prediction {
    /// The likeliest class.
    class: Class,
    /// How sure that is, 0 to 1.
    score: f64,
    /// How unlike normal traffic it is, 0 to 1.
    anomaly: f64,
    /// How likely each class is.
    probabilities: BTreeMap<&'static str, f64>,
    /// What speaks for the class, most of it first, then what speaks against it.
    contributions: Vec<Contribution>,
}

/// What the model says of a flow.
#[utoipa::path(
    post, path = "/predict", tag = "sensor", request_body = Question,
    responses(
        (status = 200, body = Prediction),
        (status = 400, description = "not JSON, or fields are wrong, all of them told", body = Problem),
        (status = 403, description = "asked by the page of another origin", body = Problem),
        (status = 413, description = "longer than 64 KiB", body = Problem),
        (status = 415, description = "not sent as JSON", body = Problem),
    )
)]
pub(super) async fn predict(
    State(state): State<HttpState>,
    Json(question): Json<Question>,
) -> Reply {
    let row = match row(&question.features, &state.model.features) {
        Ok(row) => row,
        Err(fields) => {
            let wrong = match fields.len() {
                1 => "a field is wrong".to_owned(),
                many => format!("{many} fields are wrong"),
            };
            let message = format!(
                "{wrong}: a flow is a finite number for each of the {} features that `/model` lists",
                state.model.features.len()
            );
            return reply::bad_fields(&message, fields);
        }
    };
    let rows = Array2::from_shape_vec((1, feature::COUNT), row);
    let classifier = detect::all(Arc::clone(&state.model)).classifier;
    let (Ok(rows), Some(classifier)) = (rows, classifier) else {
        return reply::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the model cannot judge a single flow; please report this",
        );
    };
    let rows = Features {
        rows,
        ..Features::default()
    };
    let Some(judgement) = classifier.judge(&rows).first().copied() else {
        return reply::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the model said nothing; please report this",
        );
    };
    let verdict = judgement.verdict;
    let probabilities = Class::ALL.iter().zip(verdict.probabilities);
    let prediction = Prediction {
        class: verdict.class,
        score: verdict.score.into(),
        anomaly: verdict.anomaly.into(),
        probabilities: probabilities
            .filter(|(class, _)| {
                state
                    .model
                    .classes
                    .iter()
                    .any(|known| known == class.name())
            })
            .map(|(class, probability)| (class.name(), probability.into()))
            .collect(),
        contributions: classifier.explain(&rows, 0, verdict.class),
    };
    reply::json(StatusCode::OK, &prediction)
}

/// The features in the order of ours, or everything that is wrong with them.
fn row(given: &Map<String, Value>, wanted: &[String]) -> Result<Vec<f32>, Vec<FieldProblem>> {
    let mut wrong = Vec::new();
    let mut bad = |field: &str, error: String| {
        wrong.push(FieldProblem {
            field: field.to_owned(),
            error,
        });
    };
    let mut values = BTreeMap::new();
    for name in wanted {
        match given.get(name) {
            None => bad(name, "missing".to_owned()),
            Some(value) => match value.as_f64().map(|number| number as f32) {
                Some(number) if number.is_finite() => {
                    values.insert(name.as_str(), number);
                }
                _ => bad(
                    name,
                    format!("{value} is not a number that a feature can have"),
                ),
            },
        }
    }
    for name in given.keys() {
        if !wanted.contains(name) {
            bad(name, "no feature of the model is named so".to_owned());
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    // Features of ours that the model does not have are not looked at.
    let ours = feature::features();
    Ok(ours
        .map(|feature| values.get(feature.name).copied().unwrap_or_default())
        .collect())
}
