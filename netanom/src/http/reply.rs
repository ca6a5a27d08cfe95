//! The forms of an answer. Every error is JSON with an `error` that a person can act on.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// An answer, whole in memory.
pub(super) type Reply = Response<Full<Bytes>>;

/// 200 with a text of the given type.
pub(super) fn text(content_type: &'static str, text: String) -> Reply {
    with_body(StatusCode::OK, content_type, text.into())
}

/// `value` as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(bytes) => with_body(status, "application/json", bytes.into()),
        Err(cause) => {
            log::error!("cannot write an answer as JSON: {cause}");
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer could not be written; the sensor's log says more",
            )
        }
    }
}

/// An error that is not about a parameter.
pub(super) fn error(status: StatusCode, message: &str) -> Reply {
    json(status, &json!({ "error": message }))
}

/// 400: a parameter is unknown or malformed.
pub(super) fn bad_parameter(parameter: &str, message: &str) -> Reply {
    json(
        StatusCode::BAD_REQUEST,
        &json!({ "error": message, "parameter": parameter }),
    )
}

/// 405, with the methods that there are.
pub(super) fn not_allowed(method: &Method, path: &str, allowed: &str) -> Reply {
    let message = format!("`{path}` cannot be asked with {method}, only with {allowed}");
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, &message);
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        reply.headers_mut().insert(ALLOW, allowed);
    }
    reply
}

fn with_body(status: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}
