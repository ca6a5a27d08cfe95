//! Millions of frames, made and changed at random: kernel and user space agree on each, and count each.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::Write as _;

use netanom::flow::IgnoredTallies;
use netanom::source::kernel::{Injector, Wire};
use netanom_common::counter::Ignored;
use netanom_common::packet::Tunnels;

use crate::counted::{Pair, Step, both_ways, count};
use crate::generated::Frames;

/// How many frames are tried, unless `NETANOM_TEST_FRAMES` says so; a few seconds on a developer's machine.
const FRAMES: u64 = 100_000;
/// Frames between two drains: a drain takes milliseconds, as it waits for every CPU.
const BATCH: u64 = 4096;

#[test]
fn no_frame_of_millions_is_counted_otherwise_than_in_user_space() {
    const NAME: &str = "no_frame_of_millions_is_counted_otherwise_than_in_user_space";
    check(NAME, Tunnels::Inner, wanted());
}

/// Other programs to the verifier and to the processor, with most of the parser in common: a quarter has to do.
#[test]
fn no_frame_is_counted_otherwise_where_tunnels_are_not_entered() {
    const NAME: &str = "no_frame_is_counted_otherwise_where_tunnels_are_not_entered";
    check(NAME, Tunnels::Outer, wanted() / 4);
}

fn wanted() -> u64 {
    number_in("NETANOM_TEST_FRAMES").unwrap_or(FRAMES)
}

#[expect(
    clippy::explicit_write,
    reason = "what is printed by a test that passes is shown otherwise only on request"
)]
fn check(name: &str, tunnels: Tunnels, frames: u64) {
    // Other frames in each run; a seed that found something is given back by hand.
    let drawn = RandomState::new().hash_one(0);
    let seed = number_in("NETANOM_TEST_SEED").unwrap_or(drawn);
    let Some(injector) = load(name, tunnels) else {
        return;
    };
    match disagreement(&mut Pair::new(injector, tunnels), frames, seed) {
        Ok(tried) => {
            assert!(frames < BATCH || reaches_everything(&tried), "{tried:?}");
            let Tried { runs, flows, .. } = tried;
            writeln!(
                std::io::stderr(),
                "{name}: {frames} frames, {runs} runs of the programs, {flows} flows in batches of {BATCH}, seed {seed}"
            )
            .unwrap();
        }
        Err(found) => panic!("with NETANOM_TEST_SEED={seed}: {found}"),
    }
}

fn load(test: &str, tunnels: Tunnels) -> Option<Injector> {
    Injector::load_for(crate::CAPACITY, tunnels)
        .map_err(|error| crate::refused(test, &error))
        .ok()
}

/// The same search where the two do not do the same: it would find a disagreement if there was one.
#[test]
fn a_disagreement_is_traced_to_its_frame() {
    let Some(injector) = load("a_disagreement_is_traced_to_its_frame", Tunnels::Inner) else {
        return;
    };
    // User space takes the flow between a tunnel's ends, the kernel the one inside.
    let mut pair = Pair::new(injector, Tunnels::Outer);
    let found = disagreement(&mut pair, BATCH, 1).unwrap_err();
    let hex = found.split("in: ").nth(1).or(found.split("out: ").nth(1));
    let hex = hex.unwrap().split_whitespace().next().unwrap();
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let frame: Vec<u8> = (0..hex.len()).step_by(2).map(digit).collect();
    assert!(frame.len() > 14 + 20 + 20, "a packet in a packet: {found}");
    assert!(found.contains("user space"), "{found}");
}

/// What a search that found nothing has gone through.
#[derive(Debug, Default)]
struct Tried {
    runs: u64,
    /// In batches; a flow that is in two counts twice.
    flows: u64,
    /// Packets in no flow, by the number of the reason.
    ignored: IgnoredTallies,
}

