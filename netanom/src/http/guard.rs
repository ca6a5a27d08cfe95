//! Who may ask, and from where: the bearer token, and the pages that may change something.
//!
//! Without a token there is no secret that keeps others out, so an address that others reach shows metrics and probes and
//! no more, unless the configuration opens it by name. A page of a stranger can have a browser send requests here, but not
//! read what comes back (no CORS); so what changes or costs something looks where the request comes from (`Origin`).

use axum::extract::{Request, State};
use axum::middleware::Next;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, StatusCode};

use super::in_force::Settings;
use super::reply::{self, Reply};

/// Who may ask for what.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What the request has to carry as `Authorization: Bearer`.
    pub token: Option<Token>,
    /// Whether `/metrics` needs it too.
    pub guards_metrics: bool,
    /// Whether nothing but metrics and probes is shown, as others reach the address and there is no token.
    pub is_closed: bool,
}

/// A secret. It is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Of a text that has at least one character, and none that a header cannot have.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_sendable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_sendable.then(|| Self(text.to_owned()))
    }

    /// Compares all bytes whatever they are, so that the time it takes tells nothing of the secret but its length.
    fn is(&self, other: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), other.as_bytes());
        let differ = ours.iter().zip(theirs).fold(0, |all, (a, b)| all | (a ^ b));
        ours.len() == theirs.len() && std::hint::black_box(differ) == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Access {
    /// Why the request is not answered, if it is not.
    fn refusal(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Reply> {
        if !matches!(*method, Method::GET | Method::HEAD) && !is_own(headers) {
            return Some(reply::error(
                StatusCode::FORBIDDEN,
                "this comes from the page of another origin, which may change nothing here",
            ));
        }
        if self.is_open(path) {
            return None;
        }
        if let Some(token) = &self.token {
            return (!bearer(headers).is_some_and(|given| token.is(given))).then(unauthorized);
        }
        self.is_closed.then(|| {
            reply::error(
                StatusCode::FORBIDDEN,
                "others reach this address, so without a token only /metrics, /livez and /readyz are shown: set \
                 `http.token_file`, listen on a loopback address, or set `http.open_to_all = true`",
            )
        })
    }

    /// The page is the same for everyone and holds no data: it asks for them, and for the token.
    fn is_open(&self, path: &str) -> bool {
        match path {
            "/livez" | "/readyz" | "/" => true,
            "/metrics" => !self.guards_metrics || self.token.is_none(),
            path => path.starts_with("/page/"),
        }
    }

    /// Whether the request may see data without a further word: for the page's plain table.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        match &self.token {
            Some(token) => bearer(headers).is_some_and(|given| token.is(given)),
            None => !self.is_closed,
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request comes from a page of ours, or from no page at all. A browser sets `Origin` on every POST, and
/// `Sec-Fetch-Site` where it knows it (Fetch standard).
fn is_own(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().ok();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = origin.and_then(|origin| origin.split_once("://"));
    named
        .is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
}

fn unauthorized() -> Reply {
    let mut reply = reply::error(
        StatusCode::UNAUTHORIZED,
        "this sensor has a token: send it as `Authorization: Bearer TOKEN`",
    );
    let scheme = HeaderValue::from_static("Bearer realm=\"netanom\"");
    reply.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    reply
}

/// Answers those who may ask.
pub(super) async fn guard(State(settings): State<Settings>, request: Request, next: Next) -> Reply {
    let access = &settings.get().access;
    let refusal = access.refusal(request.method(), request.uri().path(), request.headers());
    match refusal {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(access: &Access, method: &Method, path: &str, headers: &[(&str, &str)]) -> u16 {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let refusal = access.refusal(method, path, &headers);
        refusal.map_or(200, |refusal| refusal.status().as_u16())
    }

    fn with_token() -> Access {
        Access {
            token: Token::new("secret\n"),
            ..Access::default()
        }
    }

    #[test]
    fn a_token_is_asked_for_everywhere_but_for_probes_metrics_and_the_page() {
        let access = with_token();
        for path in ["/alerts", "/config", "/events", "/openapi.json", "/nothing"] {
            assert_eq!(status(&access, &Method::GET, path, &[]), 401, "{path}");
            for (scheme, expected) in [
                ("Bearer secret", 200),
                ("bearer secret", 200),
                ("Bearer secre", 401),
                ("Bearer secret2", 401),
                ("Basic secret", 401),
                ("secret", 401),
            ] {
                let headers = [("authorization", scheme)];
                let got = status(&access, &Method::GET, path, &headers);
                assert_eq!(got, expected, "{path} {scheme}");
            }
        }
        for path in ["/livez", "/readyz", "/metrics", "/", "/page/page.css"] {
            assert_eq!(status(&access, &Method::GET, path, &[]), 200, "{path}");
        }
        let guarded = Access {
            guards_metrics: true,
            ..access
        };
        assert_eq!(status(&guarded, &Method::GET, "/metrics", &[]), 401);
        assert_eq!(status(&guarded, &Method::GET, "/livez", &[]), 200);
    }

    #[test]
    fn an_address_that_others_reach_shows_metrics_and_probes_alone() {
        let access = Access {
            is_closed: true,
            ..Access::default()
        };
        assert_eq!(status(&access, &Method::GET, "/alerts", &[]), 403);
        assert_eq!(status(&access, &Method::GET, "/metrics", &[]), 200);
        assert_eq!(status(&access, &Method::GET, "/readyz", &[]), 200);
        assert!(!access.lets_in(&HeaderMap::new()));
    }

    #[test]
    fn a_page_of_another_origin_changes_nothing() {
        let post = |headers: &[(&str, &str)]| {
            let mut all = vec![("host", "localhost:9710")];
            all.extend(headers);
            status(&Access::default(), &Method::POST, "/predict", &all)
        };
        assert_eq!(post(&[]), 200);
        assert_eq!(post(&[("origin", "http://localhost:9710")]), 200);
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), 200);
        for foreign in ["http://evil.example", "null", "http://localhost:80", ""] {
            assert_eq!(post(&[("origin", foreign)]), 403, "{foreign}");
        }
        assert_eq!(post(&[("sec-fetch-site", "same-site")]), 403);
    }

    #[test]
    fn a_token_is_not_shown_and_never_empty() {
        assert_eq!(format!("{:?}", with_token().token), "Some(Token(…))");
        for text in ["", " \n", "two words", "sëcret"] {
            assert!(Token::new(text).is_none(), "{text}");
        }
    }
}
