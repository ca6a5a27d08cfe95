//! VLAN tags that a driver keeps beside the frames that come in: both directions of a conversation are one flow.

use std::collections::HashMap;

use netanom::source::kernel::{Change, KernelSource};
use netanom::source::{Direction, FlowSource};
use netanom_common::flow::{FlowCounters, FlowKey};

use crate::driver::keep_tags_in_frames;
use crate::frames::{FrameBuilder, frame};
use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::wait_until;
use crate::watch::watch;

const VLAN: u16 = 7;

/// On a VLAN, padded: the bytes of each direction differ.
fn asked() -> FrameBuilder {
    frame().vlan(VLAN).ipv4().udp(53).payload(40)
}

fn answered() -> FrameBuilder {
    frame().vlan(VLAN).ipv4().udp(53).payload(400).answer()
}

/// A bridge in the sender's namespace: the stack takes the tag out of what comes into it, and it leaves by `v1` beside
/// the frame. What is sent on `w1` so comes in at `v0`. `None` where there are no bridges.
fn bridge(pair: &Pair) -> Option<()> {
    let add = "ip link add b0 type bridge mcast_snooping 0";
    let mut add = add.split(' ');
    let mut made = pair.sender.command(add.next()?);
    if !made.args(add).output().unwrap().status.success() {
        return None;
    }
    for command in [
        "ip link add w0 type veth peer name w1",
        "ip link set w0 master b0 up",
        "ip link set v1 master b0 up",
        "ip link set w1 up",
        "ip link set b0 up",
    ] {
        pair.sender.run(&command.split(' ').collect::<Vec<_>>());
    }
    Some(())
}

/// One packet of each direction; the flows that come of it.
fn converse(pair: &Pair, source: &mut KernelSource) -> HashMap<FlowKey, FlowCounters> {
    let (ask, answer) = (asked().build(), answered().build());
    pair.sender
        .inside(|| PacketSocket::open("w1").send([&ask[..]]));
    pair.sensor
        .inside(|| PacketSocket::open("v0").send([&answer[..]]));
    let mut flows: HashMap<FlowKey, FlowCounters> = HashMap::new();
    wait_until("both packets are counted", || {
        for (key, counters) in source.next_window().unwrap().unwrap().flows {
            flows.entry(key).or_default().merge(&counters);
        }
        flows.values().map(FlowCounters::packets).sum::<u64>() >= 2
    });
    flows
}

fn mode(source: &mut KernelSource) -> &'static str {
    match &source.changes()[..] {
        [Change::Came(attachment)] => attachment.mode,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tag_beside_the_frame_counts_as_the_one_in_the_answer() {
    let test = "a_tag_beside_the_frame_counts_as_the_one_in_the_answer";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    if bridge(&pair).is_none() {
        return crate::common::skip(test, "needs a kernel with bridges");
    }
    pair.sensor.inside(|| keep_tags_in_frames("v0", false));
    let mut source = watch(&pair.sensor, Direction::Both);
    assert_eq!(mode(&mut source), "tcx");

    let flows = converse(&pair, &mut source);

    assert_eq!(flows.len(), 1, "{flows:?}");
    let (key, counters) = flows.iter().next().unwrap();
    assert_eq!(key.vlans(), (VLAN, 0));
    let (came, left) = (
        asked().build().len() as u64,
        answered().build().len() as u64,
    );
    assert_eq!(
        (counters.bytes(), counters.egress.bytes),
        (came + left, left)
    );
}

#[test]
fn a_driver_that_leaves_tags_in_frames_gets_xdp() {
    let test = "a_driver_that_leaves_tags_in_frames_gets_xdp";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let mut source = watch(&pair.sensor, Direction::Both);
    assert_eq!(mode(&mut source), "native");

    // Then somebody changes his mind: the next look at interfaces changes the program.
    pair.sensor.inside(|| keep_tags_in_frames("v0", false));
    let mut modes = Vec::new();
    wait_until("TCX counts what comes in", || {
        // Names and indices are those of the namespace that the source was opened in.
        pair.sensor.inside(|| source.next_window().unwrap());
        modes.extend(
            source
                .changes()
                .into_iter()
                .filter_map(|change| match change {
                    Change::Came(attachment) => Some(attachment.mode),
                    _ => None,
                }),
        );
        !modes.is_empty()
    });
    assert_eq!(modes, ["tcx"]);
}
