//! A network namespace and a veth pair: traffic starts in the namespace, the sensor watches the other end.
//!
//! Nothing leaves the machine. The sensor's end has no address, does not forward, and answers no ARP; both ends have
//! IPv6 switched off, so the kernel adds no packet of its own and every packet on the pair is one of ours.

use std::path::Path;
use std::process::{self, Command};

use anyhow::Context;

/// The end of the pair that is in the namespace.
pub(super) const TRAFFIC_END: &str = "traffic0";

/// The namespace and the pair; both go when this is dropped.
#[derive(Debug)]
pub(super) struct Network {
    namespace: String,
    interface: String,
}

impl Network {
    /// Makes both, named after this process, so that several labs do not meet.
    pub(super) fn make() -> anyhow::Result<Self> {
        let id = process::id();
        // The longest process id leaves room within the 15 letters of an interface's name.
        let network = Self {
            namespace: format!("netanom-lab-{id}"),
            interface: format!("lab{id}"),
        };
        let Self {
            namespace,
            interface,
        } = &network;
        ip(&["netns", "add", namespace])?;
        // The pair's end in the namespace is born there: it never shows up beside the machine's own interfaces.
        #[rustfmt::skip]
        ip(&["link", "add", interface, "type", "veth", "peer", "name", TRAFFIC_END, "netns", namespace])?;
        for (name, value) in [
            ("ipv6/conf/{}/disable_ipv6", "1"),
            ("ipv4/conf/{}/forwarding", "0"),
        ] {
            setting(&name.replace("{}", interface), value)?;
        }
        let script = format!(
            "if [ -d /proc/sys/net/ipv6 ]; then echo 1 > /proc/sys/net/ipv6/conf/{TRAFFIC_END}/disable_ipv6; fi"
        );
        ip(&["netns", "exec", namespace, "sh", "-c", &script])?;
        ip(&["link", "set", interface, "arp", "off", "up"])?;
        ip(&[
            "-n",
            namespace,
            "link",
            "set",
            TRAFFIC_END,
            "arp",
            "off",
            "up",
        ])?;
        Ok(network)
    }

    /// The sensor's end.
    pub(super) fn interface(&self) -> &str {
        &self.interface
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A command that runs a program in the namespace, in the process that is started.
    pub(super) fn inside(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace])
            .arg(program);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        eprintln!("lab: removing {} and {}", self.interface, self.namespace);
        // A namespace goes when the kernel finds the time, an interface at once; not all of it may have been made.
        for arguments in [
            ["link", "del", &self.interface],
            ["netns", "del", &self.namespace],
        ] {
            let _ = Command::new("ip").args(arguments).output();
        }
    }
}

/// Sets a value under /proc/sys/net, unless this kernel has no such setting (IPv6 may be missing as a whole).
fn setting(name: &str, value: &str) -> anyhow::Result<()> {
    let path = Path::new("/proc/sys/net").join(name);
    if !path.exists() {
        return Ok(());
    }
    std::fs::write(&path, value)
        .with_context(|| format!("cannot write {value} to `{}`", path.display()))
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let text = format!("ip {}", arguments.join(" "));
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run `{text}`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`{text}` failed: {}", said.trim());
    Ok(())
}
