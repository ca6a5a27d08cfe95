//! What signals do while the sensor runs, beside those that `lifetime.rs` tries.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bpffs::BpfFileSystem;
use crate::namespace::Pair;
use crate::sensor::{Sensor, wait_until};

#[test]
fn signals_that_would_end_the_process_detach_first() {
    let test = "signals_that_would_end_the_process_detach_first";
    for signal in [Signal::SIGQUIT, Signal::SIGXCPU, Signal::SIGPWR] {
        let Some(pair) = Pair::new(test) else {
            return;
        };
        let pins = BpfFileSystem::new();
        let mut sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
        let status = sensor.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal}: {}", sensor.log());
        assert_eq!(pins.pins(), [""; 0], "{signal}");
        let shown = pair.sensor.run(&["ip", "link", "show", "dev", "v0"]);
        assert!(!shown.contains("xdp"), "{signal}: {shown}");
    }
}

#[test]
fn other_signals_end_nothing_and_a_hangup_says_what_is_not_read_anew() {
    let test = "other_signals_end_nothing_and_a_hangup_says_what_is_not_read_anew";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0"]);
    for signal in [
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
        Signal::SIGVTALRM,
        Signal::SIGPROF,
        Signal::SIGIO,
        Signal::SIGXFSZ,
        Signal::SIGHUP,
    ] {
        kill(Pid::from_raw(sensor.pid().cast_signed()), signal).unwrap();
    }
    wait_until("the hangup is answered", || {
        sensor.log().contains("SIGHUP: nothing is read anew")
    });
    let polls = sensor.metrics()["netanom_poll_duration_seconds_count"];
    wait_until("it polls on", || {
        sensor.metrics()["netanom_poll_duration_seconds_count"] > polls
    });
}
