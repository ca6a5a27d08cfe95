//! The kinds of actors, and the scene on which one acts: its clock, its site and its lines.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use rand::RngExt;

use super::super::chance::{self, Rng};
use super::site::Site;
use super::{LogLine, attack, browser, program, words};
use crate::alert::Class;
use crate::feature::access::Request;
use crate::flow::Timestamp;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A person with a browser, or an office behind one address.
    Browser,
    /// A search engine.
    Crawler,
    /// A program that talks to an API.
    Api,
    /// A load balancer that asks whether the server lives.
    HealthCheck,
    /// A service that watches pages.
    Monitor,
    /// A program that reads a feed.
    FeedReader,
    /// A program that fetches large files.
    Download,
    /// A program that asks for what is no longer there, again and again.
    Stale,
    /// Asks for paths of a list.
    PathScan,
    /// Tries what can be injected, and how the server fails.
    InjectionScan,
    /// The same by POST, whose bodies no log shows.
    FormScan,
    /// Looks for a few known holes and goes on.
    Probe,
    /// Guesses a password by POST.
    LoginGuessing,
    /// Tries stolen log-ins, and looks like a browser.
    CredentialStuffing,
    /// More requests than a server bears.
    Flood,
    /// A person whose address a scanner shares, or who is one.
    MixedScan,
    /// The same with guessing.
    MixedGuessing,
}

/// Kinds that do no harm.
pub const NORMAL: &[Kind] = &[
    Kind::Browser,
    Kind::Browser,
    Kind::Browser,
    Kind::Crawler,
    Kind::Crawler,
    Kind::Api,
    Kind::HealthCheck,
    Kind::Monitor,
    Kind::FeedReader,
    Kind::Download,
    Kind::Stale,
];

/// Kinds that attack.
pub const ATTACKS: &[Kind] = &[
    Kind::PathScan,
    Kind::InjectionScan,
    Kind::FormScan,
    Kind::Probe,
    Kind::LoginGuessing,
    Kind::CredentialStuffing,
    Kind::Flood,
    Kind::MixedScan,
    Kind::MixedGuessing,
];

impl Kind {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Crawler => "crawler",
            Self::Api => "api client",
            Self::HealthCheck => "health check",
            Self::Monitor => "monitor",
            Self::FeedReader => "feed reader",
            Self::Download => "download",
            Self::Stale => "stale client",
            Self::PathScan => "path scan",
            Self::InjectionScan => "injection scan",
            Self::FormScan => "form scan",
            Self::Probe => "probe",
            Self::LoginGuessing => "login guessing",
            Self::CredentialStuffing => "credential stuffing",
            Self::Flood => "flood",
            Self::MixedScan => "scan among visits",
            Self::MixedGuessing => "guessing among visits",
        }
    }

    pub(super) fn act(self, scene: &mut Scene<'_>) {
        match self {
            Self::Browser => browser::visit(scene),
            Self::Crawler => program::crawl(scene),
            Self::Api => program::call(scene),
            Self::HealthCheck => program::check_health(scene),
            Self::Monitor => program::monitor(scene),
            Self::FeedReader => program::read_feed(scene),
            Self::Download => program::download(scene),
            Self::Stale => program::ask_in_vain(scene),
            Self::PathScan => attack::scan_paths(scene),
            Self::InjectionScan => attack::inject(scene),
            Self::FormScan => attack::scan_forms(scene),
            Self::Probe => attack::probe(scene),
            Self::LoginGuessing => attack::guess(scene),
            Self::CredentialStuffing => attack::stuff(scene),
            Self::Flood => attack::flood(scene),
            Self::MixedScan => attack::scan_among_visits(scene),
            Self::MixedGuessing => attack::guess_among_visits(scene),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Lines of one actor at most: an hour at 300 a second.
const MOST: usize = 60_000;

/// Where an actor acts.
pub(super) struct Scene<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) site: &'a Site,
    client: IpAddr,
    start: Timestamp,
    pub(super) now: Timestamp,
    pub(super) most: Duration,
    pub(super) agent: String,
    pub(super) class: Class,
    is_old: bool,
    lines: Vec<LogLine>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        rng: &'a mut Rng,
        site: &'a Site,
        client: IpAddr,
        start: Timestamp,
        most: Duration,
    ) -> Self {
        let agent = words::browser(rng);
        let is_old = rng.random_bool(0.03);
        Self {
            rng,
            site,
            client,
            start,
            now: start,
            most,
            agent,
            class: Class::Normal,
            is_old,
            lines: Vec::new(),
        }
    }

    /// Whether the actor has time left.
    pub(super) fn goes_on(&self) -> bool {
        self.now.since(self.start) < self.most && self.lines.len() < MOST
    }

    /// Goes back to the beginning, to do something else at the same time.
    pub(super) fn rewind(&mut self) {
        self.now = self.start;
    }

    /// Ends after so long, if not before.
    pub(super) fn for_about(&mut self, median: Duration, spread: f64) {
        let long = chance::time(self.rng, median, spread);
        self.most = self.most.min(long);
    }

    /// An exponential wait.
    pub(super) fn wait(&mut self, mean: Duration) {
        self.now = self.now.plus(chance::wait(self.rng, mean));
    }

    /// The mean wait between requests of a rate a minute, which is log-uniform between two.
    pub(super) fn pace(&mut self, from: f64, to: f64) -> Duration {
        Duration::from_secs_f64(60.0 / self.between(from, to))
    }

    /// Log-uniform between two.
    pub(super) fn between(&mut self, from: f64, to: f64) -> f64 {
        (from.ln() + self.rng.random::<f64>() * (to / from).ln()).exp()
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share.clamp(0.0, 1.0))
    }

    /// Writes a line.
    pub(super) fn ask(
        &mut self,
        method: &'static str,
        target: &str,
        (status, bytes): (u16, u64),
        referrer: &str,
    ) {
        self.lines.push(LogLine {
            request: Request {
                client: self.client,
                at: self.now,
                method: Cow::Borrowed(method),
                target: Cow::Owned(target.to_owned()),
                is_old: self.is_old,
                status,
                bytes,
                referrer: Cow::Owned(referrer.to_owned()),
                agent: Cow::Owned(self.agent.clone()),
            },
            class: self.class,
        });
    }

    pub(super) fn finish(mut self) -> Vec<LogLine> {
        self.lines.sort_by_key(|line| line.request.at);
        self.lines
    }

    /// Number of lines so far.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }
}
