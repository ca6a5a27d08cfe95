//! `netanom detach` removes everything of ours and nothing else.

use nix::sys::signal::Signal;

use crate::bpffs::BpfFileSystem;
use crate::namespace::Pair;
use crate::sensor::Sensor;

#[test]
fn detach_removes_what_a_killed_sensor_left_and_says_what() {
    let Some(pair) = Pair::new("detach_removes_what_a_killed_sensor_left_and_says_what") else {
        return;
    };
    let pins = BpfFileSystem::new();
    assert_eq!(
        detach(&pair, &pins),
        (
            0,
            "no netanom has left anything at /sys/fs/bpf\n".to_owned()
        )
    );
    let mut sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
    sensor.stop(Signal::SIGKILL);
    assert!(has_xdp(&pair, "v0"));
    let stranger = pins.path().join("somebody-elses");
    std::fs::create_dir(&stranger).unwrap();

    let (code, said) = detach(&pair, &pins);

    let expected = format!(
        "removed what the netanom with process id {} left: TCX egress on v0, native XDP on v0\n",
        sensor.pid()
    );
    assert_eq!((code, said), (0, expected));
    assert!(!has_xdp(&pair, "v0"));
    assert!(stranger.exists());
    let left = std::fs::read_dir(pins.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "netanom"), "{left:?}");
}

#[test]
fn detach_leaves_a_running_sensor_alone_and_names_it() {
    let Some(pair) = Pair::new("detach_leaves_a_running_sensor_alone_and_names_it") else {
        return;
    };
    let pins = BpfFileSystem::new();
    let sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
    let pinned = pins.pins();
    let (code, said) = detach(&pair, &pins);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("kill {}", sensor.pid())), "{said}");
    assert_eq!(pins.pins(), pinned);
    assert!(has_xdp(&pair, "v0"));
}

/// Runs `netanom detach`; returns its exit code and what it says.
fn detach(pair: &Pair, pins: &BpfFileSystem) -> (i32, String) {
    let output = pins.netanom(&pair.sensor, "detach").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

fn has_xdp(pair: &Pair, interface: &str) -> bool {
    let shown = pair.sensor.run(&["ip", "link", "show", "dev", interface]);
    shown.contains("xdp")
}
