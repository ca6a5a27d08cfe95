//! What each feature cannot see: which traffic passes by it, and what it takes for something else.

use super::Feature;

/// Which features, by the end or the beginning of their names, and what they do not see. The first row that fits counts.
static BLIND_SPOTS: &[(&[&str], &str)] = &[
    (
        &["is_tcp", "is_udp", "is_icmp"],
        "says nothing of what is inside: any service may hide in any protocol",
    ),
    (
        &["unanswered_for"],
        "a server that thinks for long looks like one that is held up; an attacker that lets itself be answered does not",
    ),
    (
        &["responder_speaks_first", "_greeted_60s"],
        "protocols that greet (SSH, FTP, mail) look alike, guessed at or not; HTTP log-ins are not greeted",
    ),
    (
        &["first_payload_fwd", "first_payload_bwd"],
        "0 both for none and for at once; a slow link delays as a slow attacker does",
    ),
    (
        &["duration"],
        "one packet and a short flow are both near 0; split at the active time-out",
    ),
    (
        &["packet_rate", "byte_rate"],
        "of few packets it is the rate of a burst; a slow flood stays low",
    ),
    (
        &["gap_"],
        "needs two packets of that direction; the sender's pauses and the network's are one",
    ),
    (
        &["length_"],
        "segmentation offload shows a mean per packet; padding and options hide what was sent",
    ),
    (
        &[
            "payload_mean_",
            "payload_packets_",
            "payload_fwd",
            "payload_bwd",
        ],
        "encrypted and plain alike, and bytes that are sent again count again",
    ),
    (
        &["bwd_share", "bwd_byte_share", "_out_share_10s"],
        "a tap that sees one direction shows silence where there are answers",
    ),
    (
        &[
            "syn_",
            "fin_",
            "rst_",
            "psh_share_fwd",
            "ack_share_fwd",
            "urg_share_fwd",
        ],
        "0 for what is not TCP; the initiator chooses its flags, and forged ones are not told apart",
    ),
    (
        &["echo_request", "unreachable"],
        "an ICMP flow has one kind of message for a pair of hosts, so a flood and a monitor differ in number alone",
    ),
    (
        &["icmp_errors_bwd", "_errors_60s"],
        "anybody can forge an error, and most networks drop or limit them",
    ),
    (
        &["packets_fwd", "packets_bwd", "bytes_fwd", "bytes_bwd"],
        "heavy honest use is as large as a flood; a flood in many flows has one packet in each",
    ),
    (
        &["_peers_10s", "_peers_60s", "_peers_300s"],
        "an estimate that ends at about 600; many hosts behind one address count as one, forged ones as many",
    ),
    (
        &[
            "_ports_10s",
            "_ports_60s",
            "_ports_300s",
            "_flows_per_port_60s",
        ],
        "an estimate that ends at about 600; a scan slower than its window shows one port at a time",
    ),
    (
        &[
            "_answered_10s",
            "_answered_60s",
            "_established_10s",
            "_established_60s",
        ],
        "a victim that answers every request of a flood looks healthy; at a one-way tap nobody answers",
    ),
    (
        &["_refused_60s"],
        "a firewall that drops in silence refuses nobody; a service that is down refuses everybody",
    ),
    (
        &["_requests_10s", "_asked_60s", "_unreplied_60s"],
        "a TLS handshake is payload too, and an answer that is streamed at once counts as one",
    ),
    (
        &[
            "_closed_60s",
            "_payload_closed_60s",
            "_payload_variation_60s",
        ],
        "connections that stay open are not in it; clients that repeat one request, as monitors do, vary as little as guesses",
    ),
    (
        &["_syns_10s", "_syns_per_flow_60s", "_icmp_10s", "_udp_10s"],
        "what was asked for and what was not are one: a busy server gets many, too",
    ),
    (
        &["initiator_"],
        "what is spread over many sources, or over longer than the window, is little for each; users behind one address add up",
    ),
    (
        &["responder_"],
        "attacked or popular is not told apart by it, nor one attacker among many visitors",
    ),
    (
        &["pair_"],
        "what is spread over many sources or many targets is little for each pair; users behind one address are one",
    ),
];

impl Feature {
    /// What it cannot see, for the documentation.
    #[must_use]
    pub fn blind_spot(&self) -> &'static str {
        let fits = |part: &&str| self.name.starts_with(part) || self.name.ends_with(part);
        let row = BLIND_SPOTS.iter().find(|(names, _)| names.iter().any(fits));
        row.map_or("", |(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::feature::features;

    #[test]
    fn every_feature_has_a_blind_spot_and_every_row_a_feature() {
        let told: BTreeSet<_> = features().map(Feature::blind_spot).collect();
        assert!(!told.contains(""));
        let all: BTreeSet<_> = BLIND_SPOTS.iter().map(|(_, text)| *text).collect();
        assert_eq!(told, all);
    }
}
