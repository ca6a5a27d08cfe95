//! The command line: what a person typed, as values that need no second look. No other module names clap.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};

mod judge;
mod learning;
mod records;
mod simulating;
mod table;
mod values;

pub use judge::{DescribeArgs, JudgeArgs, RowFormatArg};
pub use learning::{EvaluateArgs, ForestArgs, LeaveOutArg, TrainArgs, TrainerArg};
pub use records::{InputArg, WatchArgs};
pub use simulating::{SimulateArgs, SimulateOutput};
pub use table::{KindArg, KindArgs, TableArgs};

use crate::rewrite::Kind;
use crate::sink::stderr;
use values::{bar_of_evidence, with_port};

/// Network anomaly sensor: counts every flow in the kernel, judges it with a Random Forest, raises alerts.
#[derive(Debug, Parser)]
#[command(name = "netanom", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What was typed.
    ///
    /// # Errors
    /// With the exit code when the program is to end: help and version were printed, or wrong usage was answered (2), or
    /// neither could be, as on a full disk (1).
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|answer| match answer.print() {
            Ok(()) => ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2)),
            Err(error) => {
                stderr::say(&format!("error: cannot write to standard output: {error}"));
                ExitCode::FAILURE
            }
        })
    }
}

/// Every subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch interfaces and raise alerts (needs root or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN).
    #[command(
        after_help = "Examples:\n  netanom run                      watch the interface of the default route\n  \
        netanom run -i eth0 -i eth1      watch two\n  netanom run -i mirror0 --direction ingress\n\n\
        Then: curl 127.0.0.1:9710/alerts and /metrics. Ctrl-C detaches."
    )]
    Run(RunArgs),
    /// Remove what a sensor that was killed has left in the kernel; a sensor that is stopped leaves nothing.
    Detach,
    /// Judge captures, or access logs, as if they were live.
    #[command(after_help = "Examples:\n  \
        netanom replay office.pcap\n  \
        netanom replay monday-*.pcap.gz --format json --flows flows.csv\n  \
        tcpdump -r office.pcap -w - net 10.0.0.0/8 | netanom replay -\n  \
        netanom replay /var/log/nginx/access.log*\n\n\
        What is read and how it is counted is in docs/replay.md and docs/access-logs.md.")]
    Replay(ReplayArgs),
    /// Judge what other programs append to files: access logs of web servers and proxies.
    #[command(after_help = "Examples:\n  \
        netanom watch /var/log/nginx/access.log\n  \
        netanom watch '/var/log/apache2/*access.log*' --listen 127.0.0.1:9711\n\n\
        Rotation by renaming and by truncation is followed, and the next start goes on where this one has come to. \
        Then: curl 127.0.0.1:9710/alerts and /metrics. See docs/access-logs.md.")]
    Watch(WatchArgs),
    /// Make traffic: to a capture file, or onto a test interface; or a sample of an access log or a table.
    #[command(after_help = "Examples:\n  \
        netanom simulate syn-flood --write flood.pcap --source 198.51.100.0/24 --target 192.0.2.10\n  \
        netanom simulate port-scan --interface veth0 --source 198.51.100.7 --target 192.0.2.10\n  \
        netanom simulate access-log --rows 100000 --anomalies 0.05 --write access.log")]
    Simulate(SimulateArgs),
    /// Rewrite captures as other networks would show them: farther servers, other rates, an attacker that also works.
    #[command(after_help = "Examples:\n  \
        netanom rewrite data --labels data/labels.json --copies 3 --output rewritten\n  \
        netanom rewrite a.pcap --kinds distance,loss --output rewritten\n\n\
        What each kind does is in docs/training.md.")]
    Rewrite(RewriteArgs),
    /// Train a model on labelled captures, or on a table.
    #[command(
        after_help = "Examples:\n  netanom train --captures data --labels data/labels.json --output my.model\n  \
        netanom train --table flows.csv --label verdict --output my.model\n\n\
        The label file's format, and what tables may be like, is in docs/training.md."
    )]
    Train(TrainArgs),
    /// Score a model on labelled captures, or on a table.
    #[command(after_help = "Examples:\n  \
        netanom evaluate --captures data --labels data/labels.json --report scores.html\n  \
        netanom evaluate --captures data --labels data/labels.json --leave-out source\n  \
        netanom evaluate --table nsl-kdd.txt --label 42 --drop 43 --folds 10")]
    Evaluate(EvaluateArgs),
    /// Judge the rows of tables without labels.
    #[command(after_help = "Examples:\n  \
        netanom judge flows.csv --model my.model --explain\n  \
        zcat flows.gz | netanom judge - --model my.model --columns src,dst --output verdicts.jsonl\n\n\
        What is read and what is written is in docs/models.md.")]
    Judge(JudgeArgs),
    /// Say what is in a table before a model is made of it.
    #[command(after_help = "Example:\n  netanom describe flows.csv --report flows.html")]
    Describe(DescribeArgs),
    /// Look into a model file.
    #[command(subcommand)]
    Model(ModelCommand),
}

