//! One drawn capture while it is planned: who is there, how far apart, what was planned, and what it is.
//!
//! Where the tap stands is drawn, too: near the client, near the server, or anywhere between. So a round trip of a
//! third of a second shows in the gaps before the client's packets in one capture, and before the server's in another.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rand::{RngExt, SeedableRng};

use super::super::chance::{self, Rng};
use super::super::conversation::{Conversation, Path};
use super::super::host::{Host, Mac};
use super::super::packet::Planned;
use super::super::scenario::DEFAULT_START;
use super::super::timeline::Exchange;
use super::rule::Rule;
use crate::flow::Timestamp;

/// Packets of a capture at most: the trainer keeps 4,000 rows of a class anyway.
pub(super) const MOST: usize = 24_000;
/// Router between the tapped network and the rest.
const GATEWAY: Mac = [0x02, 0, 0, 0, 0, 0xfe];
/// First ports that clients take; the simulated attacks of [`super::super::Mode`] take higher ones.
const CLIENT_PORTS: std::ops::Range<u16> = 10_000..32_000;

/// Who takes part in what is planned next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cast {
    pub(super) client: Host,
    pub(super) server: Host,
}

/// How often pieces of work begin, in a loop that waits for each to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loops {
    /// How many go on at once.
    pub(super) workers: usize,
    /// Seconds from the start of the capture to the first.
    pub(super) begin: f64,
    /// From one piece's end to the next one's beginning, at the median.
    pub(super) gap: Duration,
    /// From one piece's beginning to the next one's, at least.
    pub(super) every: Duration,
    /// Deviation of the logarithm of the gap.
    pub(super) spread: f64,
    /// Pieces at most.
    pub(super) pieces: usize,
}

pub(super) struct Scene {
    pub(super) rng: Rng,
    pub(super) start: Timestamp,
    pub(super) seconds: f64,
    pub(super) path: Path,
    pub(super) is_ipv4: bool,
    /// Packets that may still be planned.
    pub(super) left: usize,
    inside: u32,
    outside: u32,
    ports: BTreeMap<IpAddr, u16>,
    step: u16,
    exchanges: Vec<Exchange>,
    pub(super) rules: Vec<Rule>,
    /// Who attacks, when that is known by address.
    pub(super) attackers: Vec<Host>,
    /// Client ports that were given out since somebody began to note them.
    noted: Vec<(IpAddr, u16)>,
}

