//! A BPF file system of our own, which outlives the sensors that pin into it. Gone when dropped.
//!
//! `ip netns exec` gives each program a `/sys` of its own, without the machine's BPF file system.

use std::path::Path;
use std::process::Command;

use crate::namespace::{Namespace, succeed};

pub(crate) struct BpfFileSystem(tempfile::TempDir);

impl BpfFileSystem {
    /// Mounts it in a temporary folder.
    pub(crate) fn new() -> Self {
        Self::with_mode("mode=700")
    }

    /// The same where everybody may write, as without systemd.
    pub(crate) fn for_everybody() -> Self {
        Self::with_mode("mode=1777")
    }

    fn with_mode(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        succeed(
            Command::new("mount")
                .args(["-t", "bpf", "-o", mode, "bpf"])
                .arg(folder.path()),
        );
        Self(folder)
    }

    /// `netanom run` in the namespace with this file system at `/sys/fs/bpf`.
    pub(crate) fn command(&self, namespace: &Namespace) -> Command {
        let mut command = self.netanom(namespace, "run");
        command.arg("--no-state");
        command
    }

    /// The same with another subcommand.
    pub(crate) fn netanom(&self, namespace: &Namespace, subcommand: &str) -> Command {
        let mut command = namespace.command("sh");
        command
            .args(["-c", "mount --bind \"$0\" /sys/fs/bpf && exec \"$@\""])
            .arg(self.0.path())
            .args([env!("CARGO_BIN_EXE_netanom"), subcommand])
            .env_remove("RUST_LOG");
        command
    }

    /// Everything that is pinned, sorted; folders not.
    pub(crate) fn pins(&self) -> Vec<String> {
        let listed = succeed(
            Command::new("find")
                .arg(self.0.path())
                .args(["-not", "-type", "d", "-printf", "%P\\n"]),
        );
        // The kernel's own listings.
        let mut pins: Vec<_> = listed
            .lines()
            .filter(|line| !line.ends_with(".debug"))
            .map(str::to_owned)
            .collect();
        pins.sort();
        pins
    }

    /// The folders of layouts that netanom has made.
    pub(crate) fn layouts(&self) -> usize {
        std::fs::read_dir(self.path().join("netanom"))
            .unwrap()
            .count()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for BpfFileSystem {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
