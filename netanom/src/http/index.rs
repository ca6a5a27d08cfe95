//! `/`: what there is, for people who found the port.

use std::fmt::Write;

use super::HttpState;
use super::reply::{self, Reply};
use super::routes::{Call, ROUTES};

/// A page that names every route.
pub(super) fn page(_: &HttpState, _: &Call<'_>) -> Reply {
    let mut rows = String::new();
    for route in ROUTES {
        let (path, about) = (route.path, route.about);
        // A path with a place to fill in leads nowhere as it stands.
        let shown = if path.contains('{') {
            path.to_owned()
        } else {
            format!("<a href=\"{path}\">{path}</a>")
        };
        let _ = writeln!(
            rows,
            "<dt><code>{} {shown}</code></dt><dd>{about}</dd>",
            route.method
        );
    }
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>netanom</title>\n\
         <h1>netanom</h1>\n<p>Network anomaly sensor, version {}.</p>\n<dl>\n{rows}</dl>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    reply::text("text/html; charset=utf-8", page)
}
