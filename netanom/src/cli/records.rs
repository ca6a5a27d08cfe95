//! The arguments of `watch`, and what files of records may be.

use std::path::PathBuf;

use clap::ValueEnum;

use super::values::with_port;

/// `netanom watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Files, or patterns in quotes such as '/var/log/nginx/*access.log*'. What is compressed (gzip, zstd) is read once,
    /// as history.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Model file [default: the one inside the program].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address of /metrics and /alerts, such as localhost:9710, or :9710 for every IPv4 address [default: 127.0.0.1:9710].
    #[arg(long, value_name = "[ADDRESS]:PORT", value_parser = with_port)]
    pub listen: Option<String>,
    /// Folder for what outlives the watch: its places in the files and the alerts [default: /var/lib/netanom/watch for
    /// root, else ~/.local/state/netanom/watch].
    #[arg(long, value_name = "DIR", conflicts_with = "no_state")]
    pub state_dir: Option<PathBuf>,
    /// Keep nothing that outlives the watch: the next start reads the files from their beginning.
    #[arg(long)]
    pub no_state: bool,
}

/// `--input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputArg {
    /// Packets: pcap or pcapng.
    Capture,
    /// Lines that a web server or proxy has written.
    AccessLog,
}
