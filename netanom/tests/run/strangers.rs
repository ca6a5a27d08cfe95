//! A BPF file system that everybody may write: what other users leave there is neither followed, removed nor believed.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Stdio};

use aya::maps::MapData;
use netanom_common::flow::LAYOUT_VERSION;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bpffs::BpfFileSystem;
use crate::errors::end;
use crate::namespace::{Namespace, Pair, succeed};
use crate::sensor::{Sensor, wait_until};

/// Debian's `nobody`, which every Linux has.
const NOBODY: &str = "65534";

#[test]
fn a_link_that_a_stranger_planted_leads_neither_detach_nor_run_to_another_folder() {
    let test = "a_link_that_a_stranger_planted_leads_neither_detach_nor_run_to_another_folder";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    let pins = BpfFileSystem::for_everybody();
    let victim = tempfile::tempdir().unwrap();
    fs::write(victim.path().join("precious"), "").unwrap();
    let plant = format!(
        "mkdir -p -m 755 /sys/fs/bpf/netanom/v{LAYOUT_VERSION} && \
         ln -s {} /sys/fs/bpf/netanom/v{LAYOUT_VERSION}/$(stat -Lc %i /proc/self/ns/net)-0",
        victim.path().display()
    );
    succeed(&mut as_nobody(&pair.sensor, &pins, &plant));

    let said = end(&mut pins.netanom(&pair.sensor, "detach"), 1);
    assert!(
        said.contains("`netanom` there belongs to user 65534"),
        "{said}"
    );
    assert!(victim.path().join("precious").exists());

    let mut sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
    let log = sensor.log();
    assert!(
        log.contains("`netanom` there belongs to user 65534"),
        "{log}"
    );
    sensor.stop(Signal::SIGTERM);
    assert!(victim.path().join("precious").exists());
}

#[test]
fn where_the_sensor_mounts_the_file_system_nobody_else_may_write() {
    let test = "where_the_sensor_mounts_the_file_system_nobody_else_may_write";
    let Some(pair) = Pair::new(test) else {
        return;
    };
    // In a `/sys` of its own, without a BPF file system.
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0"]);
    assert!(sensor.log().contains("mounted the BPF file system"));
    let mounted = format!("/proc/{}/root/sys/fs/bpf", sensor.pid());
    assert_eq!(fs::metadata(mounted).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_link_in_a_folder_of_ours_is_not_followed() {
    let Some(pair) = Pair::new("a_link_in_a_folder_of_ours_is_not_followed") else {
        return;
    };
    let pins = BpfFileSystem::new();
    let victim = tempfile::tempdir().unwrap();
    fs::write(victim.path().join("precious"), "").unwrap();
    let layout = folder(&pins, &format!("netanom/v{LAYOUT_VERSION}"));
    std::os::unix::fs::symlink(victim.path(), layout.join("1-0")).unwrap();
    let found = folder(&pins, &format!("netanom/v{LAYOUT_VERSION}/1-1"));
    std::os::unix::fs::symlink(victim.path().join("precious"), found.join("egress-1")).unwrap();

    let detach = pins.netanom(&pair.sensor, "detach").output().unwrap();

    assert_eq!(detach.status.code(), Some(0), "{detach:?}");
    assert!(victim.path().join("precious").exists());
    assert!(!found.exists(), "what is ours is removed");
    assert!(layout.join("1-0").is_symlink(), "what is not ours stays");
}

#[test]
fn a_lock_that_is_held_holds_no_signal_back() {
    let Some(pair) = Pair::new("a_lock_that_is_held_holds_no_signal_back") else {
        return;
    };
    let pins = BpfFileSystem::new();
    let held = File::open(folder(&pins, "netanom")).unwrap();
    held.lock().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = pins.command(&pair.sensor);
    let mut child = command
        .args(["-i", "v0", "--listen", "127.0.0.1:9710"])
        .stdin(Stdio::null())
        .stderr(File::create(log.path()).unwrap())
        .spawn()
        .unwrap();
    wait_until("the sensor waits for the lock", || {
        fs::read_to_string(log.path())
            .unwrap()
            .contains("waiting for it")
    });
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    let mut status = None;
    wait_until("the sensor ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    let said = fs::read_to_string(log.path()).unwrap();
    assert!(
        said.contains("stopped before anything was attached"),
        "{said}"
    );
}

#[test]
fn a_map_of_another_shape_is_given_up_aloud() {
    let Some(pair) = Pair::new("a_map_of_another_shape_is_given_up_aloud") else {
        return;
    };
    let pins = BpfFileSystem::new();
    let mut sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
    sensor.stop(Signal::SIGKILL);
    // The kernel would write its values beyond what we have room for.
    // BPF_MAP_TYPE_HASH and BPF_MAP_TYPE_PERCPU_ARRAY (include/uapi/linux/bpf.h).
    for (name, kind, key, value) in [("shard-0", 1, 44, 16_384), ("DELIVERED", 6, 4, 16)] {
        let pinned = pins.pins();
        let path = pinned.iter().find(|path| path.ends_with(name)).unwrap();
        let path = pins.path().join(path);
        fs::remove_file(&path).unwrap();
        let definition = aya_obj::Map::new_from_params(kind, key, value, 64, 0);
        let map = MapData::create(definition, "other", None).unwrap();
        map.pin(&path).unwrap();
    }
    let sensor = Sensor::spawn(&pair.sensor, pins.command(&pair.sensor), &["-i", "v0"]);
    for name in ["shard-0", "DELIVERED"] {
        let expected = format!("`{name}`, which the netanom with process id");
        wait_until("it is told", || sensor.log().contains(&expected));
    }
    wait_until("the sensor goes on", || {
        sensor.metrics()["netanom_poll_duration_seconds_count"] > 3.0
    });
}

/// Makes a folder, with those above it, that is root's alone.
fn folder(pins: &BpfFileSystem, name: &str) -> std::path::PathBuf {
    let path = pins.path().join(Path::new(name));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&path)
        .unwrap();
    path
}

/// A line for the shell, run by a user without any right who sees the file system at `/sys/fs/bpf`.
fn as_nobody(namespace: &Namespace, pins: &BpfFileSystem, line: &str) -> Command {
    let mut command = namespace.command("sh");
    command
        .args([
            "-c",
            "mount --bind \"$0\" /sys/fs/bpf && exec setpriv --reuid \"$@\"",
        ])
        .arg(pins.path())
        .args([
            NOBODY,
            "--regid",
            NOBODY,
            "--clear-groups",
            "sh",
            "-c",
            line,
        ]);
    command
}
