//! Agreement with tshark, which we did not write, on every real capture that is here: docs/compatibility.md.
//!
//! tshark reads all captures in one run (mergecap puts them one after another, capinfos says how many frames each
//! has), so that the test takes half a minute and not many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use netanom::flow::protocol_name;
use netanom::source::FlowSource;
use netanom::source::capture::CaptureSource;
use netanom_common::counter::{Ignored, Tally};
use netanom_common::flow::Side;

use crate::common::skip;

/// Fields that tshark prints of each frame, with one value for each layer from the outermost on.
const FIELDS: [&str; 18] = [
    "frame.len",
    "frame.protocols",
    "vlan.id",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.frag_offset",
    "ip.flags.mf",
    "ip.id",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "tcp.srcport,tcp.dstport",
    "udp.srcport,udp.dstport",
    "sctp.srcport,sctp.dstport",
    "ipv6.fraghdr.offset",
    "icmp.type",
    "icmpv6.type",
];

/// Protocols that tshark dissects; all others would only cost time.
const DISSECTED: [&str; 25] = [
    "frame",
    "eth",
    "ethertype",
    "vlan",
    "ieee8021ad",
    "mpls",
    "gre",
    "vxlan",
    "geneve",
    "pppoes",
    "ppp",
    "llc",
    "erspan",
    "gtp",
    "ip",
    "ipv6",
    "ipv6.hopopts",
    "ipv6.routing",
    "ipv6.fraghdr",
    "ipv6.dstopts",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmpv6",
];

/// Who sent to whom, with which protocol and VLAN tags; or whom ICMP errors speak for, in the flow that they quote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Conversation {
    protocol: String,
    from: (IpAddr, u16),
    to: (IpAddr, u16),
    vlans: (u16, u16),
    is_error: bool,
}

/// What a tool makes of a capture: conversations in each direction, and frames that are in none.
#[derive(Debug, Default, PartialEq)]
struct Count {
    conversations: BTreeMap<Conversation, (u64, u64)>,
    others: BTreeMap<&'static str, (u64, u64)>,
}

impl Count {
    fn add(&mut self, conversation: Conversation, packets: u64, bytes: u64) {
        let sum = self.conversations.entry(conversation).or_default();
        *sum = (sum.0 + packets, sum.1 + bytes);
    }

    fn add_other(&mut self, reason: &'static str, packets: u64, bytes: u64) {
        let sum = self.others.entry(reason).or_default();
        *sum = (sum.0 + packets, sum.1 + bytes);
    }

    fn total(&self) -> (u64, u64) {
        let sums = self.conversations.values().chain(self.others.values());
        sums.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }
}

#[test]
fn every_capture_has_the_conversations_that_tshark_sees() {
    const NAME: &str = "every_capture_has_the_conversations_that_tshark_sees";
    let folder = std::env::var_os("NETANOM_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let mut captures = Vec::new();
    find_captures(&folder, &mut captures);
    captures.sort();
    if captures.is_empty() {
        return skip(NAME, &format!("no captures under {}", folder.display()));
    }
    if Command::new("tshark").arg("--version").output().is_err() {
        return skip(NAME, "no tshark: install the package tshark");
    }
    let lengths = lengths(&captures);
    let mut theirs = Tshark::read(&captures);
    let mut differences = String::new();
    for (capture, frames) in captures.iter().zip(lengths) {
        let theirs = theirs.count(frames);
        let ours = count(capture);
        let name = capture.strip_prefix(&folder).unwrap().display();
        assert_eq!(ours.total(), theirs.total(), "{name}: frames and bytes");
        assert_eq!(ours.total().0, frames, "{name}: frames");
        tell_differences(&mut differences, &name.to_string(), &ours, &theirs);
    }
    theirs.finish();
    assert_eq!(differences, "");
}

fn tell_differences(text: &mut String, name: &str, ours: &Count, theirs: &Count) {
    let keys: BTreeSet<_> = ours
        .conversations
        .keys()
        .chain(theirs.conversations.keys())
        .collect();
    for key in keys {
        let (our, their) = (ours.conversations.get(key), theirs.conversations.get(key));
        if our != their {
            let _ = writeln!(text, "{name}: {key:?}: ours {our:?}, tshark's {their:?}");
        }
    }
    if ours.others != theirs.others {
        let (our, their) = (&ours.others, &theirs.others);
        let _ = writeln!(text, "{name}: in no flow: ours {our:?}, tshark's {their:?}");
    }
}

fn find_captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_captures(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "pcap")
        {
            found.push(path);
        }
    }
}

