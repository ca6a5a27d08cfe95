//! The segment of a path that stands in braces in a route: decoded, or the answer that there is no such path.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Path};
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::query;
use super::reply::{self, Reply};

/// Any text.
pub(super) struct Segment(pub(super) String);

/// An address.
pub(super) struct Address(pub(super) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Reply;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Reply> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        match path {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => Err(reply::error(
                StatusCode::NOT_FOUND,
                format!("there is no `{}` here", parts.uri.path()),
            )),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Reply;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Reply> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        let address = query::address(&text);
        address
            .map(Self)
            .map_err(|message| reply::error(StatusCode::BAD_REQUEST, message))
    }
}
