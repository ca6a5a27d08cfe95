//! The forms of an answer. Every error is JSON with an `error` that a person can act on.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// An answer, whole in memory, or a stream.
pub(super) type Reply = Response<Body>;

/// What every answer carries. A page may load its own parts and ask this server, nothing else: no script or style within a
/// page, no frame around it, no form that leads away. No other page may embed or read what is here.
const ALWAYS: [(HeaderName, &str); 5] = [
    // To be asked for again each time; `ETag` then spares the sending.
    (CACHE_CONTROL, "private, no-cache"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What went wrong, and what would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// A sentence.
    error: String,
    /// The parameter of the query that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Everything that is wrong in the body, where that is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldProblem>,
}

/// A field of a body that cannot be used.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// Its name.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) error: String,
}

/// 200 with a text of the given type.
pub(super) fn text(content_type: &'static str, text: impl Into<Bytes>) -> Reply {
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

/// Writes what is shared as what it is.
pub(super) fn each<S: Serializer, T: Serialize>(all: &[Arc<T>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(all.iter().map(AsRef::as_ref))
}

/// An error that is not about a parameter.
pub(super) fn error(status: StatusCode, message: impl Into<String>) -> Reply {
    let problem = Problem {
        error: message.into(),
        parameter: None,
        fields: Vec::new(),
    };
    json(status, &problem)
}

/// 400: a parameter is unknown or malformed.
pub(super) fn bad_parameter(parameter: &str, message: &str) -> Reply {
    let problem = Problem {
        error: message.to_owned(),
        parameter: Some(parameter.to_owned()),
        fields: Vec::new(),
    };
    json(StatusCode::BAD_REQUEST, &problem)
}

/// 400: fields of the body are wrong, all of them told.
pub(super) fn bad_fields(message: &str, fields: Vec<FieldProblem>) -> Reply {
    let problem = Problem {
        error: message.to_owned(),
        parameter: None,
        fields,
    };
    json(StatusCode::BAD_REQUEST, &problem)
}

/// 405, with the methods that there are.
pub(super) fn not_allowed(method: &Method, path: &str, allowed: &str) -> Reply {
    let message = format!("`{path}` cannot be asked with {method}, only with {allowed}");
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, message);
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        reply.headers_mut().insert(ALLOW, allowed);
    }
    reply
}

/// A body that is sent as it comes.
pub(super) fn stream(content_type: &'static str, body: Body) -> Reply {
    with_headers(StatusCode::OK, content_type, body)
}

fn with_body(status: StatusCode, content_type: &'static str, bytes: Bytes) -> Reply {
    let tag = (status == StatusCode::OK).then(|| tag(&bytes));
    let mut reply = with_headers(status, content_type, bytes.into());
    if let Some(tag) = tag {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

fn with_headers(status: StatusCode, content_type: &'static str, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// Weak (RFC 9110 8.8.1), as the same answer is sent compressed and plain: 128 bits of its digest.
fn tag(bytes: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(bytes);
    let mut text = String::from("W/\"");
    for byte in &digest[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}
