//! `/`: the live page. One file of HTML with its own script and style inside the program, and nothing from elsewhere.
//!
//! Without scripts it is a plain table of alerts, which is put into the file here; with them, the script takes it away.

use std::fmt::Write as _;

use axum::extract::State;
use hyper::{HeaderMap, StatusCode};
use maud::html;

use super::HttpState;
use super::reply::{self, Problem, Reply};
use super::segment::Segment;
use crate::sink::store::AlertQuery;

/// The page around the plain table.
const SHELL: &str = include_str!("page/index.html");
/// Where the plain table stands in it.
const PLACE: &str = "<!-- alerts -->";

/// The parts of the page by name. The policy of every answer forbids scripts and styles within the page itself.
const PARTS: &[(&str, &str, &str)] = &[
    (
        "page.css",
        "text/css; charset=utf-8",
        include_str!("page/page.css"),
    ),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("main.js", SCRIPT, include_str!("page/main.js")),
    ("alerts.js", SCRIPT, include_str!("page/alerts.js")),
    ("charts.js", SCRIPT, include_str!("page/charts.js")),
    ("connection.js", SCRIPT, include_str!("page/connection.js")),
    ("form.js", SCRIPT, include_str!("page/form.js")),
    ("host.js", SCRIPT, include_str!("page/host.js")),
    ("scatter.js", SCRIPT, include_str!("page/scatter.js")),
    ("tell.js", SCRIPT, include_str!("page/tell.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The live page.
#[utoipa::path(
    get, path = "/", tag = "page",
    responses((status = 200, content_type = "text/html", body = String))
)]
pub(super) async fn shell(State(state): State<HttpState>, headers: HeaderMap) -> Reply {
    let table = if state.settings.get().access.lets_in(&headers) {
        table(&state)
    } else {
        html! { p { "This sensor shows its alerts to who has its token: "
        code { "curl -H 'Authorization: Bearer TOKEN' …/alerts" } } }
        .into_string()
    };
    let mut page = String::with_capacity(SHELL.len() + table.len());
    let (before, after) = SHELL.split_once(PLACE).unwrap_or((SHELL, ""));
    let _ = write!(page, "{before}{table}{after}");
    reply::text("text/html; charset=utf-8", page)
}

/// The newest alerts as a table.
fn table(state: &HttpState) -> String {
    let page = state.alerts.query(&AlertQuery::default());
    let party = |party: &crate::alert::Party| {
        let name = party.ip.map(|ip| ip.to_string());
        let name = name.or_else(|| party.prefix.map(|prefix| prefix.to_string()));
        match (name, party.count) {
            (Some(name), 0 | 1) => name,
            (Some(name), count) => format!("{name} and {} more", count - 1),
            (None, count) => format!("{count} hosts"),
        }
    };
    html! {
        @if page.alerts.is_empty() {
            p { "No alert yet." }
        } @else {
            table {
                caption { (page.total) " alerts, newest first" }
                thead { tr { @for head in ["Begins (UTC)", "State", "Severity", "Class", "Source", "Target", "What"] {
                    th scope="col" { (head) }
                } } }
                tbody { @for alert in &page.alerts { tr {
                    td { (alert.first_seen) }
                    td { (alert.state.name()) }
                    td { (alert.severity.name()) }
                    td { (alert.class.name()) }
                    td { (party(&alert.source)) }
                    td { (party(&alert.target)) }
                    td { a href={ "/alerts/" (alert.id) } { (alert.summary) } }
                } } }
            }
        }
    }
    .into_string()
}

/// A part of the page: its script, its style.
#[utoipa::path(
    get, path = "/page/{name}", tag = "page",
    params(("name" = String, Path, description = "as the page names it")),
    responses(
        (status = 200, description = "as its type says", content_type = "text/javascript", body = String),
        (status = 404, description = "the page has no such part", body = Problem),
    )
)]
pub(super) async fn part(Segment(name): Segment) -> Reply {
    match PARTS.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => reply::text(kind, *text),
        None => reply::error(
            StatusCode::NOT_FOUND,
            format!("the page has no part `{name}`"),
        ),
    }
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|(name, _, _)| *name)
}
