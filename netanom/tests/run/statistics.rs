//! The runs of the programs, which the kernel counts and times on request.

use crate::frames::crafted;
use crate::namespace::Pair;
use crate::packet_socket::PacketSocket;
use crate::sensor::{Sensor, wait_until};

const CAME: usize = 640;
const LEFT: usize = 320;

#[test]
fn with_statistics_on_the_runs_of_a_program_are_the_packets_that_were_sent() {
    let test = "with_statistics_on_the_runs_of_a_program_are_the_packets_that_were_sent";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0", "--bpf-stats"]);
    let frame = crafted::ipv4_tcp();
    let send = |name: &str, count: usize| {
        PacketSocket::open(name).send(std::iter::repeat_n(frame.as_slice(), count));
    };
    pair.sender.inside(|| send("v1", CAME));
    pair.sensor.inside(|| send("v0", LEFT));
    wait_until("all frames are counted", || {
        sensor.packets() >= (CAME + LEFT) as u64
    });
    let metrics = sensor.metrics();
    for (program, sent) in [("xdp", CAME), ("egress", LEFT)] {
        let runs = metrics[&format!("netanom_program_runs_total{{program=\"{program}\"}}")];
        assert_eq!(runs, sent as f64, "{program}");
        let seconds =
            metrics[&format!("netanom_program_run_seconds_total{{program=\"{program}\"}}")];
        assert!(seconds > 0.0, "{program}: {seconds} s");
    }
    assert_eq!(metrics["netanom_kernel_messages_lost_total"], 0.0);
}
