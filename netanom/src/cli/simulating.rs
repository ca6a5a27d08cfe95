//! The arguments of `simulate`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use super::FormatArg;
use super::values::share_of_anomalies;
use crate::simulate::{IpPrefix, Mac, Mode, parse_mac};

/// `netanom simulate`.
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// What kind of traffic.
    #[arg(value_parser = mode_names())]
    pub mode: String,
    #[command(flatten)]
    /// Where the traffic goes.
    pub output: SimulateOutput,
    /// Who sends: an address, or a prefix whose hosts all take part.
    #[arg(long, value_name = "IP[/LEN]", required_unless_present = "rows")]
    pub source: Option<IpPrefix>,
    /// Who is asked or attacked.
    #[arg(long, value_name = "IP", required_unless_present = "rows")]
    pub target: Option<IpAddr>,
    /// Of access-log and table: how many rows.
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["source", "target", "interface"])]
    pub rows: Option<u64>,
    /// Of access-log and table: share of the rows that are anomalies, 0 to 0.9.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share_of_anomalies)]
    pub anomalies: f64,
    /// Hardware address of all sources [default: each has its own].
    #[arg(long, value_name = "MAC", value_parser = parse_mac)]
    pub source_mac: Option<Mac>,
    /// Hardware address of the target.
    #[arg(long, value_name = "MAC", value_parser = parse_mac)]
    pub target_mac: Option<Mac>,
    /// Packets a second; for attacks those of the attacking side [default: the mode's own].
    #[arg(long, value_name = "PPS")]
    pub rate: Option<f64>,
    /// Seconds of traffic.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub duration: f64,
    /// Seed of all draws: the same one gives the same frames.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Time of the first frame in a capture file, RFC 3339 [default: 2026-01-01T00:00:00Z].
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// Send on an interface that is no veth, dummy or loopback: only on a network that is yours.
    #[arg(long, requires = "interface")]
    pub i_own_this_network: bool,
    /// How to print what was sent.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
}

/// `--write` or `--interface`, exactly one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct SimulateOutput {
    /// Capture file to write; `-` for standard output.
    #[arg(long, value_name = "OUT.pcap")]
    pub write: Option<PathBuf>,
    /// Interface to send on, in real time.
    #[arg(long, value_name = "IFACE")]
    pub interface: Option<String>,
}

/// The modes with their explanations, for the help.
fn mode_names() -> PossibleValuesParser {
    let records = [
        PossibleValue::new("access-log").help("a web server's log, in the combined format"),
        PossibleValue::new("table").help("a table of sessions with a label, as CSV"),
    ];
    Mode::all()
        .map(|mode| PossibleValue::new(mode.name()).help(mode.about()))
        .chain(records)
        .into()
}
