//! The one list of what can be asked, and what every request passes on the way to its answer.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use hyper::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use hyper::{HeaderMap, StatusCode};
use tokio::time::timeout;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::budget::Budget;
use super::reply::{self, Reply};
use super::{
    HttpState, alerts, events, guard, health, metrics_page, model, openapi, page, predict, traffic,
};

/// What is answered also when all else is busy.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Whether a request only asks how the sensor is.
pub(super) fn is_probe<B>(request: &Request<B>) -> bool {
    PROBES.contains(&request.uri().path())
}

/// Everything that can be asked, with its description.
pub(super) fn all() -> (Router<HttpState>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(openapi::Head::openapi())
        .routes(routes!(page::shell))
        .routes(routes!(page::part))
        .routes(routes!(metrics_page::page))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::one))
        .routes(routes!(events::stream))
        .routes(routes!(traffic::summary))
        .routes(routes!(traffic::flows))
        .routes(routes!(traffic::normal))
        .routes(routes!(traffic::host))
        .routes(routes!(traffic::evidence))
        .routes(routes!(model::model))
        .routes(routes!(model::config))
        .routes(routes!(predict::predict))
        .routes(routes!(openapi::document))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .split_for_parts()
}

/// Answers every request, each within `limit`.
pub(super) fn router(state: HttpState, limit: Duration, budget: Budget) -> Router {
    let settings = state.settings.clone();
    let (router, _) = all();
    let router = router.fallback(not_found).with_state(state);
    // The last layer is the first that a request passes. Around a router's own routes it would not see `Allow`.
    Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn(refuse_method))
        .layer(middleware::from_fn_with_state(limit, in_time))
        .layer(middleware::from_fn_with_state(settings, guard::guard))
        .layer(middleware::from_fn(unchanged))
        .layer(middleware::map_response_with_state(
            budget,
            |State(budget): State<Budget>, reply: Reply| async move { budget.hold(reply) },
        ))
        // Streams of events are left as they are, and what is small.
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .quality(CompressionLevel::Fastest),
        )
}

async fn not_found(request: Request) -> Reply {
    reply::error(
        StatusCode::NOT_FOUND,
        format!(
            "there is no `{}` here; `/openapi.json` lists what there is",
            request.uri().path()
        ),
    )
}

/// Says which methods a path has.
async fn refuse_method(request: Request, next: Next) -> Reply {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let reply = next.run(request).await;
    if reply.status() != StatusCode::METHOD_NOT_ALLOWED {
        return reply;
    }
    let allowed = reply.headers().get(ALLOW);
    let allowed = allowed.and_then(|allowed| allowed.to_str().ok());
    let allowed: Vec<&str> = allowed.unwrap_or_default().split(',').collect();
    reply::not_allowed(&method, &path, &allowed.join(", "))
}

/// 503 when an answer takes too long to make; a stream has begun by then.
async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Reply {
    within(limit, next.run(request)).await
}

async fn within(limit: Duration, answer: impl Future<Output = Reply>) -> Reply {
    timeout(limit, answer).await.unwrap_or_else(|_| {
        let message = format!(
            "no answer within {} s; try again later",
            limit.as_secs_f64()
        );
        reply::error(StatusCode::SERVICE_UNAVAILABLE, message)
    })
}

/// 304 without a body for who has the very answer already (RFC 9110 13.1.2).
async fn unchanged(request: Request, next: Next) -> Reply {
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let mut reply = next.run(request).await;
    let known = known.as_ref().and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| is_known(known, reply.headers())) {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        *reply.body_mut() = axum::body::Body::empty();
        reply.headers_mut().remove(CONTENT_TYPE);
        reply.headers_mut().remove(CONTENT_LENGTH);
    }
    reply
}

fn is_known(known: &str, headers: &HeaderMap) -> bool {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return false;
    };
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known
        .split(',')
        .any(|known| known.trim() == "*" || weak(known) == weak(tag))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::within;

    #[tokio::test]
    async fn an_answer_that_takes_too_long_becomes_an_error() {
        let reply = within(Duration::from_millis(1), std::future::pending()).await;
        assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