/// Counts so many frames on both sides, each coming in and leaving.
fn disagreement(pair: &mut Pair, frames: u64, seed: u64) -> Result<Tried, String> {
    let mut source = Frames::seeded(seed);
    let mut tried = Tried::default();
    let mut left = frames;
    while left > 0 {
        let size = left.min(BATCH);
        left -= size;
        let batch: Vec<_> = (0..size).map(|_| source.next()).collect();
        let mut steps: Vec<_> = batch.iter().flat_map(|frame| both_ways(frame)).collect();
        for step in &mut steps {
            offload(&mut source, step);
        }
        // Each table of first fragments forgets in its own way, so both begin anew before they are full.
        pair.forget_fragments();
        let (kernel, user) = count(pair, &steps);
        let sent: u64 = steps.iter().map(packets).sum();
        if kernel != user || kernel.packets() != sent {
            return Err(trace(pair, &steps));
        }
        tried.runs += steps.len() as u64;
        tried.flows += kernel.flows.len() as u64;
        for (sum, tally) in tried.ignored.0.iter_mut().zip(kernel.ignored.0) {
            sum.add(tally.packets, tally.bytes);
        }
    }
    Ok(tried)
}

/// Whether the frames come to every end of the parser, and are not all of one kind.
fn reaches_everything(tried: &Tried) -> bool {
    let reasons = [
        Ignored::NotIp,
        Ignored::Truncated,
        Ignored::BadHeader,
        Ignored::TooDeep,
    ];
    let packets = |reason: Ignored| tried.ignored.0[reason as usize].packets;
    reasons
        .iter()
        .all(|reason| packets(*reason) > tried.runs / 100)
        && tried.flows > tried.runs / 20
        && packets(Ignored::MapFull) + packets(Ignored::MapError) == 0
}

/// Some of the frames that leave become several packets.
fn offload(source: &mut Frames, step: &mut Step<'_>) {
    if let Step::Arrive(_, segments) = step {
        if source.below(4) == 0 {
            *segments = source.below(45) as u32;
        }
        return;
    }
    let Step::Out(frame, wire) = step else {
        return;
    };
    if source.below(4) == 0 {
        *wire = Wire {
            length: frame.len() as u32 + source.below(60_000) as u32,
            segments: source.below(45) as u32,
        };
    }
}

fn packets(step: &Step<'_>) -> u64 {
    match step {
        Step::In(_) => 1,
        Step::Out(_, wire) => u64::from(wire.segments.max(1)),
        Step::Arrive(_, segments) => u64::from((*segments).max(1)),
    }
}

/// Finds the frame with which the disagreement begins, and whether it needs others before it.
fn trace(pair: &mut Pair, steps: &[Step<'_>]) -> String {
    let mut differs = |from: usize, to: usize| {
        pair.forget_fragments();
        let (kernel, user) = count(pair, &steps[from..to]);
        let sent: u64 = steps[from..to].iter().map(packets).sum();
        (kernel != user || kernel.packets() != sent).then_some((kernel, user))
    };
    let last = first_true(1, steps.len(), |end| differs(0, end).is_some());
    // What comes before matters where fragments find each other.
    let first = first_true(1, last, |length| differs(last - length, last).is_some());
    let Some((kernel, user)) = differs(last - first, last) else {
        return format!(
            "a batch of {} differs, and does not when tried again",
            steps.len()
        );
    };
    let mut said = String::new();
    let shown = &steps[last - first..last];
    for step in shown.iter().take(1).chain(shown[1..].last()) {
        let (way, frame, wire) = match step {
            Step::In(frame) => ("in", frame, String::new()),
            Step::Out(frame, wire) => ("out", frame, format!(" as {wire:?}")),
            Step::Arrive(frame, segments) => {
                ("in: ", frame, format!(" by TCX as {segments} packets"))
            }
        };
        let hex: String = frame.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        writeln!(said, "{way}: {hex}{wire}").unwrap();
    }
    format!(
        "{first} frames, of which the first and the last are\n{said}kernel: {kernel:?}\nuser space: {user:?}"
    )
}

/// The least number of `from..=to` for which it is so; it has to be for the last.
fn first_true(mut from: usize, mut to: usize, mut is_so: impl FnMut(usize) -> bool) -> usize {
    while from < to {
        let middle = from.midpoint(to);
        if is_so(middle) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

fn number_in(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.replace('_', "").parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is `{text}`, and must be a number")))
}
