//! The configuration: a file, and flags that win over it. The comments here are those of `--print-config`.

mod error;
mod http;
mod pipeline;
mod ranges;
mod sink;

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netanom_common::packet::{TunnelSettings, Tunnels, VxlanPorts};
use serde::{Deserialize, Serialize};
use toml_example::TomlExample;

use crate::alert::IncidentSettings;
use crate::alert::{Suppression, Suppressions};
use crate::flow::MOST_UNANSWERED;
use crate::sink::webhook::without_secrets;
use crate::source::{Direction, XdpMode};

pub use error::ConfigError;
pub use http::Http;
use ranges::within;
pub use sink::{Sink, SinkSettings};

/// Bytes of a configuration file at most: three hundred times the one with every default and its comment. A device that
/// never ends would take all memory.
const MAX_FILE: u64 = 1024 * 1024;

/// netanom: configuration of the sensor, read with `netanom run --config FILE`.
/// Every value shown is the default; flags win over the file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Config {
    /// Interfaces to watch, also when they come later; `*` and `?` stand for any characters and for any one. None: that of
    /// the default route.
    pub interfaces: Vec<String>,
    /// Address for HTTP: the live page, /alerts, /metrics and all else; also by name. A port alone (`:9710`) is every IPv4
    /// address. What others see at an address that they reach is set under `[http]`.
    pub listen: String,
    /// Names by which the sensor may be asked, beside `localhost` and its addresses: a request whose Host header is
    /// another name is refused, as it may come from a page that a stranger's name server leads here.
    pub hosts: Vec<String>,
    /// `auto` (native XDP when the driver can, else generic; TCX where the driver may keep VLAN tags beside the frame),
    /// `native` or `generic`.
    pub xdp_mode: String,
    /// `both`, or `ingress` for a mirror port, which receives both directions already.
    pub direction: String,
    /// Which packet of a tunnel (GRE, IP in IP, ERSPAN, VXLAN, Geneve, GTP-U) is the flow: `inner`, or `outer` for the
    /// tunnel's ends.
    pub tunnels: String,
    /// UDP ports that carry VXLAN, four at most: the one of RFC 7348, and Linux's own. That of VXLAN-GPE, 4790, is always
    /// looked at.
    pub vxlan_ports: Vec<u16>,
    /// Model file. Empty: the one inside the program.
    pub model: String,
    /// Milliseconds between two looks at the kernel's counters, 10 to 10000.
    pub tick_ms: u64,
    /// Flows that the kernel counts between two looks, over all CPUs; 1024 to 4194304. Their places are reserved: about
    /// 1.1 KiB of kernel memory each.
    pub kernel_flows: u32,
    /// Whether the kernel counts and times the runs of all BPF programs, for netanom_program_runs_total. About 50 ns more
    /// for each run of each program on the machine; needs root.
    pub bpf_stats: bool,
    /// Folder for what outlives the sensor: the alerts. Empty: /var/lib/netanom for root, else netanom in the user's state
    /// folder (~/.local/state).
    pub state_dir: String,
    /// Whether anything outlives the sensor.
    pub keep_state: bool,
    /// Alerts that are kept for /alerts; the oldest ended ones go first.
    pub max_alerts: usize,
    /// How long flows are kept.
    #[toml_example(nesting)]
    pub flows: Flows,
    /// When alerts are raised.
    #[toml_example(nesting)]
    pub alerts: Alerts,
    /// Who may ask over HTTP.
    #[toml_example(nesting)]
    pub http: Http,
    /// Where alerts go.
    #[toml_example(nesting)]
    pub sink: Vec<Sink>,
    /// Which alerts are not sent: docs/operator.md.
    #[toml_example(skip)]
    pub suppress: Vec<Suppression>,
}

/// Times in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Flows {
    /// Open flows that are kept at most; the most idle ones make room.
    pub max: usize,
    /// Of them, flows that had few packets and no answer, at most; the oldest make room.
    pub unanswered: usize,
    /// An open TCP connection without a packet.
    pub tcp_idle: u64,
    /// A TCP connection request without an answer.
    pub tcp_opening: u64,
    /// A TCP connection that was closed or reset.
    pub tcp_closed: u64,
    /// UDP without a packet.
    pub udp_idle: u64,
    /// ICMP without a packet.
    pub icmp_idle: u64,
    /// Every other protocol without a packet.
    pub other_idle: u64,
    /// Any flow; what follows counts as a new one.
    pub active: u64,
}

