//! A site: its pages, what they bring with them, where people log in, and how its server answers.

use rand::RngExt;

use super::super::chance::{Rng, around, pick};
use super::words;

/// What the pages' addresses are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Dated,
    Query,
    Deep,
    Foreign,
}

/// One server's content.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) host: String,
    pub(super) pages: Vec<String>,
    pub(super) assets: Vec<String>,
    /// Assets that a page brings.
    pub(super) brings: usize,
    pub(super) login: String,
    pub(super) api: String,
    pub(super) feed: String,
    /// Median size of a page, in bytes.
    page_size: f64,
    asset_size: f64,
    /// Size of the page that says that there is none.
    missing_size: u64,
    /// What the server answers to who asks for what there is not: mostly 404.
    pub(super) missing_status: u16,
    /// What it answers to a log-in that fails.
    pub(super) denied_status: u16,
    /// Size of that answer.
    denied_size: u64,
    /// Share of addresses that moved.
    pub(super) moved: f64,
    /// Share of links that lead nowhere.
    pub(super) dead: f64,
    /// Whether it logs sizes with their headers, which makes none empty.
    has_headers: bool,
}

impl Site {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let style = *pick(
            rng,
            &[
                Style::Plain,
                Style::Plain,
                Style::Dated,
                Style::Query,
                Style::Deep,
                Style::Foreign,
            ],
        );
        let pages = around(rng, 60.0, 1.4, 2000.0) as usize + 3;
        let assets = around(rng, 30.0, 1.0, 500.0) as usize + 2;
        let root = if rng.random_bool(0.3) {
            format!("/{}", words::word(rng, 1, 2))
        } else {
            String::new()
        };
        let name = words::word(rng, 2, 3);
        let login = pick(
            rng,
            &[
                "/login",
                "/wp-login.php",
                "/user/login",
                "/admin/index.php",
                "/api/auth",
                "/session",
                "/account/signin",
                "/xmlrpc.php",
            ],
        );
        Self {
            host: format!("https://{name}.example"),
            pages: (0..pages).map(|_| page(rng, style, &root)).collect(),
            assets: (0..assets).map(|_| asset(rng, &root)).collect(),
            brings: rng.random_range(0..=24),
            login: format!("{root}{login}"),
            api: format!(
                "{root}{}",
                pick(
                    rng,
                    &["/api/v1", "/rest", "/graphql", "/v2", "/rpc", "/services"]
                )
            ),
            feed: format!(
                "{root}{}",
                pick(
                    rng,
                    &[
                        "/feed",
                        "/rss.xml",
                        "/blog/index.xml",
                        "/atom.xml",
                        "/feed?type=rss2"
                    ]
                )
            ),
            page_size: around(rng, 12_000.0, 1.0, 500_000.0),
            asset_size: around(rng, 15_000.0, 1.0, 500_000.0),
            missing_size: around(rng, 400.0, 1.2, 60_000.0) as u64,
            missing_status: if rng.random_bool(0.85) {
                404
            } else {
                *pick(rng, &[200, 302, 403, 301])
            },
            denied_status: *pick(rng, &[200, 401, 403, 302, 422, 303, 401]),
            denied_size: around(rng, 1500.0, 1.0, 60_000.0) as u64,
            moved: around(rng, 0.02, 1.2, 0.4),
            dead: around(rng, 0.01, 1.2, 0.3),
            has_headers: rng.random_bool(0.3),
        }
    }

    pub(super) fn page(&self, rng: &mut Rng) -> &str {
        // Some pages are asked for far more often than others.
        let place = (self.pages.len() as f64 * rng.random::<f64>().powi(3)) as usize;
        &self.pages[place.min(self.pages.len() - 1)]
    }

    pub(super) fn page_bytes(&self, rng: &mut Rng) -> u64 {
        around(rng, self.page_size, 0.6, 5e6) as u64
    }

    pub(super) fn asset_bytes(&self, rng: &mut Rng) -> u64 {
        around(rng, self.asset_size, 1.2, 2e7) as u64
    }

    /// The same for everyone, but where the page repeats the address.
    pub(super) fn missing_bytes(&self, rng: &mut Rng, target: &str) -> u64 {
        match self.missing_size % 2 {
            0 => self.missing_size + target.len() as u64,
            _ => self.missing_size + u64::from(rng.random_bool(0.05)),
        }
    }

    pub(super) fn denied_bytes(&self, rng: &mut Rng) -> u64 {
        self.denied_size + rng.random_range(0..self.denied_size % 4 + 1)
    }

    /// Of an answer without a body.
    pub(super) fn no_bytes(&self) -> u64 {
        if self.has_headers { 180 } else { 0 }
    }
}

fn page(rng: &mut Rng, style: Style, root: &str) -> String {
    let count = rng.random_range(1..=6);
    let slug = words::words(rng, count, "-");
    let number = rng.random_range(1..90_000);
    match style {
        Style::Plain => match rng.random_range(0..4) {
            0 => format!("{root}/{slug}"),
            1 => format!("{root}/{slug}/"),
            2 => format!("{root}/{slug}.html"),
            _ => format!("{root}/{}/{slug}", words::word(rng, 1, 2)),
        },
        Style::Dated => format!(
            "{root}/{}/{:02}/{:02}/{slug}",
            2010 + number % 16,
            number % 12 + 1,
            number % 28 + 1
        ),
        Style::Query => format!(
            "{root}/index.php?option={}&id={number}&view={}",
            words::word(rng, 1, 2),
            words::word(rng, 1, 2)
        ),
        Style::Deep => format!("{root}/{}/{slug}/{number}", words::words(rng, 4, "/")),
        Style::Foreign => {
            let letters = rng.random_range(2..20);
            format!("{root}/{}/{number}", words::foreign(rng, letters))
        }
    }
}

fn asset(rng: &mut Rng, root: &str) -> String {
    let name = words::words(rng, 2, "-");
    let ending = pick(
        rng,
        &[
            "css", "js", "png", "jpg", "svg", "woff2", "gif", "ico", "webp",
        ],
    );
    match rng.random_range(0..4) {
        0 => format!("{root}/assets/{name}.{}.{ending}", words::token(rng, 12)),
        1 => format!(
            "{root}/static/{ending}/{name}.{ending}?v={}",
            rng.random_range(1..500)
        ),
        2 => format!("{root}/{name}.{ending}"),
        _ => format!("{root}/images/{}/{name}.{ending}", words::word(rng, 1, 2)),
    }
}
