//! A TCP connection between two whole systems, as a tap near the client sees it.
//!
//! Handshake, segments in growing bursts, acknowledgments, a lost segment now and then, and an end. What a side says
//! waits for what it heard, so the distance to the server shows where it would on a real wire.

use std::time::Duration;

use netanom_common::packet::tcp;
use rand::RngExt;

use super::chance::{self, Rng};
use super::host::Host;
use super::packet::{Body, Options, Packet, Payload, Planned, Segment, largest_segment};
pub(super) use super::path::Path;
use super::timeline::Exchange;
use crate::flow::Timestamp;

/// Bytes of the timestamp option in every segment.
const CLOCK_OPTION: u16 = 12;
/// Segments that a sender begins with (RFC 6928), and those that the receive window allows at most.
const BURSTS: std::ops::RangeInclusive<u32> = 10..=64;
/// Time in which a lost segment is sent again, on top of the round trip (Linux's lower limit).
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// How long a system waits for something to say before it sends an acknowledgment alone (Linux, TCP_DELACK_MIN).
const DELAYED: Duration = Duration::from_millis(40);

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

struct End {
    host: Host,
    port: u16,
    /// Sequence number of the next byte.
    sequence: u32,
    /// Offset of the clock in its timestamps.
    clock: u32,
    window: u16,
    /// When it sent its latest packet, or will; what follows is not earlier.
    busy_until: Timestamp,
}

struct Owed {
    by: Side,
    since: Timestamp,
}

/// A connection that is being planned.
pub(super) struct Conversation<'a> {
    rng: &'a mut Rng,
    client: End,
    server: End,
    path: Path,
    start: Timestamp,
    now: Timestamp,
    spoke_last: Side,
    /// The acknowledgment that waits to travel with data.
    owed: Option<Owed>,
    burst: u32,
    packets: Vec<Planned>,
    from_client: usize,
}

impl<'a> Conversation<'a> {
    /// Opens a connection at `start`: SYN, SYN-ACK, ACK.
    pub(super) fn open(
        rng: &'a mut Rng,
        client: Host,
        server: (Host, u16),
        path: Path,
        start: Timestamp,
    ) -> Self {
        Self::begin(rng, client, None, server, path, start)
    }

    /// Opens a connection from a port of the caller's choice.
    pub(super) fn open_from(
        rng: &'a mut Rng,
        (client, port): (Host, u16),
        server: (Host, u16),
        path: Path,
        start: Timestamp,
    ) -> Self {
        Self::begin(rng, client, Some(port), server, path, start)
    }

    fn begin(
        rng: &'a mut Rng,
        client: Host,
        port: Option<u16>,
        server: (Host, u16),
        path: Path,
        start: Timestamp,
    ) -> Self {
        let mut end = |host, port, windows: &[u16]| End {
            host,
            port,
            sequence: rng.random(),
            clock: rng.random(),
            window: *chance::pick(rng, windows),
            busy_until: start,
        };
        // What Linux, Windows and macOS announce first.
        let far = end(server.0, server.1, &[65_160, 28_960, 65_535, 8192]);
        let mut near = end(client, 0, &[64_240, 29_200, 65_535, 32_120]);
        near.port = port.unwrap_or_else(|| chance::client_port(rng));
        let mut conversation = Self {
            rng,
            client: near,
            server: far,
            path,
            start,
            now: start,
            spoke_last: Side::Client,
            owed: None,
            burst: *BURSTS.start(),
            packets: Vec::new(),
            from_client: 0,
        };
        conversation.handshake();
        conversation
    }

