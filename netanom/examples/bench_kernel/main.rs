//! What does counting cost the kernel? `cargo xtask bench kernel` runs this and keeps the tables that it prints.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and prints"
)]

mod flood;
#[path = "../../../netanom-common/tests/parser/frames/mod.rs"]
#[expect(clippy::unwrap_used, reason = "frames of the parser's tests")]
mod frames;
mod live;
mod one_by_one;
mod whole_maps;

use nix::sched::{CloneFlags, unshare};

const ACK: u8 = 0x10;
const SYN: u8 = 0x02;

fn main() -> anyhow::Result<()> {
    // Interfaces that are made here go with it.
    unshare(CloneFlags::CLONE_NEWNET)?;
    match std::env::args().nth(1).as_deref() {
        Some("packet") => one_by_one::measure(),
        Some("veth") => live::measure(),
        Some("maps") => whole_maps::measure(),
        Some("flood") => flood::measure(),
        Some(other) => {
            anyhow::bail!(
                "`{other}` is none of packet, veth, maps, flood; without one, all are measured"
            )
        }
        None => {
            one_by_one::measure()?;
            live::measure()?;
            whole_maps::measure()?;
            flood::measure()
        }
    }
}

/// A plain frame of IPv4 and TCP, 154 bytes long: what is varied has its source address at byte 26.
fn plain(flags: u8) -> Vec<u8> {
    frames::frame()
        .ipv4()
        .tcp(443, flags, 0)
        .payload(100)
        .build()
}
