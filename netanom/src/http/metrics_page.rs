//! `/metrics`: the page that Prometheus scrapes. It is no liveness probe: `/livez` is.

use axum::extract::State;
use hyper::StatusCode;

use super::HttpState;
use super::reply::{self, Reply};

/// Metrics for Prometheus, text format 0.0.4.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, content_type = "text/plain", body = String))
)]
pub(super) async fn page(State(state): State<HttpState>) -> Reply {
    match state.metrics.encode() {
        Ok(page) => reply::text("text/plain; version=0.0.4; charset=utf-8", page),
        Err(cause) => {
            log::error!("cannot write the metrics page: {cause}");
            let message = "the metrics could not be written; the sensor's log says more";
            reply::error(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}