/// `netanom model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Show what a model was trained on, what it tells apart, and its card.
    Show(ModelShowArgs),
    /// Write a model for other tools.
    Export(ModelExportArgs),
    /// Say what each feature of a flow added to the share of the trees that are for a class: exact Shapley values.
    Explain(ModelExplainArgs),
    /// Say what a bar of evidence is worth on labelled captures: attacks noticed and named, and false alarms; and put the
    /// lowest one that keeps to a rate of false alarms into the model file.
    Bar(ModelBarArgs),
}

/// `netanom model bar`.
#[derive(Debug, clap::Args)]
pub struct ModelBarArgs {
    /// Model file [default: the one inside the program].
    #[arg(value_name = "MODEL")]
    pub file: Option<PathBuf>,
    /// Folder of captures; may be given several times, each with its labels.
    #[arg(long, required = true, value_name = "DIR")]
    pub captures: Vec<PathBuf>,
    /// What their flows are.
    #[arg(long, required = true, value_name = "FILE.json")]
    pub labels: Vec<PathBuf>,
    /// Bars to try, in flows that surely are an attack.
    #[arg(long, value_name = "BAR,...", value_delimiter = ',', value_parser = bar_of_evidence,
          default_values_t = [4.0, 6.0, 8.0, 12.0, 16.0, 24.0])]
    pub bars: Vec<f64>,
    /// False alarms an hour of normal traffic that are allowed.
    #[arg(long, value_name = "PER_HOUR", requires = "output")]
    pub false_alarms: Option<f64>,
    /// Where the model goes with that bar.
    #[arg(long, value_name = "MODEL", requires = "false_alarms")]
    pub output: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
}

/// `netanom model explain`.
#[derive(Debug, clap::Args)]
pub struct ModelExplainArgs {
    /// Model file [default: the one inside the program].
    #[arg(value_name = "MODEL")]
    pub file: Option<PathBuf>,
    /// Table of flows that `netanom replay --flows FLOWS.csv` wrote.
    #[arg(long, value_name = "FLOWS.csv")]
    pub flows: PathBuf,
    /// Which of its flows, from 1.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub row: usize,
    /// Which class [default: the most probable].
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
}

/// `netanom model export`.
#[derive(Debug, clap::Args)]
pub struct ModelExportArgs {
    /// Model file [default: the one inside the program].
    #[arg(value_name = "MODEL")]
    pub file: Option<PathBuf>,
    /// Where the ONNX file goes.
    #[arg(long, value_name = "FILE")]
    pub onnx: PathBuf,
}

/// `netanom model show`.
#[derive(Debug, clap::Args)]
pub struct ModelShowArgs {
    /// Model file [default: the one inside the program].
    #[arg(value_name = "MODEL")]
    pub file: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
}

