//! The network of one capture: namespaces for the servers, the users and each attacker, joined by a router.
//!
//! Nothing leaves it: the router has no way to the machine, and drops what is addressed elsewhere. The router's link
//! to the servers is where packets are captured. Half of the servers' prefix answers; the other half is silent.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{self, Command, Stdio};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::random::Random;

/// The router's link to the servers.
pub(super) const CAPTURED: &str = "servers0";

/// The router's address there, which users behind NAT have.
pub(super) const TRANSLATED: &str = "100.64.0.1";

/// Who is where; the last byte of an address is the host's.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// First three bytes, as in `10.1.2.`.
    pub(super) servers: String,
    pub(super) users: String,
    attackers: String,
    /// Bytes of a packet on the users' and the attackers' links.
    mtu: u64,
}

impl Addresses {
    pub(super) fn draw(random: &mut Random) -> Self {
        // Different second bytes keep the prefixes apart.
        Self {
            servers: format!("10.{}.{}.", random.between(1, 80), random.between(0, 255)),
            users: format!("10.{}.{}.", random.between(81, 160), random.between(0, 255)),
            attackers: format!(
                "10.{}.{}.",
                random.between(161, 250),
                random.between(0, 255)
            ),
            mtu: *random.pick(&[1500, 1500, 1480, 1420, 1400, 1280]),
        }
    }

    pub(super) fn server(&self, host: u64) -> String {
        format!("{}{host}", self.servers)
    }

    pub(super) fn user(&self, host: u64) -> String {
        format!("{}{host}", self.users)
    }

    pub(super) fn attacker(&self, number: usize) -> String {
        format!("{}{}", self.attackers, number * 4 + 2)
    }

    fn gateway_of_attacker(&self, number: usize) -> String {
        format!("{}{}", self.attackers, number * 4 + 1)
    }
}

/// The namespaces; they and every process in them go when this is dropped.
#[derive(Debug)]
pub(super) struct Network {
    prefix: String,
    made: Vec<String>,
}

impl Network {
    /// Makes the network of the capture with this number.
    pub(super) fn make(
        number: usize,
        addresses: &Addresses,
        attackers: usize,
    ) -> anyhow::Result<Self> {
        let mut network = Self {
            prefix: format!("netanom-range-{}-{number}", process::id()),
            made: Vec::new(),
        };
        network.add("router")?;
        network.settings("router", &["ipv4/ip_forward=1"])?;
        network.batch("router", "route add blackhole default\n")?;

        network.join("servers", CAPTURED, "100.64.0", 1500)?;
        let servers = &addresses.servers;
        network.batch(
            "router",
            &format!("route add {servers}0/24 via 100.64.0.2\n"),
        )?;
        // Hosts 1 to 127 answer: those with a server by it, the others that nothing listens.
        network.batch(
            "servers",
            &format!("route add local {servers}0/25 dev lo\n"),
        )?;

        network.join("users", "users0", "100.64.1", addresses.mtu)?;
        let users = &addresses.users;
        network.batch("router", &format!("route add {users}0/24 via 100.64.1.2\n"))?;
        network.batch(
            "users",
            &format!(
                "route add local {users}0/24 dev lo\naddr add {users}1/32 dev lo\n\
                 route replace default via 100.64.1.1 src {users}1\n"
            ),
        )?;

        for attacker in 0..attackers {
            network.attacker(attacker, addresses)?;
        }
        Ok(network)
    }

    /// From now on the router gives what users send its own address, and ports as they come (NAT, RFC 3022).
    pub(super) fn translate(&self, addresses: &Addresses) -> anyhow::Result<()> {
        let rule = format!(
            "table ip nat {{ chain out {{ type nat hook postrouting priority srcnat; oifname {CAPTURED} ip saddr {}0/24 \
             masquerade random; }}; }}",
            addresses.users
        );
        run(self.inside("router").args(["nft", &rule]))
    }

