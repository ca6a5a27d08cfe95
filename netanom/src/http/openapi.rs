//! `/openapi.json`: everything that can be asked, described from the very types that answer.

use std::sync::LazyLock;

use bytes::Bytes;
use utoipa::OpenApi;

use super::reply::{self, Reply};
use super::routes;

/// What stands before the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "netanom",
        description = "A network anomaly sensor. Every error is JSON with an `error` that says what would do.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "alerts", description = "what was found"),
        (name = "live", description = "what is seen"),
        (name = "sensor", description = "what judges, and how it is set"),
        (name = "health", description = "whether it works; for Prometheus and probes"),
        (name = "page", description = "for people"),
    )
)]
pub(super) struct Head;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let (_, document) = routes::all();
    // Plain data, which can always be written.
    serde_json::to_vec(&document).unwrap_or_default().into()
});

/// This description, OpenAPI 3.1.
#[utoipa::path(
    get, path = "/openapi.json", tag = "page",
    responses((status = 200, content_type = "application/json", body = Object))
)]
pub(super) async fn document() -> Reply {
    reply::text("application/json", DOCUMENT.clone())
}
