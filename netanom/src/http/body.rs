//! The body of a request: JSON and nothing else, no longer than what a person or a program would send.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::reply::{self, Reply};

/// Bytes of a body: twenty times a form with every feature.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// A body that was read.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Reply;

    async fn from_request(request: Request, _: &S) -> Result<Self, Reply> {
        // A page of another origin can send forms and plain text without being asked; JSON it cannot (Fetch standard,
        // "CORS-safelisted request-header").
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(reply::error(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send JSON, with the header `Content-Type: application/json`",
            ));
        }
        let bytes = to_bytes(request.into_body(), MAX_BYTES)
            .await
            .map_err(|_| {
                reply::error(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the body broke off or is longer than {MAX_BYTES} bytes"),
                )
            })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| reply::error(StatusCode::BAD_REQUEST, error.to_string()))
    }
}
