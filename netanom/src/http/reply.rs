//! The forms of an answer. Every error is JSON with an `error` that a person can act on.

use std::io;

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

/// 200 with `value` as JSON, if that is no longer than `most` bytes.
pub(super) fn short_json(most: usize, value: &impl Serialize) -> Option<Reply> {
    let mut short = Short {
        bytes: Vec::new(),
        most,
    };
    serde_json::to_writer(&mut short, value).ok()?;
    let body = short.bytes.into();
    Some(with_body(StatusCode::OK, "application/json", body))
}

/// Bytes of `value` as JSON in a list, if that is no longer than `most`.
pub(super) fn json_length(most: usize, value: &impl Serialize) -> Option<usize> {
    let length = serde_json::to_vec(value).ok()?.len() + 1;
    (length <= most).then_some(length)
}

/// Takes no more than it may.
struct Short {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
