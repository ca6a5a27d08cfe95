//! How long does it take to empty the maps, and how much memory do they hold?

use std::collections::BTreeMap;
use std::fs;

use netanom::source::kernel::{Bench, BenchProgram};

use crate::{ACK, plain};

const ROUNDS: usize = 3;

pub(crate) fn measure() -> anyhow::Result<()> {
    println!("## Whole maps\n");
    println!(
        "| flows | drained in (ms) | a flow (ns) | memory full (MiB) | empty (MiB) |\n|---|---|---|---|---|"
    );
    let frame = plain(ACK);
    for (bits, room) in [(17, 1 << 17), (20, 1 << 20)] {
        let mut bench = Bench::load(room)?;
        bench.vary(bits)?;
        let empty = memory()?;
        let mut full = 0;
        let mut flows = 0;
        let mut least = f64::INFINITY;
        for _ in 0..ROUNDS {
            bench.run(BenchProgram::CountVaried, &frame, 16 << bits)?;
            full = full.max(memory()?);
            let (window, took) = bench.drain()?;
            flows = window.flows.len();
            least = least.min(took.as_secs_f64());
        }
        let (full, empty) = (full as f64 / 1_048_576.0, empty as f64 / 1_048_576.0);
        println!(
            "| {flows} | {:.1} | {:.0} | {full:.1} | {empty:.1} |",
            least * 1e3,
            least * 1e9 / flows as f64
        );
    }
    Ok(())
}

/// Bytes of all maps that this process holds, as the kernel reckons.
fn memory() -> anyhow::Result<u64> {
    let mut maps = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        // What was open may be closed by now.
        let text = fs::read_to_string(entry?.path()).unwrap_or_default();
        let field = |name| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok())
        };
        if let (Some(id), Some(bytes)) = (field("map_id:"), field("memlock:")) {
            maps.insert(id, bytes);
        }
    }
    Ok(maps.values().sum())
}
