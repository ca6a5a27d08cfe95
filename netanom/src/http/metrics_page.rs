//! `/metrics`: the page that Prometheus scrapes. It is no liveness probe: `/livez` is.

use hyper::StatusCode;

use super::HttpState;
use super::reply::{self, Reply};
use super::routes::Call;

/// All metrics in text format 0.0.4.
pub(super) fn page(state: &HttpState, _: &Call<'_>) -> Reply {
    match state.metrics.encode() {
        Ok(page) => reply::text("text/plain; version=0.0.4; charset=utf-8", page),
        Err(cause) => {
            log::error!("cannot write the metrics page: {cause}");
            let message = "the metrics could not be written; the sensor's log says more";
            reply::error(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}