/// `netanom run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Interface to watch, or a pattern such as 'veth*'; may be given several times. Those that come later are watched
    /// too, and those that go are let go [default: that of the default route].
    #[arg(short, long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Model file [default: the one inside the program].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Address of /metrics and /alerts, such as localhost:9710, or :9710 for every IPv4 address [default: 127.0.0.1:9710].
    #[arg(long, value_name = "[ADDRESS]:PORT", value_parser = with_port)]
    pub listen: Option<String>,
    /// Folder for what outlives the sensor: the alerts [default: /var/lib/netanom for root, else ~/.local/state/netanom].
    #[arg(long, value_name = "DIR", conflicts_with = "no_state")]
    pub state_dir: Option<PathBuf>,
    /// Keep nothing that outlives the sensor.
    #[arg(long)]
    pub no_state: bool,
    /// Where XDP runs [default: auto].
    #[arg(long, value_enum)]
    pub xdp_mode: Option<XdpModeArg>,
    /// Which packets are counted [default: both].
    #[arg(long, value_enum)]
    pub direction: Option<DirectionArg>,
    /// Which packet of a tunnel is the flow [default: inner].
    #[arg(long, value_enum)]
    pub tunnels: Option<TunnelsArg>,
    /// Have the kernel count and time the runs of all its BPF programs, each of which then takes about 50 ns longer; needs
    /// root.
    #[arg(long)]
    pub bpf_stats: bool,
    /// Print a configuration file with every default and leave.
    #[arg(long)]
    pub print_config: bool,
}

/// `--xdp-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum XdpModeArg {
    /// Native when the driver can, else generic; TCX where VLAN tags may be beside the frame.
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

/// `--tunnels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TunnelsArg {
    /// The innermost one.
    Inner,
    /// The one between the tunnel's ends.
    Outer,
}

/// `netanom replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Captures (pcap or pcapng) or access logs, plain or compressed by gzip or zstd; `-` is standard input. Several
    /// captures are merged by time; several logs are read one after the other, the earliest first.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the files are [default: access logs where every file is plainly one, else captures].
    #[arg(long, value_enum)]
    pub input: Option<InputArg>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
    /// Write every finished flow, or every row of an access log, with its features and verdict here: CSV, or JSON lines for a name in .jsonl.
    #[arg(long, value_name = "OUT.csv|OUT.jsonl", value_parser = flow_table)]
    pub flows: Option<PathBuf>,
    /// Tell what each judged flow of this host did to the evidence, second by second: why it raised an alert, or none.
    #[arg(long, value_name = "HOST", conflicts_with_all = ["no_verdicts", "format"])]
    pub why: Option<IpAddr>,
    /// Replace the file of --flows when there is one already.
    #[arg(long, requires = "flows")]
    pub force: bool,
    /// Count flows without judging them.
    #[arg(long, conflicts_with = "model")]
    pub no_verdicts: bool,
    /// Model file [default: the one inside the program].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Have the packets counted by the kernel program instead of in user space: the same result, for who doubts it.
    /// Ethernet captures only; needs root.
    #[cfg(feature = "live")]
    #[arg(long)]
    pub kernel: bool,
    /// Which packet of a tunnel is the flow [default: inner].
    #[arg(long, value_enum)]
    pub tunnels: Option<TunnelsArg>,
    /// Milliseconds of packet time in a window, 10 to 10000 [default: 250].
    #[arg(long, value_name = "MS")]
    pub tick: Option<u64>,
}

/// `netanom rewrite`.
#[derive(Debug, clap::Args)]
pub struct RewriteArgs {
    /// Captures; or a folder, whose labels name them.
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,
    /// Folder for the new captures, made when it is missing.
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// Labels of the captures (JSON), which are carried along.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// What is changed, all of it in each copy [default: drawn anew for each copy].
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind_names())]
    pub kinds: Vec<String>,
    /// New captures of each one.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub copies: u64,
    /// Seed of all draws: the same one gives the same files.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Packets of a capture that are read at most, from its beginning on.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub packets: usize,
}

/// A file whose name says what flows are written as; or what is no file, as `/dev/stdout`.
fn flow_table(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_known = path
        .extension()
        .is_some_and(|ending| ending == "csv" || ending == "jsonl");
    if is_known || path.exists() && !path.is_file() && !path.is_dir() {
        return Ok(path);
    }
    Err("its name must end in .csv, or in .jsonl for an object a line".to_owned())
}

/// What can be rewritten, for the help.
fn kind_names() -> PossibleValuesParser {
    Kind::all().map(Kind::name).into()
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

impl TunnelsArg {
    /// The value in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Outer => "outer",
        }
    }
}
