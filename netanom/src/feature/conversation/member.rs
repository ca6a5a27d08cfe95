//! What a conversation remembers of one of its flows.

use netanom_common::flow::DirectionCounters;
use netanom_common::packet::tcp;

use crate::feature::news::{is_closed, speaks_first};
use crate::flow::{Flow, Timestamp};

/// Numbers of a flow that are compared over a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Duration,
    PacketsFwd,
    PacketsBwd,
    PayloadFwd,
    PayloadBwd,
    PayloadPacketsFwd,
    PayloadPacketsBwd,
    PayloadMeanFwd,
    PayloadMeanBwd,
    FirstPayloadFwd,
    FirstPayloadBwd,
    LengthStdFwd,
    LengthStdBwd,
    GapMax,
    BwdByteShare,
    UnansweredFor,
}

pub(super) const NUMBERS: usize = 16;

/// What a flow did, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// The initiator sent payload.
    Asked,
    /// The responder did.
    Answered,
    /// The responder did before the initiator.
    Greeted,
    /// The handshake was completed.
    Established,
    /// Both sides ended it.
    Finished,
    /// The initiator reset it.
    ResetFwd,
    /// The responder reset it.
    ResetBwd,
    /// It is over, in whatever way.
    Closed,
}

/// A flow of a conversation, as far as it is compared with others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Member {
    /// The initiator's port, which tells the flows of a conversation apart.
    pub(super) port: u16,
    deeds: u8,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// When the initiator first sent payload that nothing has come back for.
    asked_at: Option<Timestamp>,
    values: [f32; NUMBERS],
}

impl Member {
    pub(super) fn of(flow: &Flow) -> Self {
        let (fwd, bwd) = (flow.fwd(), flow.bwd());
        let (first, last) = (flow.first_seen(), flow.last_seen());
        let mut member = Self {
            port: flow.initiator().port,
            deeds: 0,
            first,
            last,
            asked_at: (fwd.payload_packets > 0 && bwd.payload_packets == 0)
                .then(|| Timestamp::from_nanos(fwd.first_payload)),
            values: [0.0; NUMBERS],
        };
        let mut set = |number: Number, value: f64| member.values[number as usize] = value as f32;
        set(Number::Duration, last.since(first).as_secs_f64());
        set(Number::PacketsFwd, fwd.total.packets as f64);
        set(Number::PacketsBwd, bwd.total.packets as f64);
        set(Number::PayloadFwd, fwd.payload_bytes as f64);
        set(Number::PayloadBwd, bwd.payload_bytes as f64);
        set(Number::PayloadPacketsFwd, f64::from(fwd.payload_packets));
        set(Number::PayloadPacketsBwd, f64::from(bwd.payload_packets));
        set(Number::PayloadMeanFwd, payload_mean(fwd));
        set(Number::PayloadMeanBwd, payload_mean(bwd));
        set(Number::FirstPayloadFwd, first_payload(fwd, first));
        set(Number::FirstPayloadBwd, first_payload(bwd, first));
        set(Number::LengthStdFwd, length_std(fwd));
        set(Number::LengthStdBwd, length_std(bwd));
        let gap = fwd.gap_max.max(bwd.gap_max);
        set(Number::GapMax, f64::from(gap) / 1e6);
        let bytes = flow.counters.bytes().max(1) as f64;
        set(Number::BwdByteShare, bwd.total.bytes as f64 / bytes);
        let mut does = |deed: Deed, holds: bool| member.deeds |= u8::from(holds) << deed as u8;
        does(Deed::Asked, fwd.payload_packets > 0);
        does(Deed::Answered, bwd.payload_packets > 0);
        does(Deed::Greeted, speaks_first(bwd, fwd));
        let completed = fwd.flag(tcp::ACK) > fwd.flag(tcp::RST);
        does(Deed::Established, bwd.flag(tcp::SYN) > 0 && completed);
        let both_ended = fwd.flag(tcp::FIN) > 0 && bwd.flag(tcp::FIN) > 0;
        does(Deed::Finished, both_ended);
        does(Deed::ResetFwd, fwd.flag(tcp::RST) > 0);
        does(Deed::ResetBwd, bwd.flag(tcp::RST) > 0);
        does(Deed::Closed, is_closed(fwd, bwd));
        member
    }

    /// A number of it as it is at `now`.
    pub(super) fn number(&self, number: Number, now: Timestamp) -> f32 {
        match (number, self.asked_at) {
            (Number::UnansweredFor, Some(asked)) => now.since(asked).as_secs_f32(),
            _ => self.values[number as usize],
        }
    }

    pub(super) fn did(&self, deed: Deed) -> bool {
        self.deeds & (1 << deed as u8) != 0
    }
}

fn payload_mean(sent: &DirectionCounters) -> f64 {
    sent.payload_bytes as f64 / f64::from(sent.payload_packets.max(1))
}

/// Seconds from the flow's first packet to the first payload; 0 without one.
fn first_payload(sent: &DirectionCounters, first: Timestamp) -> f64 {
    if sent.payload_packets == 0 {
        return 0.0;
    }
    sent.first_payload.saturating_sub(first.as_nanos()) as f64 / 1e9
}

/// Population standard deviation of the frame length.
fn length_std(sent: &DirectionCounters) -> f64 {
    let packets = sent.total.packets as f64;
    if packets < 2.0 {
        return 0.0;
    }
    let mean = sent.total.bytes as f64 / packets;
    let variance = sent.length_squares as f64 / packets - mean * mean;
    variance.max(0.0).sqrt()
}
