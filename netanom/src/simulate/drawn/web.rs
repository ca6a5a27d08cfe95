//! A web server and those who ask it: pages, answers, and connections that come to nothing.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::super::chance::{self, Rng};
use super::super::conversation::{Conversation, Side};
use super::super::host::Host;
use super::super::packet::Payload;
use super::super::speech;
use super::raw;
use super::scene::Scene;
use super::talk::{Ending, Length};
use crate::flow::Timestamp;

/// How a web server is asked and how it answers.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) port: u16,
    tls: bool,
    /// Bytes of a body; the header comes on top.
    body: Length,
    /// Time to answer.
    after: Duration,
    unsteady: f64,
    pub(super) ending: Ending,
}

/// What a request needs at least.
const LEAST_REQUEST: u32 = 60;
/// What TLS 1.3 puts around a record.
const RECORD: u32 = 22;

impl Site {
    /// One whose answers vary as pages do.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let tls = rng.random_bool(0.35);
        let port = match (rng.random_range(0..10), tls) {
            (0, _) => chance::count(rng, 3000, 9999) as u16,
            (1, false) => 8080,
            (1, true) => 8443,
            (_, false) => 80,
            (_, true) => 443,
        };
        let spread = chance::magnitude(rng, 0.1, 2.0);
        Self {
            port,
            tls,
            body: Length::varied(rng, 200, 60_000, spread),
            after: chance::span(rng, 0.000_2, 1.0),
            unsteady: chance::magnitude(rng, 0.02, 1.2),
            ending: Ending::draw(rng),
        }
    }

    /// Its answers are alike: to the byte, or nearly.
    pub(super) fn is_steady(&mut self, rng: &mut Rng, (low, high): (u32, u32)) {
        self.body = Length::alike(rng, low, high);
        self.body.spread = *chance::pick(rng, &[0.0, 0.0, 0.002, 0.02]);
    }

    /// Its answers take a time between `low` and `high` seconds.
    pub(super) fn takes(&mut self, rng: &mut Rng, low: f64, high: f64) {
        self.after = chance::span(rng, low, high);
    }

    /// What comes before the first request.
    pub(super) fn greet(&self, talk: &mut Conversation<'_>) {
        if self.tls {
            let (hello, certificates) = (
                517 + talk.rng().random_range(0..64),
                chance::size(talk.rng(), 3000, 0.1, 6000),
            );
            talk.say(Side::Client, speech::tls_handshake(1, hello));
            talk.wait(Duration::from_millis(2), 0.4);
            talk.say(Side::Server, speech::tls_handshake(2, certificates));
            talk.wait(Duration::from_millis(1), 0.4);
            talk.say(Side::Client, speech::tls_data(74));
        }
    }

    /// A request of `length` bytes.
    pub(super) fn ask(&self, talk: &mut Conversation<'_>, length: u32) {
        self.request(talk, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n", length);
    }

    /// A form of `length` bytes, header and all.
    pub(super) fn post(&self, talk: &mut Conversation<'_>, length: u32) {
        self.request(
            talk,
            b"POST / HTTP/1.1\r\nHost: www.example.com\r\n",
            length,
        );
    }

    fn request(&self, talk: &mut Conversation<'_>, head: &'static [u8], length: u32) {
        let length = length.max(LEAST_REQUEST);
        if self.tls {
            talk.say(Side::Client, speech::tls_data(length + RECORD));
        } else {
            talk.say(Side::Client, Payload::headed(head, length));
        }
    }

    /// Bytes of an answer's body.
    pub(super) fn draw_body(&self, rng: &mut Rng) -> u32 {
        self.body.draw(rng)
    }

    /// An answer as this server gives it.
    pub(super) fn answer(&self, talk: &mut Conversation<'_>, status: &str) {
        let length = self.body.draw(talk.rng());
        self.answer_with(talk, status, length, 1.0);
    }

    /// An answer with a body of `length` bytes that takes `slower` times its usual time.
    pub(super) fn answer_with(
        &self,
        talk: &mut Conversation<'_>,
        status: &str,
        length: u32,
        slower: f64,
    ) {
        talk.wait(self.after.mul_f64(slower), self.unsteady);
        if self.tls {
            talk.say(Side::Server, speech::tls_data(length + 250));
        } else {
            talk.say(Side::Server, speech::http_response(status, length));
        }
    }
}

/// A connection that comes to nothing: refused, never answered, or broken off at once. Returns when it ends.
pub(super) fn bounced(
    scene: &mut Scene,
    client: Host,
    server: (Host, u16),
    at: Timestamp,
) -> Timestamp {
    let kind = scene.rng.random_range(0..4);
    if kind == 3 {
        let mut talk = scene.open(client, server, at);
        if talk.rng().random() {
            talk.reset(Side::Server);
        } else {
            talk.close(Side::Server);
        }
        let ended = talk.now();
        let packets = talk.into_packets();
        scene.add(packets);
        return ended;
    }
    let client = (client, scene.port(client));
    let path = scene.path;
    let rng = &mut scene.rng;
    let mut packets = vec![raw::segment(rng, at, client, server, tcp::SYN, 0)];
    let ended = if kind == 2 {
        // RFC 6298: asked again after one second, and two more.
        let again = [1.0, 3.0].map(|seconds| at.plus(Duration::from_secs_f64(seconds)));
        for at in again {
            packets.push(raw::segment(rng, at, client, server, tcp::SYN, 0));
        }
        again[1].plus(Duration::from_secs(1))
    } else {
        let refused = at.plus(chance::time(rng, path.round_trip, path.jitter));
        packets.push(raw::segment(
            rng,
            refused,
            server,
            client,
            tcp::RST | tcp::ACK,
            0,
        ));
        refused.plus(path.near)
    };
    scene.add(packets);
    ended
}
