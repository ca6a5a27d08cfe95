//! Machines that lack what most have: the sensor does without, or makes it.

use std::fs;

use crate::namespace::Namespace;
use crate::sensor::Sensor;

/// `ip netns exec` shows a `/sys` of its own, in which no BPF file system is mounted.
#[test]
fn a_missing_bpf_file_system_is_mounted() {
    let Some(namespace) = Namespace::new("a_missing_bpf_file_system_is_mounted") else {
        return;
    };
    let sensor = Sensor::start(&namespace, &["-i", "lo"]);
    let log = sensor.log();
    assert!(
        log.contains("mounted the BPF file system at /sys/fs/bpf"),
        "{log}"
    );
    // As the sensor sees it.
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", sensor.pid())).unwrap();
    assert!(mounts.contains(" /sys/fs/bpf bpf "), "{mounts}");
    let pins = format!("/proc/{}/root/sys/fs/bpf/netanom", sensor.pid());
    assert_eq!(fs::read_dir(pins).unwrap().count(), 1);
}

/// On a kernel without `CONFIG_DEBUG_INFO_BTF` there is no such file; a foreign one would be as useless as an empty one.
#[test]
fn the_kernels_type_information_is_not_needed() {
    let Some(namespace) = Namespace::new("the_kernels_type_information_is_not_needed") else {
        return;
    };
    let empty = tempfile::NamedTempFile::new().unwrap();
    for hide in [
        "mount --bind \"$0\" /sys/kernel/btf/vmlinux",
        "mount -t tmpfs none /sys/kernel/btf",
    ] {
        let mut command = namespace.command("sh");
        command
            .args(["-c", &format!("{hide} && exec \"$@\"")])
            .arg(empty.path())
            .args([env!("CARGO_BIN_EXE_netanom"), "run"])
            .env_remove("RUST_LOG");
        let sensor = Sensor::spawn(&namespace, command, &["-i", "lo"]);
        let seen = format!("/proc/{}/root/sys/kernel/btf/vmlinux", sensor.pid());
        assert!(fs::read(seen).unwrap_or_default().is_empty());
        let log = sensor.log();
        assert!(log.contains("watching `lo`: generic XDP, TCX"), "{log}");
    }
}
