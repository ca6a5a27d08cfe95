//! The one list of what can be asked, and how a request finds its answer.

use std::time::Duration;

use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use super::reply::{self, Reply};
use super::{HttpState, alerts, health, index, metrics_page};

/// Everything that can be asked.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/",
        about: "this page",
        answer: index::page,
    },
    Route {
        method: Method::GET,
        path: "/metrics",
        about: "metrics for Prometheus",
        answer: metrics_page::page,
    },
    Route {
        method: Method::GET,
        path: "/alerts",
        about: "alerts, newest first, with filters",
        answer: alerts::list,
    },
    Route {
        method: Method::GET,
        path: "/alerts/{id}",
        about: "one alert",
        answer: alerts::one,
    },
    Route {
        method: Method::GET,
        path: "/livez",
        about: "whether the process answers",
        answer: health::livez,
    },
    Route {
        method: Method::GET,
        path: "/readyz",
        about: "whether the sensor works, check by check",
        answer: health::readyz,
    },
];

/// What is answered also when all else is busy.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Whether a request only asks how the sensor is.
pub(super) fn is_probe<B>(request: &Request<B>) -> bool {
    PROBES.contains(&request.uri().path())
}

/// Something that can be asked.
pub(super) struct Route {
    pub(super) method: Method,
    /// A segment in braces stands for any one segment.
    pub(super) path: &'static str,
    /// For people.
    pub(super) about: &'static str,
    answer: fn(&HttpState, &Call<'_>) -> Reply,
}

/// What an answer can depend on.
pub(super) struct Call<'a> {
    /// The segment of the path that stands in braces in the route, decoded; empty when there is none.
    pub(super) segment: String,
    /// Everything after the question mark, as sent.
    pub(super) query: &'a str,
}

/// The answer to `request`, or 503 when it takes longer than `limit`.
pub(super) async fn answer_within<B>(
    limit: Duration,
    state: &HttpState,
    request: &Request<B>,
) -> Reply {
    within(limit, async { answer(state, request) }).await
}

async fn within(limit: Duration, answer: impl Future<Output = Reply>) -> Reply {
    timeout(limit, answer).await.unwrap_or_else(|_| {
        let message = format!(
            "no answer within {} s; try again later",
            limit.as_secs_f64()
        );
        reply::error(StatusCode::SERVICE_UNAVAILABLE, &message)
    })
}

fn answer<B>(state: &HttpState, request: &Request<B>) -> Reply {
    let path = request.uri().path();
    let mut allowed = Vec::new();
    for (route, segment) in ROUTES
        .iter()
        .filter_map(|route| Some((route, matched(route.path, path)?)))
    {
        // hyper leaves the body out of the answer to HEAD.
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        if route.method == method {
            let call = Call {
                segment,
                query: request.uri().query().unwrap_or_default(),
            };
            return (route.answer)(state, &call);
        }
        allowed.push(route.method.as_str());
    }
    if allowed.is_empty() {
        return reply::error(
            StatusCode::NOT_FOUND,
            &format!("there is no `{path}` here; `/` lists what there is"),
        );
    }
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    reply::not_allowed(request.method(), path, &allowed.join(", "))
}

/// What stands in `path` for the segment in braces of `pattern` (empty without one); `None` when they differ.
fn matched(pattern: &str, path: &str) -> Option<String> {
    if pattern.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut found = String::new();
    for (expected, segment) in pattern.split('/').zip(path.split('/')) {
        if expected.starts_with('{') {
            found = percent_decode_str(segment)
                .decode_utf8()
                .ok()
                .filter(|text| !text.is_empty())?
                .into_owned();
        } else if expected != segment {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::{ROUTES, matched, within};

    #[test]
    fn a_segment_in_braces_takes_one_decoded_segment() {
        assert_eq!(
            matched("/alerts/{id}", "/alerts/a%201").as_deref(),
            Some("a 1")
        );
        assert_eq!(matched("/alerts", "/alerts").as_deref(), Some(""));
        for path in [
            "/alerts/",
            "/alerts",
            "/alerts/a/b",
            "/alert/a",
            "/alerts/%ff",
        ] {
            assert_eq!(matched("/alerts/{id}", path), None, "{path}");
        }
    }

    #[test]
    fn no_two_routes_are_the_same() {
        for (n, route) in ROUTES.iter().enumerate() {
            assert!(
                ROUTES[..n]
                    .iter()
                    .all(|other| (&other.method, other.path) != (&route.method, route.path))
            );
        }
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_becomes_an_error() {
        let reply = within(Duration::from_millis(1), std::future::pending()).await;
        assert_eq!(reply.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
