//! The configuration: a file, and flags that win over it. The comments here are those of `--print-config`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netanom_common::packet::{TunnelSettings, Tunnels, VxlanPorts};
use serde::Deserialize;
use toml_example::TomlExample;

use crate::alert::IncidentSettings;
use crate::flow::FlowTimeouts;
use crate::pipeline::PipelineSettings;
use crate::source::{Direction, XdpMode};

/// netanom: configuration of the sensor, read with `netanom run --config FILE`.
/// Every value shown is the default; flags win over the file.
#[derive(Clone, Debug, PartialEq, Deserialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Config {
    /// Interfaces to watch, also when they come later; `*` and `?` stand for any characters and for any one. None: that of
    /// the default route.
    pub interfaces: Vec<String>,
    /// Address of /metrics and /alerts. Anything but a loopback address shows them to the network.
    pub listen: String,
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
    /// Alerts that are kept for /alerts; the oldest ended ones go first.
    pub max_alerts: usize,
    /// How long flows are kept.
    #[toml_example(nesting)]
    pub flows: Flows,
    /// When alerts are raised.
    #[toml_example(nesting)]
    pub alerts: Alerts,
}

/// Times in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Flows {
    /// Open flows that are kept at most; the most idle ones make room.
    pub max: usize,
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
#[derive(Clone, Debug, PartialEq, Deserialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Alerts {
    /// Evidence that raises an alert: about so many flows that surely are not normal.
    pub evidence: f64,
    /// Seconds without further evidence after which an alert has ended.
    pub quiet: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            listen: "127.0.0.1:9710".to_owned(),
            xdp_mode: "auto".to_owned(),
            direction: "both".to_owned(),
            tunnels: "inner".to_owned(),
            vxlan_ports: vec![4789, 8472],
            model: String::new(),
            tick_ms: 250,
            kernel_flows: 65_536,
            bpf_stats: false,
            max_alerts: 10_000,
            flows: Flows::default(),
            alerts: Alerts::default(),
        }
    }
}

impl Default for Flows {
    fn default() -> Self {
        Self {
            max: 131_072,
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
            evidence: settings.evidence,
            quiet: settings.quiet.as_secs(),
        }
    }
}

/// A configuration file or value is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration `{file}`; `netanom run --print-config` prints one to start from"
    )]
    Read {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration `{file}` is wrong: {detail}")]
    Parse {
        /// Which file.
        file: String,
        /// What is wrong, and where.
        detail: String,
    },
    /// A value is out of its range.
    #[error("`{key}` is {value}, but must be {expected}")]
    Value {
        /// Its name.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads a configuration file; what it does not say keeps its default.
    ///
    /// # Errors
    /// [`ConfigError`] with the file, the line and what is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            file: file.clone(),
            source,
        })?;
        toml::from_str(&text).map_err(|error| ConfigError::Parse {
            file,
            detail: error.to_string(),
        })
    }

    /// A configuration file with every default and its comment.
    #[must_use]
    pub fn example() -> String {
        Self::toml_example()
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is no address with a port.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        self.listen.parse().map_err(|_| ConfigError::Value {
            key: "listen",
            value: format!("`{}`", self.listen),
            expected: "an address with a port, such as 127.0.0.1:9710 or [::1]:9710",
        })
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

    /// The model file, when another than the built-in one is wanted.
    #[must_use]
    pub fn model(&self) -> Option<PathBuf> {
        (!self.model.is_empty()).then(|| PathBuf::from(&self.model))
    }

    /// The time between two looks at the counters.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is out of range.
    pub fn tick(&self) -> Result<Duration, ConfigError> {
        if !(10..=10_000).contains(&self.tick_ms) {
            let value = self.tick_ms.to_string();
            return Err(ConfigError::Value {
                key: "tick_ms",
                value,
                expected: "between 10 and 10000",
            });
        }
        Ok(Duration::from_millis(self.tick_ms))
    }

    /// How many flows the kernel counts between two looks.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when it is out of range.
    pub fn kernel_flows(&self) -> Result<u32, ConfigError> {
        if !(1024..=4_194_304).contains(&self.kernel_flows) {
            let value = self.kernel_flows.to_string();
            return Err(ConfigError::Value {
                key: "kernel_flows",
                value,
                expected: "between 1024 and 4194304",
            });
        }
        Ok(self.kernel_flows)
    }

    /// How the pipeline keeps flows and incidents.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when a value is out of range.
    pub fn pipeline(&self) -> Result<PipelineSettings, ConfigError> {
        let flows = &self.flows;
        if !(1..=10_000_000).contains(&flows.max) {
            let value = flows.max.to_string();
            return Err(ConfigError::Value {
                key: "flows.max",
                value,
                expected: "between 1 and 10000000",
            });
        }
        if !(self.alerts.evidence > 0.0 && self.alerts.evidence.is_finite()) {
            let value = self.alerts.evidence.to_string();
            return Err(ConfigError::Value {
                key: "alerts.evidence",
                value,
                expected: "above 0",
            });
        }
        Ok(PipelineSettings {
            max_flows: flows.max,
            timeouts: FlowTimeouts {
                tcp: Duration::from_secs(flows.tcp_idle),
                tcp_opening: Duration::from_secs(flows.tcp_opening),
                tcp_closed: Duration::from_secs(flows.tcp_closed),
                udp: Duration::from_secs(flows.udp_idle),
                icmp: Duration::from_secs(flows.icmp_idle),
                other: Duration::from_secs(flows.other_idle),
                active: Duration::from_secs(flows.active),
            },
            incidents: IncidentSettings {
                evidence: self.alerts.evidence,
                quiet: Duration::from_secs(self.alerts.quiet),
                ..IncidentSettings::default()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(
            toml::from_str::<Config>(&Config::example()).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn a_misspelt_key_is_told() {
        let error = toml::from_str::<Config>("tick = 5")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("tick") && error.contains("tick_ms"),
            "{error}"
        );
    }

    #[test]
    fn a_tick_of_zero_is_refused() {
        let config = Config {
            tick_ms: 0,
            ..Config::default()
        };
        assert!(config.tick().is_err());
    }
}