/// An alert begins when there is evidence enough, and ends when no more comes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Alerts {
    /// Evidence that raises an alert: about so many flows that surely are an attack. Left out: what the model says.
    pub evidence: Option<f64>,
    /// Seconds in which evidence fades to a half. Left out: what the model says.
    pub half_life: Option<f64>,
    /// Seconds without further evidence after which an alert has ended.
    pub quiet: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            listen: "127.0.0.1:9710".to_owned(),
            hosts: Vec::new(),
            xdp_mode: "auto".to_owned(),
            direction: "both".to_owned(),
            tunnels: "inner".to_owned(),
            vxlan_ports: vec![4789, 8472],
            model: String::new(),
            tick_ms: 250,
            kernel_flows: 65_536,
            bpf_stats: false,
            state_dir: String::new(),
            keep_state: true,
            max_alerts: 10_000,
            flows: Flows::default(),
            alerts: Alerts::default(),
            http: Http::default(),
            sink: vec![Sink::default()],
            suppress: Vec::new(),
        }
    }
}

impl Default for Flows {
    fn default() -> Self {
        Self {
            max: 131_072,
            unanswered: MOST_UNANSWERED,
            tcp_idle: 300,
            tcp_opening: 20,
            tcp_closed: 5,
            udp_idle: 60,
            icmp_idle: 60,
            other_idle: 60,
            active: 1800,
        }
    }
}

impl Default for Alerts {
    fn default() -> Self {
        let settings = IncidentSettings::default();
        Self {
            evidence: None,
            half_life: None,
            quiet: settings.quiet.as_secs(),
        }
    }
}

