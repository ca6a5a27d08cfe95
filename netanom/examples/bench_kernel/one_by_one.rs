//! How long does the program take for one packet?

use netanom::source::kernel::{Bench, BenchProgram};

use crate::{ACK, SYN, frames, plain};

/// Runs of each program. The least is told: what else the machine did only ever adds.
const ROUNDS: u32 = 7;
/// Packets of one run.
const REPEAT: u32 = 500_000;
/// Packets for each flow that make it nearly sure that all flows are there: one in e^16 is not.
const FILL: u32 = 16;

/// Which flows a measurement has: 2 to the power of `bits` of them, in a table for `room`.
struct Traffic {
    name: &'static str,
    flags: u8,
    bits: u32,
    room: u32,
}

const TRAFFIC: [Traffic; 6] = [
    Traffic {
        name: "1 varied flow",
        flags: ACK,
        bits: 0,
        room: 1 << 18,
    },
    Traffic {
        name: "1,024 random flows",
        flags: ACK,
        bits: 10,
        room: 1 << 18,
    },
    Traffic {
        name: "16,384 random flows",
        flags: ACK,
        bits: 14,
        room: 1 << 18,
    },
    Traffic {
        name: "131,072 random flows",
        flags: ACK,
        bits: 17,
        room: 1 << 18,
    },
    Traffic {
        name: "1,048,576 random flows",
        flags: ACK,
        bits: 20,
        room: 1 << 21,
    },
    Traffic {
        name: "SYN flood, full table",
        flags: SYN,
        bits: 32,
        room: 1 << 17,
    },
];

pub(crate) fn measure() -> anyhow::Result<()> {
    let mut bench = Bench::load(1 << 18)?;
    let frame = plain(ACK);
    let empty = least(&mut bench, BenchProgram::Empty, &frame)?;
    let touch = least(&mut bench, BenchProgram::Touch, &frame)?;
    let count = least(&mut bench, BenchProgram::Count, &frame)?;
    println!("## A packet\n");
    println!("| program | ns a packet | times look up and add |\n|---|---|---|");
    println!("| nothing | {empty:.0} | {:.2} |", empty / touch);
    println!("| look up one entry and add one | {touch:.0} | 1.00 |");
    println!("| ours, a hot flow | {count:.0} | {:.2} |", count / touch);
    for traffic in TRAFFIC {
        let frame = plain(traffic.flags);
        let mut bench = Bench::load(traffic.room)?;
        bench.vary(traffic.bits)?;
        let vary = least(&mut bench, BenchProgram::Vary, &frame)?;
        let fill = if traffic.bits < 32 {
            FILL << traffic.bits
        } else {
            traffic.room * 2
        };
        bench.run(BenchProgram::CountVaried, &frame, fill.max(REPEAT))?;
        let counted = least(&mut bench, BenchProgram::CountVaried, &frame)?;
        // The random address is the bench's doing; what an empty program costs is in both.
        let ours = counted - vary + empty;
        println!(
            "| ours, {} | {ours:.0} | {:.2} |",
            traffic.name,
            ours / touch
        );
    }
    println!("\n## Each way through the parser\n\nA hot flow, or a tally of what is in no flow.\n");
    println!("| frame | ns a packet |\n|---|---|");
    let mut bench = Bench::load(1 << 18)?;
    for (name, frame) in frames::crafted::all() {
        if frame.len() >= 14 {
            let count = least(&mut bench, BenchProgram::Count, &frame)?;
            println!("| {} | {count:.0} |", name.replace('_', " "));
        }
    }
    println!();
    Ok(())
}

/// Nanoseconds a packet.
fn least(bench: &mut Bench, program: BenchProgram, frame: &[u8]) -> anyhow::Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let time = bench.run(program, frame, REPEAT)?;
        least = least.min(time.as_nanos() as f64);
    }
    Ok(least)
}
