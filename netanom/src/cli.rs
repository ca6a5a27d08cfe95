//! The command line: what a person typed, as values that need no second look. The one file that names clap.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Network anomaly sensor: counts every flow in the kernel, judges it with a Random Forest, raises alerts.
#[derive(Debug, Parser)]
#[command(name = "netanom", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch interfaces and raise alerts (needs root or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN).
    #[command(after_help = "Examples:\n  netanom run                      watch the interface of the default route\n  \
        netanom run -i eth0 -i eth1      watch two\n  netanom run -i mirror0 --direction ingress\n\n\
        Then: curl 127.0.0.1:9710/alerts and /metrics. Ctrl-C detaches.")]
    Run(RunArgs),
    /// Judge a capture as if it were live.
    #[command(after_help = "Example:\n  netanom replay office.pcap --format json")]
    Replay(ReplayArgs),
}

/// `netanom run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Interface to watch; may be given several times [default: that of the default route].
    #[arg(short, long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Model file [default: the one inside the program].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Address of /metrics and /alerts [default: 127.0.0.1:9710].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where XDP runs [default: auto].
    #[arg(long, value_enum)]
    pub xdp_mode: Option<XdpModeArg>,
    /// Which packets are counted [default: both].
    #[arg(long, value_enum)]
    pub direction: Option<DirectionArg>,
    /// Print a configuration file with every default and leave.
    #[arg(long)]
    pub print_config: bool,
}

/// `--xdp-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum XdpModeArg {
    /// Native when the driver can, else generic.
    Auto,
    /// In the driver.
    Native,
    /// In the network stack: slower, works with every driver.
    Generic,
}

/// `--direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionArg {
    /// What comes in and what leaves.
    Both,
    /// What comes in: for a mirror port.
    Ingress,
}

/// `netanom replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Capture file (classic pcap, Ethernet).
    #[arg(required = true, value_name = "FILE")]
    pub file: PathBuf,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
    /// Write every finished flow with its features and verdict here (CSV).
    #[arg(long, value_name = "OUT.csv")]
    pub flows: Option<PathBuf>,
    /// Model file [default: the one inside the program].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Milliseconds of packet time in a window [default: 250].
    #[arg(long, value_name = "MS")]
    pub tick: Option<u64>,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For people.
    Text,
    /// For programs: one JSON object.
    Json,
}

impl XdpModeArg {
    /// The value in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

impl DirectionArg {
    /// The value in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Ingress => "ingress",
        }
    }
}