impl Config {
    /// Reads a configuration file; what it does not say keeps its default.
    ///
    /// # Errors
    /// [`ConfigError`] with the file, the line and what is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let mut text = String::new();
        let read =
            File::open(path).and_then(|opened| opened.take(MAX_FILE + 1).read_to_string(&mut text));
        let length = read.map_err(|source| ConfigError::Read {
            file: file.clone(),
            source,
        })?;
        if length as u64 > MAX_FILE {
            return Err(ConfigError::Parse {
                file,
                line: 1,
                detail: format!("it is longer than {} KiB", MAX_FILE / 1024),
            });
        }
        toml::from_str(&text).map_err(|error| ConfigError::Parse {
            file,
            line: 1 + before(&text, error.span()).matches('\n').count(),
            // One line in the log.
            detail: error.message().replace('\n', "; "),
        })
    }

    /// A configuration file with every default and its comment.
    #[must_use]
    pub fn example() -> String {
        Self::toml_example()
    }

    /// The settings as `/config` shows them. The file of a token is named, what is in it is not.
    #[must_use]
    pub fn shown(&self) -> serde_json::Value {
        let mut shown = self.clone();
        for sink in &mut shown.sink {
            if !sink.url.is_empty() {
                sink.url = without_secrets(&sink.url);
            }
        }
        // Plain data, which can always be written.
        serde_json::to_value(shown).unwrap_or_default()
    }

    /// Where alerts go, beside the store behind `/alerts`.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when one is of no known kind, or lacks what its kind needs.
    pub fn sinks(&self) -> Result<Vec<SinkSettings>, ConfigError> {
        sink::checked(&self.sink)
    }

    /// Which alerts are not sent.
    ///
    /// # Errors
    /// [`ConfigError::Suppression`] of the first rule that cannot be used.
    pub fn suppressions(&self) -> Result<Suppressions, ConfigError> {
        Ok(Suppressions::new(&self.suppress)?)
    }

    /// The address to listen on: as it stands, of a name (its first of IPv4, else of IPv6), or with a port alone every IPv4
    /// address.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is no address with a port, or a name that is not known.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        let wrong = || ConfigError::Value {
            key: "listen",
            value: format!("`{}`", self.listen),
            expected: "an address or a known name with a port, such as 127.0.0.1:9710, [::1]:9710, localhost:9710, or \
                       :9710 for every IPv4 address",
        };
        if let Some(port) = self.listen.strip_prefix(':') {
            let port: u16 = port.parse().map_err(|_| wrong())?;
            return Ok((Ipv4Addr::UNSPECIFIED, port).into());
        }
        let addresses = self.listen.to_socket_addrs().map_err(|_| wrong())?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let first = addresses.iter().find(|address| address.is_ipv4());
        first.or(addresses.first()).copied().ok_or_else(wrong)
    }

    /// Which XDP mode to use.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is none of the names.
    pub fn xdp_mode(&self) -> Result<XdpMode, ConfigError> {
        match self.xdp_mode.as_str() {
            "auto" => Ok(XdpMode::Auto),
            "native" => Ok(XdpMode::Native),
            "generic" => Ok(XdpMode::Generic),
            other => Err(ConfigError::Value {
                key: "xdp_mode",
                value: format!("`{other}`"),
                expected: "`auto`, `native` or `generic`",
            }),
        }
    }

    /// Which packets to count.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is none of the names.
    pub fn direction(&self) -> Result<Direction, ConfigError> {
        match self.direction.as_str() {
            "both" => Ok(Direction::Both),
            "ingress" => Ok(Direction::Ingress),
            other => Err(ConfigError::Value {
                key: "direction",
                value: format!("`{other}`"),
                expected: "`both` or `ingress`",
            }),
        }
    }

    /// Which packet of a tunnel is the flow's, and where VXLAN is found.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is none of the names, or no list of ports.
    pub fn tunnels(&self) -> Result<TunnelSettings, ConfigError> {
        let follow = match self.tunnels.as_str() {
            "inner" => Tunnels::Inner,
            "outer" => Tunnels::Outer,
            other => {
                return Err(ConfigError::Value {
                    key: "tunnels",
                    value: format!("`{other}`"),
                    expected: "`inner` or `outer`",
                });
            }
        };
        let ports = VxlanPorts::new(&self.vxlan_ports);
        let vxlan_ports = ports.ok_or_else(|| ConfigError::Value {
            key: "vxlan_ports",
            value: format!("{:?}", self.vxlan_ports),
            expected: "one to four ports from 1 to 65535, such as [4789, 8472]",
        })?;
        Ok(TunnelSettings {
            follow,
            vxlan_ports,
        })
    }

    /// That every value can be used.
    ///
    /// # Errors
    /// [`ConfigError::Value`] with the first one that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.listen()?;
        self.xdp_mode()?;
        self.direction()?;
        self.tunnels()?;
        self.tick()?;
        self.kernel_flows()?;
        self.pipeline()?;
        self.sinks()?;
        self.suppressions()?;
        Ok(())
    }

    /// The model file, when another than the built-in one is wanted.
    #[must_use]
    pub fn model(&self) -> Option<PathBuf> {
        (!self.model.is_empty()).then(|| PathBuf::from(&self.model))
    }

    /// The folder for what outlives the sensor, when another than the usual one is wanted.
    #[must_use]
    pub fn state_dir(&self) -> Option<PathBuf> {
        (!self.state_dir.is_empty()).then(|| PathBuf::from(&self.state_dir))
    }

    /// The time between two looks at the counters.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is out of range.
    pub fn tick(&self) -> Result<Duration, ConfigError> {
        within("tick_ms", self.tick_ms, 10..=10_000, "between 10 and 10000")?;
        Ok(Duration::from_millis(self.tick_ms))
    }

    /// How many flows the kernel counts between two looks.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is out of range.
    pub fn kernel_flows(&self) -> Result<u32, ConfigError> {
        within(
            "kernel_flows",
            self.kernel_flows,
            1024..=4_194_304,
            "between 1024 and 4194304",
        )?;
        Ok(self.kernel_flows)
    }
}

/// What stands before a place in a text; all of it for none.
fn before(text: &str, place: Option<Range<usize>>) -> &str {
    let end = place.map_or(text.len(), |place| place.start);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests;
