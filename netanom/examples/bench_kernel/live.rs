//! How many packets a second does one CPU carry over a veth, and is each counted?

use std::process::Command;
use std::time::Instant;

use anyhow::ensure;
use netanom::source::kernel::{Bench, Receiver};
use nix::net::if_::if_nametoindex;

use crate::{ACK, plain};

const PACKETS: u32 = 2_000_000;
const ROUNDS: usize = 3;

pub(crate) fn measure() -> anyhow::Result<()> {
    let (sender, receiver) = pair_of_interfaces()?;
    println!("## A veth\n");
    println!(
        "{PACKETS} live frames of `BPF_PROG_TEST_RUN`, redirected to one end of a pair and counted at the other. One CPU \
         makes, sends, receives and counts them. \"dropped\": a program that counts and then drops, so without the \
         network stack; \"passed\": the sensor's own, with the stack that discards the frame behind it.\n"
    );
    println!("| flows | then | Mpps | counted |\n|---|---|---|---|");
    for (flows, bits) in [("1", 0), ("1,024", 10), ("16,384", 14), ("131,072", 17)] {
        for (then, what) in [
            ("dropped", Receiver::CountDrop),
            ("passed", Receiver::Count),
        ] {
            let mut best = 0.0_f64;
            let mut counted = 0;
            for _ in 0..ROUNDS {
                let mut bench = Bench::load(1 << 18)?;
                bench.attach(what, receiver)?;
                bench.vary(bits)?;
                let begun = Instant::now();
                bench.send(sender, &plain(ACK), PACKETS)?;
                best = best.max(f64::from(PACKETS) / begun.elapsed().as_secs_f64() / 1e6);
                let (window, _) = bench.drain()?;
                let packets = window.flows.iter().map(|(_, counters)| counters.packets());
                counted += packets.sum::<u64>();
            }
            let share = counted as f64 / (ROUNDS as f64 * f64::from(PACKETS));
            println!("| {flows} | {then} | {best:.2} | {:.4} % |", share * 100.0);
        }
    }
    println!();
    Ok(())
}

/// Both ends of a new pair, up: the index of `v1`, which sends, and of `v0`.
pub(crate) fn pair_of_interfaces() -> anyhow::Result<(u32, u32)> {
    if if_nametoindex("v0").is_err() {
        ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"])?;
    }
    for end in ["v0", "v1"] {
        // Otherwise the kernel sends neighbour discovery, which would be counted with our frames.
        ip(&["link", "set", end, "addrgenmode", "none", "up"])?;
    }
    Ok((if_nametoindex("v1")?, if_nametoindex("v0")?))
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("ip").args(arguments).status()?;
    ensure!(status.success(), "`ip {}` failed", arguments.join(" "));
    Ok(())
}