impl Scene {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        // A stream of its own for each capture, so that any of them can be drawn without those before.
        rng.set_stream(number);
        let seconds = chance::magnitude(&mut rng, 10.0, 60.0);
        // A capture begins anywhere within ticks and seconds.
        let start = DEFAULT_START.plus(Duration::from_secs_f64(rng.random::<f64>() * 86_400.0));
        let path = path(&mut rng);
        Self {
            start,
            seconds,
            path,
            is_ipv4: rng.random_bool(0.9),
            left: MOST,
            inside: inside(&mut rng),
            outside: rng.random_range(0x0500_0000..0xde00_0000),
            ports: BTreeMap::new(),
            step: *chance::pick(&mut rng, &[1, 1, 2, 7, 13]),
            exchanges: Vec::new(),
            rules: Vec::new(),
            attackers: Vec::new(),
            noted: Vec::new(),
            rng,
        }
    }

    /// A host of the tapped network that nobody was yet.
    pub(super) fn near_host(&mut self) -> Host {
        self.inside += self.rng.random_range(1..=3);
        Host::near(self.address(self.inside, 0xfd00))
    }

    /// A host behind the router that nobody was yet.
    pub(super) fn far_host(&mut self) -> Host {
        self.outside = self.outside.wrapping_add(self.rng.random_range(1..=70_000));
        let first = self.outside >> 24;
        // Neither private, loopback, link-local nor multicast.
        if matches!(
            first,
            0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..
        ) {
            self.outside = (self.outside & 0x00ff_ffff) | 0x2d00_0000;
        }
        let hops = self.rng.random_range(4..=20);
        Host::far(self.address(self.outside, 0x2a00), GATEWAY, hops)
    }

    /// A client and a server as far apart as the path says.
    pub(super) fn cast(&mut self) -> Cast {
        let client = if self.path.near > Duration::from_millis(1) {
            self.far_host()
        } else {
            self.near_host()
        };
        let server = if self.path.round_trip > Duration::from_millis(1) {
            self.far_host()
        } else {
            self.near_host()
        };
        Cast { client, server }
    }

    fn address(&self, bits: u32, first: u16) -> IpAddr {
        if self.is_ipv4 {
            return Ipv4Addr::from_bits(bits).into();
        }
        let [high, low] = [(bits >> 16) as u16, bits as u16];
        Ipv6Addr::new(first, 0x20, 0, high, 0, 0, 0, low).into()
    }

    /// The next port that a client's system gives out.
    pub(super) fn port(&mut self, client: Host) -> u16 {
        let first = self.rng.random_range(CLIENT_PORTS);
        let step = self.step;
        let port = self.ports.entry(client.ip).or_insert(first);
        *port = port.wrapping_add(step);
        if !CLIENT_PORTS.contains(port) {
            *port = CLIENT_PORTS.start + step;
        }
        self.noted.push((client.ip, *port));
        *port
    }

    /// Begins to note which ports clients take.
    pub(super) fn note_ports(&mut self) {
        self.noted.clear();
    }

    /// Notes a port of a host that was asked there.
    pub(super) fn note_port(&mut self, host: Host, port: u16) {
        self.noted.push((host.ip, port));
    }

    /// The ports that `client` took since then.
    pub(super) fn noted_ports(&self, client: Host) -> impl Iterator<Item = u16> {
        let of_client = self.noted.iter().filter(move |(ip, _)| *ip == client.ip);
        of_client.map(|(_, port)| *port)
    }

    /// Plans with at most `packets` packets.
    pub(super) fn within(&mut self, packets: usize, plan: impl FnOnce(&mut Self)) {
        let all = self.left;
        let own = packets.min(all);
        self.left = own;
        plan(self);
        self.left = all - (own - self.left);
    }

    /// What is planned next goes over another path.
    pub(super) fn move_elsewhere(&mut self) {
        self.path = path(&mut self.rng);
    }

    /// A moment, in seconds from the start of the capture.
    pub(super) fn at(&self, seconds: f64) -> Timestamp {
        self.start.plus(Duration::from_secs_f64(seconds.max(0.0)))
    }

    /// A moment in the first part of the capture.
    pub(super) fn early(&mut self) -> f64 {
        self.seconds * 0.15 * self.rng.random::<f64>()
    }

    pub(super) fn end(&self) -> Timestamp {
        self.at(self.seconds)
    }

    /// Opens a connection from the client's next port.
    pub(super) fn open(
        &mut self,
        client: Host,
        server: (Host, u16),
        at: Timestamp,
    ) -> Conversation<'_> {
        let client = (client, self.port(client));
        Conversation::open_from(&mut self.rng, client, server, self.path, at)
    }

    /// Adds what belongs together.
    pub(super) fn add(&mut self, packets: Vec<Planned>) {
        if let Some(first) = packets.first().map(|planned| planned.at) {
            // Only what comes before the end is shown, and counts.
            let end = self.end();
            let shown = packets.iter().filter(|planned| planned.at < end).count();
            self.left = self.left.saturating_sub(shown);
            self.exchanges.push(Exchange::new(first, packets));
        }
    }

    /// Plans piece after piece; each worker begins its next one when the last is over. A piece returns when it ends.
    pub(super) fn repeat(
        &mut self,
        loops: Loops,
        mut piece: impl FnMut(&mut Self, Timestamp, usize) -> Timestamp,
    ) {
        let mut due = BinaryHeap::new();
        for worker in 0..loops.workers {
            // Tools start their tasks one after the other, not all at once.
            let later = loops.every.as_secs_f64().min(3.0) * worker as f64 / loops.workers as f64;
            due.push(Reverse((self.at(loops.begin + later), worker)));
        }
        let mut done = 0;
        while let Some(Reverse((at, worker))) = due.pop() {
            if at >= self.end() || self.left == 0 || done == loops.pieces {
                break;
            }
            done += 1;
            let ended = piece(self, at, worker);
            let gap = if loops.gap.is_zero() {
                Duration::from_micros(self.rng.random_range(50..2000))
            } else {
                chance::time(&mut self.rng, loops.gap, loops.spread)
            };
            let every = chance::time(&mut self.rng, loops.every, loops.spread.min(0.1));
            due.push(Reverse((ended.plus(gap).max(at.plus(every)), worker)));
        }
    }

    /// What was planned, in the order in which it starts, and what it is.
    pub(super) fn finish(mut self) -> (Vec<Exchange>, Timestamp, Vec<Rule>) {
        self.exchanges.sort_by_key(Exchange::start);
        let end = self.end();
        (self.exchanges, end, self.rules)
    }

    /// Adds exchanges of a simulated mode until they or the budget end.
    pub(super) fn add_all(&mut self, exchanges: impl Iterator<Item = Exchange>, most: usize) {
        let mut left = most.min(self.left);
        for exchange in exchanges {
            if exchange.start() >= self.end() || left == 0 {
                break;
            }
            left = left.saturating_sub(exchange.len());
            self.left = self.left.saturating_sub(exchange.len());
            self.exchanges.push(exchange);
        }
    }

    /// Says what was planned of `sources` is, and that errors on its account are nothing.
    pub(super) fn attacked_by(&mut self, sources: &[Host], rule: Rule) {
        self.attackers.extend(sources);
        self.rules.push(rule);
        self.rules.push(Rule::errors(sources));
    }

    /// Packets that were planned.
    pub(super) fn planned(&self) -> usize {
        MOST - self.left
    }

    /// The port that the client's system gave out last.
    pub(super) fn last_port(&self, client: Host) -> Option<u16> {
        self.ports.get(&client.ip).copied()
    }
}

/// A private network.
fn inside(rng: &mut Rng) -> u32 {
    match rng.random_range(0..3) {
        0 => 0x0a00_0000 | rng.random_range(0..0xffff) << 8,
        1 => 0xac10_0000 | rng.random_range(0..0xfff) << 8,
        _ => 0xc0a8_0000 | rng.random_range(0..0xff) << 8,
    }
}

/// A round trip of 0.1 to 500 ms, and the tap somewhere on its way.
fn path(rng: &mut Rng) -> Path {
    let whole = chance::magnitude(rng, 0.0001, 0.5);
    let beside = chance::magnitude(rng, 0.000_01, 0.000_3);
    // Part of the way that is behind the tap.
    let behind = match rng.random_range(0..4) {
        0 | 1 => 1.0,
        2 => 0.0,
        _ => rng.random::<f64>(),
    };
    let loses = rng.random_bool(0.3);
    Path {
        near: Duration::from_secs_f64(whole * (1.0 - behind) + beside),
        round_trip: Duration::from_secs_f64(whole * behind + beside),
        jitter: chance::magnitude(rng, 0.005, 0.5),
        spacing: chance::span(rng, 0.000_002, 0.002),
        loss: if loses {
            chance::magnitude(rng, 0.0003, 0.04)
        } else {
            0.0
        },
        merged: if rng.random_bool(0.2) {
            rng.random_range(2..=40)
        } else {
            1
        },
    }
}
