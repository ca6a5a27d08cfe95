//! One frame, counted by the loaded programs and by the same code in user space.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::{Deref, DerefMut};

use netanom::flow::{IgnoredTallies, Window};
use netanom::source::FirstFragments;
use netanom::source::kernel::{Injector, Wire};
use netanom_common::counter::Tally;
use netanom_common::flow::{DirectionCounters, FlowCounters, FlowKey, Observation};
use netanom_common::fragment::join;
use netanom_common::packet::{Frame, PacketBytes, Tunnels};
use netanom_common::parse::parse;
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// What the kernel takes for the interface of an injected frame: the loopback.
const LOOPBACK: u32 = 1;
/// `BPF_PROG_TEST_RUN` refuses what is shorter than an Ethernet header.
pub(crate) const SHORTEST: usize = 14;

pub(crate) const XDP_PASS: u32 = 2;
const TCX_NEXT: i32 = -1;

const THIS_THREAD: Pid = Pid::from_raw(0);

/// The programs, and what user space remembers in the meantime as they do.
pub(crate) struct Pair {
    injector: Injector,
    fragments: FirstFragments,
    tunnels: Tunnels,
}

impl Pair {
    /// `tunnels` is what user space wants; for the programs it was said when they were loaded.
    pub(crate) fn new(injector: Injector, tunnels: Tunnels) -> Self {
        Self {
            injector,
            fragments: FirstFragments::default(),
            tunnels,
        }
    }

    /// Lets both forget the first fragments that they have seen.
    pub(crate) fn forget_fragments(&mut self) {
        self.injector.forget_fragments().unwrap();
        self.fragments = FirstFragments::default();
    }
}

impl Deref for Pair {
    type Target = Injector;

    fn deref(&self) -> &Injector {
        &self.injector
    }
}

impl DerefMut for Pair {
    fn deref_mut(&mut self) -> &mut Injector {
        &mut self.injector
    }
}

/// A frame, in which direction it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    In(&'a [u8]),
    Out(&'a [u8], Wire),
    /// Coming in where TCX counts it, as so many packets.
    Arrive(&'a [u8], u32),
}

/// A frame coming in by both hooks and leaving, as far as `BPF_PROG_TEST_RUN` takes it.
pub(crate) fn both_ways(frame: &[u8]) -> impl Iterator<Item = Step<'_>> {
    let shortest_out = match frame.get(12..14) {
        Some([0x08, 0x00]) => SHORTEST + 20,
        Some([0x86, 0xdd]) => SHORTEST + 40,
        _ => SHORTEST,
    };
    let come_in = (frame.len() >= SHORTEST).then_some(Step::In(frame));
    let leave = (frame.len() >= shortest_out).then_some(Step::Out(frame, Wire::of(frame)));
    let arrive = (frame.len() >= shortest_out).then_some(Step::Arrive(frame, 0));
    come_in.into_iter().chain(leave).chain(arrive)
}

/// Counts the frames in the kernel, on one CPU, and in user space. Every frame has to pass.
///
/// On two CPUs they would be counted in two parts. A thread that moves twice mixes their times, and where both ends of a
/// flow sent a SYN, the part that began first need not have the first SYN.
pub(crate) fn count(injector: &mut Pair, steps: &[Step<'_>]) -> (Counted, Counted) {
    let _here = OneCpu::stay();
    let mut user = Counted::default();
    for step in steps {
        match *step {
            Step::In(frame) => {
                assert_eq!(injector.receive(frame).unwrap(), XDP_PASS, "{frame:02x?}");
                user.add(
                    &mut injector.fragments,
                    &Frame::whole(frame).with(injector.tunnels),
                    NonZeroU32::MIN,
                    false,
                );
            }
            Step::Out(frame, wire) => {
                assert_eq!(
                    injector.send(frame, wire).unwrap(),
                    TCX_NEXT,
                    "{frame:02x?}"
                );
                let segments = NonZeroU32::new(wire.segments).unwrap_or(NonZeroU32::MIN);
                user.add(
                    &mut injector.fragments,
                    &Frame::captured(frame, wire.length).with(injector.tunnels),
                    segments,
                    true,
                );
            }
            Step::Arrive(frame, segments) => {
                let verdict = injector.arrive(frame, segments).unwrap();
                assert_eq!(verdict, TCX_NEXT, "{frame:02x?}");
                let segments = NonZeroU32::new(segments).unwrap_or(NonZeroU32::MIN);
                user.add(
                    &mut injector.fragments,
                    &Frame::whole(frame).with(injector.tunnels),
                    segments,
                    false,
                );
            }
        }
    }
    (Counted::of(injector.drain().unwrap()), user)
}

/// Keeps the thread on the CPU where it is.
pub(crate) struct OneCpu {
    before: CpuSet,
}

impl OneCpu {
    pub(crate) fn stay() -> Self {
        let before = sched_getaffinity(THIS_THREAD).unwrap();
        let mut here = CpuSet::new();
        here.set(sched_getcpu().unwrap()).unwrap();
        sched_setaffinity(THIS_THREAD, &here).unwrap();
        Self { before }
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        sched_setaffinity(THIS_THREAD, &self.before).unwrap();
    }
}

/// All that was counted, without times: the kernel takes them from its own clock.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub(crate) flows: BTreeMap<FlowKey, FlowCounters>,
    pub(crate) ignored: IgnoredTallies,
}

impl Counted {
    pub(crate) fn of(window: Window) -> Self {
        let mut flows: BTreeMap<FlowKey, FlowCounters> = BTreeMap::new();
        for (key, counters) in window.flows {
            flows.entry(key).or_default().merge(&counters);
        }
        for counters in flows.values_mut() {
            counters.low = timeless(&counters.low);
            counters.high = timeless(&counters.high);
        }
        Self {
            flows,
            ignored: window.ignored,
        }
    }

    fn add(
        &mut self,
        fragments: &mut FirstFragments,
        frame: &Frame<'_>,
        segments: NonZeroU32,
        egress: bool,
    ) {
        match parse(frame) {
            Ok(mut packet) => {
                join(&mut packet, fragments);
                let (key, side) = FlowKey::of(&packet, LOOPBACK);
                let counters = self.flows.entry(key).or_default();
                if !egress {
                    // What came in as one frame had headers each; of what leaves the kernel knows the length.
                    let headers = packet.length.saturating_sub(packet.payload);
                    packet.length += (segments.get() - 1) * headers;
                }
                counters.account(
                    side,
                    &packet,
                    Observation {
                        now: 0,
                        segments,
                        egress,
                    },
                );
            }
            Err(reason) => {
                self.ignored.0[reason as usize]
                    .add(u64::from(segments.get()), u64::from(frame.wire_length()));
            }
        }
    }

    fn tallies(&self) -> impl Iterator<Item = Tally> {
        let flows = self.flows.values().map(|flow| Tally {
            packets: flow.packets(),
            bytes: flow.bytes(),
        });
        flows.chain(self.ignored.0)
    }

    pub(crate) fn packets(&self) -> u64 {
        self.tallies().map(|tally| tally.packets).sum()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.tallies().map(|tally| tally.bytes).sum()
    }
}

fn timeless(sent: &DirectionCounters) -> DirectionCounters {
    DirectionCounters {
        first: 0,
        last: 0,
        first_payload: 0,
        gap_sum: 0,
        gap_squares: 0,
        gap_min: 0,
        gap_max: 0,
        ..*sent
    }
}