    /// Lets time pass.
    pub(super) fn pause(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// Time until a person, or a program, goes on: log-normal.
    pub(super) fn think(&mut self, median: Duration) {
        let time = chance::time(self.rng, median, 0.8);
        self.pause(time);
    }

    /// Time until a program goes on, whose spread is known.
    pub(super) fn wait(&mut self, median: Duration, spread: f64) {
        if !median.is_zero() {
            let time = chance::time(self.rng, median, spread);
            self.pause(time);
        }
    }

    /// The draws of the traffic, for sizes and choices.
    pub(super) fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// The time that the plan has reached.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// How many packets the client sends.
    pub(super) fn packets_of_client(&self) -> usize {
        self.from_client
    }

    /// `side` sends `payload`, in as many segments as it takes, and the other side acknowledges.
    pub(super) fn say(&mut self, side: Side, payload: Payload) {
        self.turn(side);
        let segment = u32::from(largest_segment(self.client.host.ip) - CLOCK_OPTION);
        let full = segment * self.path.merged;
        let mut left = payload;
        let mut in_burst = 0;
        let mut unacknowledged = 0;
        while left.len() > 0 {
            if in_burst >= self.burst {
                // The next burst waits for the first acknowledgment of this one, and is longer (RFC 5681 3.1).
                self.pause(self.path.round_trip + self.path.near);
                self.burst = (self.burst * 2).min(*BURSTS.end());
                in_burst = 0;
            }
            let piece = take(&mut left, full);
            let last = left.len() == 0;
            self.data(side, piece, last);
            in_burst += self.path.merged;
            unacknowledged += 1;
            if last {
                let by = side.other();
                let since = self.heard_by(by);
                self.owed = Some(Owed { by, since });
            } else if unacknowledged == 2 {
                let heard = self.heard_by(side.other());
                self.push(side.other(), tcp::ACK, heard, Payload::default());
                unacknowledged = 0;
            }
            if !last {
                let spacing = chance::time(self.rng, self.path.spacing, 0.3);
                self.pause(spacing);
            }
        }
    }

    /// `side` ends the connection, and the other one agrees.
    pub(super) fn close(&mut self, side: Side) {
        self.shut(side);
        self.shut(side.other());
        self.turn(side);
        self.control(side, tcp::ACK);
    }

    /// `side` says that it has no more to send, and nothing is said of what the other side makes of it.
    pub(super) fn shut(&mut self, side: Side) {
        self.turn(side);
        self.control(side, tcp::FIN | tcp::ACK);
        self.end_mut(side).sequence = self.end(side).sequence.wrapping_add(1);
    }

    /// `side` breaks the connection off.
    pub(super) fn reset(&mut self, side: Side) {
        self.turn(side);
        self.control(side, tcp::RST | tcp::ACK);
    }

    /// All that was planned, as an exchange of its own.
    pub(super) fn finish(self) -> Exchange {
        Exchange::new(self.start, self.into_packets())
    }

    /// The planned packets.
    pub(super) fn into_packets(mut self) -> Vec<Planned> {
        if let Some(owed) = self.owed.take() {
            self.push(
                owed.by,
                tcp::ACK,
                owed.since.plus(DELAYED),
                Payload::default(),
            );
        }
        self.packets
    }

    fn handshake(&mut self) {
        self.control(Side::Client, tcp::SYN);
        self.client.sequence = self.client.sequence.wrapping_add(1);
        self.turn(Side::Server);
        self.control(Side::Server, tcp::SYN | tcp::ACK);
        self.server.sequence = self.server.sequence.wrapping_add(1);
        for end in [&mut self.client, &mut self.server] {
            // From here on windows are scaled by 2⁷.
            end.window = self.rng.random_range(229..=512);
        }
        self.turn(Side::Client);
        self.control(Side::Client, tcp::ACK);
    }

    /// Moves on to when `side` can have heard the other, and has sent what it owes.
    fn turn(&mut self, side: Side) {
        if self.spoke_last != side {
            let heard = self.time_to_hear(side);
            self.pause(heard);
            self.spoke_last = side;
        }
        // An acknowledgment that need not travel alone goes with what is said now, or with that of what is said now.
        if let Some(owed) = self.owed.take()
            && owed.since.plus(DELAYED) < self.now
        {
            self.push(
                owed.by,
                tcp::ACK,
                owed.since.plus(DELAYED),
                Payload::default(),
            );
        }
        self.now = self.now.max(self.end(side).busy_until);
    }

    /// When `side` has heard what the other says now; not before what it sent already.
    fn heard_by(&mut self, side: Side) -> Timestamp {
        let time = self.time_to_hear(side);
        self.now.plus(time).max(self.end(side).busy_until)
    }

    /// From a packet at the tap to the answer of `side` at the tap.
    fn time_to_hear(&mut self, side: Side) -> Duration {
        match side {
            Side::Server => chance::time(self.rng, self.path.round_trip, self.path.jitter),
            Side::Client => chance::time(self.rng, self.path.near, 0.4),
        }
    }

    fn data(&mut self, side: Side, piece: Payload, last: bool) {
        let length = piece.len();
        let flags = if last { tcp::PSH | tcp::ACK } else { tcp::ACK };
        if self.rng.random_bool(self.path.loss) {
            self.push(side, flags, self.now, piece.clone());
            self.pause(self.path.round_trip + self.path.near + RETRANSMISSION);
            self.burst = *BURSTS.start();
        }
        self.push(side, flags, self.now, piece);
        self.end_mut(side).sequence = self.end(side).sequence.wrapping_add(length);
    }

    fn control(&mut self, side: Side, flags: u8) {
        self.push(side, flags, self.now, Payload::default());
    }

    fn push(&mut self, side: Side, flags: u8, at: Timestamp, payload: Payload) {
        let (from, to) = (self.end(side), self.end(side.other()));
        let clock = from.clock.wrapping_add((at.as_nanos() / 1_000_000) as u32);
        let heard = to.clock.wrapping_add((at.as_nanos() / 1_000_000) as u32);
        let acknowledges = flags & tcp::ACK != 0;
        let echo = if acknowledges { heard } else { 0 };
        let segment = Segment {
            source_port: from.port,
            destination_port: to.port,
            sequence: from.sequence,
            acknowledgment: if acknowledges { to.sequence } else { 0 },
            flags,
            window: from.window,
            options: if flags & tcp::SYN == 0 {
                Options::Clock { clock, echo }
            } else {
                Options::Opening { clock, echo }
            },
        };
        let (from, to) = (from.host, to.host);
        self.end_mut(side).busy_until = at;
        self.from_client += usize::from(side == Side::Client);
        let body = Body::Tcp { segment, payload };
        self.packets.push(Planned {
            at,
            packet: Packet {
                from,
                to,
                body,
                salt: self.rng.random(),
            },
        });
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Takes at most `length` bytes off the front.
fn take(payload: &mut Payload, length: u32) -> Payload {
    let from_head = payload.head.len().min(length as usize);
    let head = payload.head[..from_head].into();
    payload.head = payload.head[from_head..].into();
    let noise = payload.noise.min(length - from_head as u32);
    payload.noise -= noise;
    Payload { head, noise }
}

#[cfg(test)]
mod tests {
    use super::take;
    use crate::simulate::packet::Payload;

    #[test]
    fn the_pieces_of_a_payload_add_up_to_it() {
        let mut left = Payload::headed(*b"GET / HTTP/1.1", 3000);
        let pieces: Vec<_> =
            std::iter::from_fn(|| (left.len() > 0).then(|| take(&mut left, 10))).collect();
        assert_eq!(pieces.len(), 300);
        assert_eq!(&*pieces[0].head, b"GET / HTTP");
        assert_eq!((&*pieces[1].head, pieces[1].noise), (b"/1.1".as_slice(), 6));
        assert!(pieces.iter().all(|piece| piece.len() == 10));
    }
}
