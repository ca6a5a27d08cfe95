//! What is added up of one client's requests in one minute.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use super::request::Request;
use super::sketch::{Bits, Groups};
use super::spelling::{Spelling, entropy};
use crate::flow::Timestamp;

/// Endings of what a page brings with it: styles, scripts, pictures, fonts, films.
const ASSETS: [&str; 19] = [
    "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "svg", "ico", "webp", "avif", "woff",
    "woff2", "ttf", "eot", "mp4", "webm", "mp3",
];

/// Sum and maximum of a number over requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Amount {
    pub(super) sum: f64,
    pub(super) most: f64,
}

impl Amount {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.most = self.most.max(value);
    }
}

/// One client's minute.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Minute {
    pub(super) requests: f64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// Answers by the first digit of their status; what is over 5 counts as 5.
    pub(super) status: [f64; 6],
    /// 401, 403, 407: who are you.
    pub(super) denied: f64,
    /// 404, 410: not here.
    pub(super) missing: f64,
    pub(super) gets: f64,
    pub(super) heads: f64,
    pub(super) posts: f64,
    /// OPTIONS, PUT, PATCH, DELETE and what nobody knows.
    pub(super) other_methods: f64,
    /// Lines that hold no request.
    pub(super) garbled: f64,
    pub(super) methods: Bits<1>,
    pub(super) paths: Bits<16>,
    pub(super) failed_paths: Bits<16>,
    pub(super) queries: Bits<8>,
    pub(super) agents: Bits<1>,
    pub(super) referrers: Bits<4>,
    pub(super) endings: Bits<1>,
    /// Distinct status and size of answers to POST.
    pub(super) post_answers: Bits<4>,
    pub(super) by_path: Groups<64>,
    pub(super) posts_by_path: Groups<32>,
    /// Requests in each second of the minute.
    pub(super) seconds: Seconds,
    pub(super) bytes: Amount,
    pub(super) bytes_squared: f64,
    pub(super) empty: f64,
    pub(super) path_length: Amount,
    pub(super) depth: Amount,
    pub(super) with_query: f64,
    pub(super) query_length: Amount,
    pub(super) parameters: Amount,
    pub(super) encoded: Amount,
    pub(super) special: Amount,
    pub(super) steps_up: Amount,
    pub(super) digits: Amount,
    pub(super) run: Amount,
    pub(super) entropy: Amount,
    /// Requests with a character that no ordinary address has.
    pub(super) odd: f64,
    pub(super) header_odd: Amount,
    pub(super) without_agent: f64,
    pub(super) agent_length: Amount,
    pub(super) without_referrer: f64,
    pub(super) assets: f64,
    pub(super) old: f64,
    /// Since the row was judged.
    pub(super) new_requests: u64,
    pub(super) new_bytes: u64,
}

/// A count for each second of a minute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seconds([u16; 60]);

impl Default for Seconds {
    fn default() -> Self {
        Self([0; 60])
    }
}

impl Seconds {
    fn note(&mut self, at: Timestamp) {
        let second = (at.as_nanos() / 1_000_000_000 % 60) as usize;
        self.0[second] = self.0[second].saturating_add(1);
    }

    pub(super) fn busiest(&self) -> f64 {
        self.0.iter().copied().max().map_or(0.0, f64::from)
    }

    pub(super) fn active(&self) -> f64 {
        self.0.iter().filter(|count| **count > 0).count() as f64
    }
}

impl Minute {
    /// Takes in a request; whether it looks odd.
    pub(super) fn add(&mut self, request: &Request<'_>, seed: u64) -> bool {
        let hasher = FixedState::with_seed(seed);
        let hash = |text: &str| hasher.hash_one(text);
        if self.requests == 0.0 {
            (self.first, self.last) = (request.at, request.at);
        }
        self.requests += 1.0;
        self.new_requests += 1;
        self.new_bytes = self.new_bytes.saturating_add(request.bytes);
        self.first = self.first.min(request.at);
        self.last = self.last.max(request.at);
        self.seconds.note(request.at);
        self.status[usize::from(request.status / 100).min(5)] += 1.0;
        let has_failed = request.status >= 400;
        match request.status {
            401 | 403 | 407 => self.denied += 1.0,
            404 | 410 => self.missing += 1.0,
            _ => {}
        }
        let (path, query) = (request.path(), request.query());
        let of_path = hash(path);
        self.methods.note(hash(&request.method));
        match request.method.as_ref() {
            "GET" => self.gets += 1.0,
            "HEAD" => self.heads += 1.0,
            "POST" => {
                self.posts += 1.0;
                self.posts_by_path.note(of_path);
                self.post_answers
                    .note(hasher.hash_one((request.status, request.bytes)));
            }
            "" => self.garbled += 1.0,
            _ => self.other_methods += 1.0,
        }
        self.paths.note(of_path);
        self.by_path.note(of_path);
        if has_failed {
            self.failed_paths.note(of_path);
        }
        let bytes = request.bytes as f64;
        self.bytes.add(bytes);
        self.bytes_squared += bytes * bytes;
        self.empty += f64::from(u8::from(request.bytes == 0));
        self.path_length.add(path.len() as f64);
        let depth = path.bytes().filter(|byte| *byte == b'/').count();
        self.depth.add(depth as f64);
        let ending = path
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'));
        if let Some((_, ending)) = ending {
            self.endings.note(hash(ending));
            let is_asset = ASSETS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known));
            self.assets += f64::from(u8::from(is_asset));
        }
        if !query.is_empty() {
            self.with_query += 1.0;
            self.queries.note(hash(query));
            self.query_length.add(query.len() as f64);
            self.parameters.add(query.split('&').count() as f64);
        }
        let header_odd = self.headers(request, &hash);
        let spelling = Spelling::of(&request.target);
        self.encoded.add(spelling.encoded.into());
        self.special.add(spelling.special.into());
        self.steps_up.add(spelling.steps_up.into());
        self.digits.add(spelling.digits.into());
        self.run.add(spelling.run.into());
        self.entropy.add(entropy(&request.target));
        self.old += f64::from(u8::from(request.is_old));
        let is_odd = spelling.odd() > 0 || header_odd;
        self.odd += f64::from(u8::from(is_odd));
        is_odd
    }

    /// Takes in what the client says of itself; whether the referrer is odd.
    fn headers(&mut self, request: &Request<'_>, hash: &dyn Fn(&str) -> u64) -> bool {
        if request.agent.is_empty() {
            self.without_agent += 1.0;
        } else {
            self.agents.note(hash(&request.agent));
        }
        self.agent_length.add(request.agent.len() as f64);
        if request.referrer.is_empty() {
            self.without_referrer += 1.0;
            self.header_odd.add(0.0);
            return false;
        }
        self.referrers.note(hash(&request.referrer));
        // Browsers' names have brackets; pages' addresses do not.
        let odd = Spelling::of(&request.referrer).odd();
        self.header_odd.add(odd.into());
        odd > 0
    }
}
