//! Many CPUs at once: what senders on each of them push through several queues is counted to the packet and the byte,
//! while the generations are swapped all the time.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use netanom::simulate::{Mode, Scenario, frames};
use netanom::source::{Direction, FlowSource};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::watch::watch;

/// An office's traffic in this many seconds: some ten thousand frames.
const SECONDS: u64 = 60;
/// How often each sender sends all of it.
const ROUNDS: usize = 3;

/// The frames of a seed.
fn office(seed: u64) -> Vec<Vec<u8>> {
    let scenario = Scenario {
        duration: Duration::from_secs(SECONDS),
        seed,
        ..Scenario::new(
            Mode::Normal,
            "10.20.0.0/28".parse().unwrap(),
            "10.20.1.5".parse().unwrap(),
        )
    };
    let frames = frames(&scenario).unwrap();
    frames.map(|frame| frame.bytes.to_vec()).collect()
}

#[test]
fn senders_on_all_cpus_lose_no_packet_and_no_byte() {
    let cpus = thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .max(2);
    let Some(pair) = Pair::with_queues("senders_on_all_cpus_lose_no_packet_and_no_byte", cpus)
    else {
        return;
    };
    // The first traffic is every sender's, so that its flows are counted on all CPUs; the other is each one's own.
    let shared = office(1);
    let own: Vec<_> = (0..cpus).map(|cpu| office(100 + cpu as u64)).collect();
    let mut source = watch(&pair.sensor, Direction::Ingress);

    let are_done = AtomicBool::new(false);
    let (mut packets, mut bytes, mut windows) = (0, 0, 0);
    let mut keys = BTreeSet::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::scope(|senders| {
                for (cpu, own) in own.iter().enumerate() {
                    let (pair, shared) = (&pair, &shared);
                    senders.spawn(move || pair.sender.inside(|| send(cpu, shared, own)));
                }
            });
            are_done.store(true, Ordering::Release);
        });
        // Some windows more when all was sent: the last frames may be under way.
        let mut after = 0;
        while after < 20 {
            after += u32::from(are_done.load(Ordering::Acquire));
            let window = source.next_window().unwrap().unwrap();
            windows += 1;
            for (key, counters) in window.flows {
                packets += counters.packets();
                bytes += counters.bytes();
                keys.insert(format!("{key:?}"));
            }
            for (_, tally) in window.ignored.iter() {
                packets += tally.packets;
                bytes += tally.bytes;
            }
        }
    });

    let sent = || own.iter().flatten().chain((0..cpus).flat_map(|_| &shared));
    assert_eq!(packets, (ROUNDS * sent().count()) as u64);
    let sent_bytes: usize = sent().map(Vec::len).sum();
    assert_eq!(bytes, (ROUNDS * sent_bytes) as u64);
    assert!(windows > 20 && keys.len() > 100, "{windows} {}", keys.len());
}

fn send(cpu: usize, shared: &[Vec<u8>], own: &[Vec<u8>]) {
    let mut here = CpuSet::new();
    here.set(cpu).unwrap();
    sched_setaffinity(Pid::from_raw(0), &here).unwrap();
    let socket = PacketSocket::open("v1");
    for _ in 0..ROUNDS {
        socket.send(shared.iter().chain(own).map(Vec::as_slice));
    }
}
