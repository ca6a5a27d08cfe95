//! The columns of a conversation: what its flows have in common, how they follow one another, and how they end.
//!
//! Guessing and flooding are repetition: alike flows in a row with one service (Hofstede et al. 2014 for SSH, 2017 for web
//! forms). Single flows of either are ordinary. Times that a lab makes short stand beside ratios that it does not.

use super::Talk;
use super::member::{Deed, Number};

/// One number that a model sees of a conversation.
#[derive(Debug)]
pub struct Column {
    /// Its name everywhere: model file, explanation.
    pub name: &'static str,
    /// Unit of the value; empty for shares.
    pub unit: &'static str,
    /// What it means, for the documentation.
    pub meaning: &'static str,
    pub(super) compute: fn(&Talk<'_>) -> f32,
}

macro_rules! columns {
    ($($name:literal, $unit:literal, $meaning:literal, $compute:expr;)*) => {
        /// Every column in the order of the row.
        pub static COLUMNS: &[Column] = &[$(Column {
            name: $name,
            unit: $unit,
            meaning: $meaning,
            compute: $compute,
        }),*];
    };
}

columns! {
    "flows", "flows", "flows, older ones counting half for each minute", |t| t.flows;
    "flow_rate", "flows/s", "flows that began over the time in which they did", |t| t.flow_rate();
    "start_gap", "s", "median time between the beginnings of two flows", |t| t.gaps().0;
    "start_gap_cv", "", "variation of that time: standard deviation over mean", |t| t.gaps().1;
    "pause", "s", "median time from the end of a flow to the beginning of the next; 0 where they overlap", |t| t.pause();
    "open_at_once", "flows", "flows that were open at once, in the mean", |t| t.open_at_once();
    "still_open", "", "share of flows that nobody has closed", |t| 1.0 - t.share(Deed::Closed);
    "asked", "", "share of flows in which the initiator sent payload", |t| t.share(Deed::Asked);
    "answered", "", "share of flows in which the responder sent payload", |t| t.share(Deed::Answered);
    "greeted", "", "share of flows in which the responder spoke first", |t| t.share(Deed::Greeted);
    "established", "", "share of flows whose handshake was completed", |t| t.share(Deed::Established);
    "finished", "", "share of flows that both sides ended", |t| t.share(Deed::Finished);
    "reset_fwd", "", "share of flows that the initiator reset", |t| t.share(Deed::ResetFwd);
    "reset_bwd", "", "share of flows that the responder reset", |t| t.share(Deed::ResetBwd);
    "lasted", "", "share of flows that lasted 5 s with 10 packets of payload from the initiator: a session", |t| t.lasted();
    "answer_slowing", "", "time to the first answer, later half over earlier half (medians)", |t| t.answer_slowing();
    "copies_fwd", "", "share of flows that send what their predecessor sent, within 8 bytes and a packet", |t| {
        t.copies(Number::PayloadFwd, Number::PayloadPacketsFwd)
    };
    "copies_bwd", "", "the same of what comes back", |t| t.copies(Number::PayloadBwd, Number::PayloadPacketsBwd);
    "same_payload_fwd", "", "share of flows with the commonest forward payload, within 8 bytes", |t| {
        t.commonest(Number::PayloadFwd, 8.0)
    };
    "same_payload_bwd", "", "the same of backward payload", |t| t.commonest(Number::PayloadBwd, 8.0);
    "same_packets_fwd", "", "share of flows with the commonest number of forward packets of payload", |t| {
        t.commonest(Number::PayloadPacketsFwd, 0.5)
    };
    "same_packets_bwd", "", "the same backward", |t| t.commonest(Number::PayloadPacketsBwd, 0.5);
    "distinct_payload_fwd", "", "distinct forward payloads, a flow", |t| t.distinct(Number::PayloadFwd);
    "distinct_payload_bwd", "", "distinct backward payloads, a flow", |t| t.distinct(Number::PayloadBwd);
    "duration", "s", "median duration", |t| t.median(Number::Duration);
    "duration_most", "s", "longest duration", |t| t.most(Number::Duration);
    "duration_cv", "", "variation of the duration", |t| t.variation(Number::Duration);
    "packets_fwd", "packets", "median of forward packets", |t| t.median(Number::PacketsFwd);
    "packets_fwd_cv", "", "their variation", |t| t.variation(Number::PacketsFwd);
    "packets_bwd", "packets", "median of backward packets", |t| t.median(Number::PacketsBwd);
    "packets_bwd_cv", "", "their variation", |t| t.variation(Number::PacketsBwd);
    "payload_fwd", "bytes", "median of forward payload", |t| t.median(Number::PayloadFwd);
    "payload_fwd_most", "bytes", "most forward payload of a flow", |t| t.most(Number::PayloadFwd);
    "payload_fwd_cv", "", "its variation", |t| t.variation(Number::PayloadFwd);
    "payload_bwd", "bytes", "median of backward payload", |t| t.median(Number::PayloadBwd);
    "payload_bwd_most", "bytes", "most backward payload of a flow", |t| t.most(Number::PayloadBwd);
    "payload_bwd_cv", "", "its variation", |t| t.variation(Number::PayloadBwd);
    "payload_packets_fwd", "packets", "median of forward packets with payload", |t| t.median(Number::PayloadPacketsFwd);
    "payload_packets_fwd_cv", "", "their variation", |t| t.variation(Number::PayloadPacketsFwd);
    "payload_packets_bwd", "packets", "median of backward packets with payload", |t| t.median(Number::PayloadPacketsBwd);
    "payload_packets_bwd_cv", "", "their variation", |t| t.variation(Number::PayloadPacketsBwd);
    "payload_mean_fwd", "bytes", "median of the mean forward payload", |t| t.median(Number::PayloadMeanFwd);
    "payload_mean_fwd_cv", "", "its variation", |t| t.variation(Number::PayloadMeanFwd);
    "payload_mean_bwd", "bytes", "median of the mean backward payload", |t| t.median(Number::PayloadMeanBwd);
    "payload_mean_bwd_cv", "", "its variation", |t| t.variation(Number::PayloadMeanBwd);
    "first_payload_fwd", "s", "median time to the first forward payload", |t| t.median(Number::FirstPayloadFwd);
    "first_payload_bwd", "s", "median time to the first backward payload", |t| t.median(Number::FirstPayloadBwd);
    "first_payload_bwd_cv", "", "its variation", |t| t.variation(Number::FirstPayloadBwd);
    "length_std_fwd", "bytes", "median deviation of the frame length, forward", |t| t.median(Number::LengthStdFwd);
    "length_std_bwd", "bytes", "the same backward", |t| t.median(Number::LengthStdBwd);
    "gap_most", "s", "median of the longest gap in a flow", |t| t.median(Number::GapMax);
    "gap_most_cv", "", "its variation", |t| t.variation(Number::GapMax);
    "bwd_byte_share", "", "median share of bytes that come back", |t| t.median(Number::BwdByteShare);
    "bwd_byte_share_cv", "", "its variation", |t| t.variation(Number::BwdByteShare);
    "unanswered_for", "s", "median time that a request has waited for an answer", |t| t.median(Number::UnansweredFor);
    "unanswered_for_most", "s", "longest of these", |t| t.most(Number::UnansweredFor);
}