/// What the sensor counts.
fn count(capture: &Path) -> Count {
    let mut count = Count::default();
    let mut source = CaptureSource::open(capture, Duration::from_secs(10)).unwrap();
    while let Some(window) = source.next_window().unwrap() {
        for (key, counters) in &window.flows {
            for from in [Side::Low, Side::High] {
                let to = from.other();
                let conversation = |is_error| Conversation {
                    protocol: protocol_name(key.protocol()),
                    from: (key.address(from), key.port(from)),
                    to: (key.address(to), key.port(to)),
                    vlans: key.vlans(),
                    is_error,
                };
                let Tally { packets, bytes } = counters.sent_by(from).total;
                if packets > 0 {
                    count.add(conversation(false), packets, bytes);
                }
                let errors = counters.errors_for(from);
                if errors.packets > 0 {
                    count.add(conversation(true), u64::from(errors.packets), errors.bytes);
                }
            }
        }
        for (reason, tally) in window.ignored.iter().filter(|(_, tally)| tally.packets > 0) {
            count.add_other(reason.name(), tally.packets, tally.bytes);
        }
    }
    assert_eq!(source.unread(), [], "{}", capture.display());
    count
}

/// How many frames each capture has, by capinfos.
fn lengths(captures: &[PathBuf]) -> Vec<u64> {
    let output = Command::new("capinfos")
        .args(["-T", "-r", "-M", "-c"])
        .args(captures)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lengths: Vec<u64> = text
        .lines()
        .map(|line| line.rsplit('\t').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(lengths.len(), captures.len(), "{text}");
    lengths
}

/// tshark's lines on all captures, one after another.
struct Tshark {
    lines: std::io::Lines<BufReader<ChildStdout>>,
    children: [Child; 2],
}

impl Tshark {
    fn read(captures: &[PathBuf]) -> Self {
        let protocols = Command::new("tshark").args(["-G", "protocols"]).output();
        let protocols = String::from_utf8(protocols.unwrap().stdout).unwrap();
        let disabled = protocols
            .lines()
            .filter_map(|line| line.split('\t').nth(2))
            .filter(|name| !DISSECTED.contains(name));
        let disabled = disabled.flat_map(|name| ["--disable-protocol", name]);
        let mut merged = Command::new("mergecap")
            .args(["-a", "-F", "pcap", "-w", "-"])
            .args(captures)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let preferences = [
            "ip.defragment:FALSE",
            "ipv6.defragment:FALSE",
            "tcp.desegment_tcp_streams:FALSE",
            "tcp.analyze_sequence_numbers:FALSE",
        ];
        let fields = FIELDS.iter().flat_map(|fields| fields.split(','));
        let mut tshark = Command::new("tshark")
            .args(["-n", "-r", "-", "-T", "fields", "-E", "occurrence=a"])
            .args(preferences.iter().flat_map(|value| ["-o", *value]))
            .args(fields.flat_map(|field| ["-e", field]))
            .args(disabled)
            .stdin(merged.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(tshark.stdout.take().unwrap()).lines();
        Self {
            lines,
            children: [merged, tshark],
        }
    }

    /// Both programs saw all and came to a good end.
    fn finish(mut self) {
        assert!(self.lines.next().is_none(), "tshark saw more frames");
        for child in &mut self.children {
            assert!(child.wait().unwrap().success());
        }
    }

    /// Counts the next frames.
    fn count(&mut self, frames: u64) -> Count {
        let mut count = Count::default();
        let mut fragments = FirstFragments::new();
        for _ in 0..frames {
            let line = self.lines.next().expect("tshark saw fewer frames").unwrap();
            Line::of(&line).count(&mut count, &mut fragments);
        }
        count
    }
}

/// The fields of a frame, by name.
struct Line<'a>(BTreeMap<&'a str, &'a str>);

/// Ports of the first fragments of a capture, by addresses, protocol and identifier.
type FirstFragments = BTreeMap<(IpAddr, IpAddr, String, String), [u16; 2]>;

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let names = FIELDS.iter().flat_map(|fields| fields.split(','));
        let fields: Vec<_> = line.split('\t').collect();
        Self(names.zip(fields).collect())
    }

    /// The value of a field in the layer that is so deep.
    fn at(&self, name: &str, depth: usize) -> Option<&'a str> {
        let value = self.0[name].split(',').nth(depth);
        value.filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str, depth: usize) -> Option<u64> {
        let value = self.at(name, depth)?;
        // Newer tsharks have words for flags.
        Some(match value {
            "True" => 1,
            "False" => 0,
            number => number.parse().unwrap(),
        })
    }

    fn count(&self, count: &mut Count, fragments: &mut FirstFragments) {
        let bytes = self.number("frame.len", 0).unwrap();
        match self.conversation(fragments) {
            Ok(conversation) => count.add(conversation, 1, bytes),
            Err(reason) => count.add_other(reason.name(), 1, bytes),
        }
    }

    fn conversation(&self, fragments: &mut FirstFragments) -> Result<Conversation, Ignored> {
        let mut layers: Vec<_> = self.0["frame.protocols"].split(':').collect();
        let is_network = |name: &&str| matches!(*name, "ip" | "ipv6");
        if let Some(quoting) = layers.iter().position(|name| name.starts_with("icmp")) {
            let quote = layers[quoting + 1..].iter().position(is_network);
            if let Some(quote) = quote.filter(|_| self.is_error(&layers[..=quoting])) {
                let network = quoting + 1 + quote;
                // What names no flow stays in that of ICMP: a later fragment, less than a transport header.
                if let Ok(quoted) = self.of_layers(&layers, network, None) {
                    return Ok(Conversation {
                        from: quoted.to,
                        to: quoted.from,
                        is_error: true,
                        ..quoted
                    });
                }
            }
            layers.truncate(quoting + 1);
        }
        // The innermost IP header: tshark goes into the tunnels that the sensor goes into, and into no other.
        let network = layers.iter().rposition(is_network).ok_or(Ignored::NotIp)?;
        self.of_layers(&layers, network, Some(fragments))
    }

    /// Whether the last of these layers is an unfragmented ICMP error that has to quote a packet.
    fn is_error(&self, layers: &[&str]) -> bool {
        let depth = layers.iter().filter(|name| **name == "ip").count();
        let kind = |name: &str| self.number(name, 0);
        match layers.last() {
            Some(&"icmp") => {
                matches!(kind("icmp.type"), Some(3 | 11 | 12))
                    && self.number("ip.flags.mf", depth - 1) != Some(1)
            }
            _ => matches!(kind("icmpv6.type"), Some(1..=4)),
        }
    }

    /// The conversation of the packet with the IP header in this layer; of one that is quoted without `fragments`.
    fn of_layers(
        &self,
        layers: &[&str],
        network: usize,
        fragments: Option<&mut FirstFragments>,
    ) -> Result<Conversation, Ignored> {
        let version = layers[network];
        let same = |until: usize| {
            let layers = &layers[..=until];
            layers.iter().filter(|name| **name == layers[until]).count() - 1
        };
        let depth = same(network);
        let address = |end: &str| {
            let address = self.at(&format!("{version}.{end}"), depth);
            Ok(address.ok_or(Ignored::Truncated)?.parse().unwrap())
        };
        let (from, to) = (address("src")?, address("dst")?);
        let place = layers[network + 1..]
            .iter()
            .position(|name| !name.starts_with("ipv6."))
            .map(|place| network + 1 + place);
        let above = place
            .map(|place| layers[place])
            .filter(|name| matches!(*name, "tcp" | "udp" | "sctp" | "icmp" | "icmpv6"));
        let next = if version == "ip" {
            "ip.proto"
        } else {
            "ipv6.nxt"
        };
        let protocol = match above {
            Some(name) => name.to_owned(),
            None => protocol_name(self.number(next, depth).ok_or(Ignored::Truncated)? as u8),
        };
        let mut ports = match above {
            Some(name @ ("tcp" | "udp" | "sctp")) => {
                let port = |end: &str| {
                    let depth = place.map_or(0, same);
                    let port = self.number(&format!("{name}.{end}port"), depth);
                    port.map(|port| port as u16).ok_or(Ignored::Truncated)
                };
                [port("src")?, port("dst")?]
            }
            _ => [0, 0],
        };
        let is_later = self.number("ip.frag_offset", depth) > Some(0) && version == "ip";
        let Some(fragments) = fragments else {
            if is_later {
                return Err(Ignored::Truncated);
            }
            return Ok(self.between(protocol, (from, ports[0]), (to, ports[1])));
        };
        if version == "ip" {
            let packet = (from, to, protocol.clone(), self.0["ip.id"].to_owned());
            if is_later {
                ports = fragments.get(&packet).copied().unwrap_or(ports);
            } else if self.number("ip.flags.mf", depth) == Some(1) {
                fragments.insert(packet, ports);
            }
        }
        Ok(self.between(protocol, (from, ports[0]), (to, ports[1])))
    }

    fn between(&self, protocol: String, from: (IpAddr, u16), to: (IpAddr, u16)) -> Conversation {
        let mut vlans = self.0["vlan.id"]
            .split(',')
            .map(|id| id.parse().unwrap_or(0));
        Conversation {
            protocol,
            from,
            to,
            vlans: (vlans.next().unwrap_or(0), vlans.next().unwrap_or(0)),
            is_error: false,
        }
    }
}