    /// A command that runs a program in a namespace.
    pub(super) fn inside(&self, role: &str) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name(role)])
            .stdin(Stdio::null());
        command
    }

    /// The name of the namespace of an attacker.
    pub(super) fn role_of_attacker(number: usize) -> String {
        format!("attacker{number}")
    }

    fn name(&self, role: &str) -> String {
        format!("{}-{role}", self.prefix)
    }

    fn add(&mut self, role: &str) -> anyhow::Result<()> {
        let name = self.name(role);
        run(Command::new("ip").args(["netns", "add", &name]))?;
        self.made.push(name);
        self.settings(
            role,
            &[
                "ipv6/conf/all/disable_ipv6=1",
                "ipv6/conf/default/disable_ipv6=1",
            ],
        )?;
        self.batch(role, "link set lo up\n")
    }

    /// A namespace with a link to the router: `.1` is the router's end, `.2` the other.
    fn join(&mut self, role: &str, link: &str, net: &str, mtu: u64) -> anyhow::Result<()> {
        self.add(role)?;
        let name = self.name(role);
        self.batch(
            "router",
            &format!(
                "link add {link} mtu {mtu} type veth peer name up0 mtu {mtu} netns {name}\n\
                 addr add {net}.1/30 dev {link}\nlink set {link} up\n"
            ),
        )?;
        self.batch(
            role,
            &format!(
                "addr add {net}.2/30 dev up0\nlink set up0 up\nroute add default via {net}.1\n"
            ),
        )?;
        // Packets are to be as large as on a wire.
        self.wire("router", link)?;
        self.wire(role, "up0")
    }

    fn attacker(&mut self, number: usize, addresses: &Addresses) -> anyhow::Result<()> {
        let role = Self::role_of_attacker(number);
        let link = format!("attacker{number}");
        self.add(&role)?;
        let (name, mtu) = (self.name(&role), addresses.mtu);
        let (own, gateway) = (
            addresses.attacker(number),
            addresses.gateway_of_attacker(number),
        );
        self.batch(
            "router",
            &format!(
                "link add {link} mtu {mtu} type veth peer name up0 mtu {mtu} netns {name}\n\
                 addr add {gateway}/30 dev {link}\nlink set {link} up\n"
            ),
        )?;
        self.batch(
            &role,
            &format!(
                "addr add {own}/30 dev up0\nlink set up0 up\nroute add default via {gateway}\n"
            ),
        )?;
        self.wire("router", &link)?;
        self.wire(&role, "up0")
    }

    fn wire(&self, role: &str, link: &str) -> anyhow::Result<()> {
        run(self.inside(role).args([
            "ethtool", "-K", link, "tso", "off", "gso", "off", "gro", "off",
        ]))
    }

    fn settings(&self, role: &str, settings: &[&str]) -> anyhow::Result<()> {
        for setting in settings {
            let (name, value) = setting.split_once('=').context("a setting has a value")?;
            // A kernel without IPv6 lacks its settings.
            let script = format!(
                "if [ -e /proc/sys/net/{name} ]; then echo {value} > /proc/sys/net/{name}; fi"
            );
            run(self.inside(role).args(["sh", "-c", &script]))?;
        }
        Ok(())
    }

    fn batch(&self, role: &str, lines: &str) -> anyhow::Result<()> {
        let mut command = Command::new("ip");
        command
            .args(["-n", &self.name(role), "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot run `ip`")?;
        child
            .stdin
            .take()
            .context("`ip` takes no input")?
            .write_all(lines.as_bytes())
            .context("`ip` does not read")?;
        let output = child.wait_with_output().context("cannot wait for `ip`")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(
            output.status.success(),
            "`ip` in {role} failed: {} at {lines}",
            said.trim()
        );
        Ok(())
    }

    /// Processes of a namespace: they are all ours, since the namespace is.
    fn processes(name: &str) -> Vec<i32> {
        let output = Command::new("ip").args(["netns", "pids", name]).output();
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        text.lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.made {
            // Twice: what was being started at the first look is there at the second.
            for _ in 0..2 {
                for process in Self::processes(name) {
                    let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
                }
            }
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// Whether this machine has what a network of namespaces takes.
pub(super) fn check_kernel() -> anyhow::Result<()> {
    anyhow::ensure!(
        Path::new("/proc/self/ns/net").exists(),
        "this kernel has no network namespaces"
    );
    fs::create_dir_all("/run/netns").context("cannot make /run/netns, where namespaces are named")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = xtask::command::shown(command);
    let output = command
        .output()
        .with_context(|| format!("cannot run `{text}`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`{text}` failed: {}", said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_apart_for_every_seed() {
        for seed in 0..200 {
            let addresses = Addresses::draw(&mut Random::new(seed, 0));
            assert_ne!(addresses.servers, addresses.users);
            assert_ne!(addresses.attackers, addresses.users);
            assert_ne!(addresses.attackers, addresses.servers);
        }
    }

    #[test]
    fn each_attacker_has_an_address_of_its_own() {
        let addresses = Addresses::draw(&mut Random::new(1, 0));
        assert_ne!(addresses.attacker(0), addresses.attacker(1));
        assert_ne!(addresses.attacker(0), addresses.gateway_of_attacker(0));
    }
}
