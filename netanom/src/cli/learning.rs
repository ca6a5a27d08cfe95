//! The arguments of `train` and `evaluate`; those of their tables are in `table.rs`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{FormatArg, KindArgs, TableArgs};
use crate::learn::calibration::Method;
use crate::learn::trainer::ForestSettings;

/// `netanom train`.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// Folder of captures; may be given several times, each with its --labels.
    #[arg(long, required_unless_present_any = ["table", "access_logs", "simulated_clients"], value_name = "DIR")]
    pub captures: Vec<PathBuf>,
    /// Labels of the captures (JSON).
    #[arg(long, required_unless_present_any = ["table", "access_logs", "simulated_clients"], value_name = "FILE")]
    pub labels: Vec<PathBuf>,
    /// Folder of captures that are trained on, but not left out to calibrate or to tune, as made ones; may be given several
    /// times, each with its --also-labels.
    #[arg(long, value_name = "DIR", conflicts_with = "table")]
    pub also_captures: Vec<PathBuf>,
    /// Labels of those.
    #[arg(long, value_name = "FILE")]
    pub also_labels: Vec<PathBuf>,
    /// Where the model goes.
    #[arg(long, short, value_name = "MODEL")]
    pub output: PathBuf,
    /// Which trainer grows the forest.
    #[arg(long, value_enum, default_value_t = TrainerArg::Histogram)]
    pub trainer: TrainerArg,
    /// The forest.
    #[command(flatten)]
    pub forest: ForestArgs,
    /// Try other depths, leaves, features a split and numbers of trees than those given, on the parts of --calibrate; train
    /// with the best and print all.
    #[arg(long, conflicts_with = "table")]
    pub tune: bool,
    /// Name of the model.
    #[arg(long, default_value = "custom")]
    pub name: String,
    /// Model card (text) to put into the file.
    #[arg(long, value_name = "FILE")]
    pub card: Option<PathBuf>,
    /// Time of training to write down, RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    pub trained_at: Option<String>,
    /// Write down what it was trained on here: rows by capture and class (JSON).
    #[arg(long, value_name = "FILE", conflicts_with = "table")]
    pub contents: Option<PathBuf>,
    /// In place of captures: an access log of which it is known what all its clients do; may be given several times.
    #[arg(long = "access-log", value_name = "FILE=CLASS", conflicts_with_all = ["captures", "labels", "table"])]
    pub access_logs: Vec<String>,
    /// Simulated clients of each kind to learn from beside the access logs.
    #[arg(long, value_name = "COUNT", default_value_t = 0, conflicts_with_all = ["captures", "labels", "table"])]
    pub simulated_clients: usize,
    /// A table in place of captures. Last, since what follows would stand under its heading in the help.
    #[command(flatten)]
    pub table: TableArgs,
    /// What is made of it.
    #[command(flatten)]
    pub kind: KindArgs,
}

/// How a forest is grown.
#[derive(Clone, Debug, clap::Args)]
pub struct ForestArgs {
    /// Trees.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub trees: u16,
    /// Depth of a tree at most.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub depth: u16,
    /// Weight of a leaf at least, in rows.
    #[arg(long, default_value_t = 2.0, value_parser = weight)]
    pub min_leaf: f64,
    /// Features that a split chooses from [default: the square root of their number].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub features_per_split: Option<u16>,
    /// Calibrate the probabilities on up to this many parts of the captures, each left out once; 0 leaves them as they
    /// are.
    #[arg(long, default_value_t = 5, value_name = "PARTS", value_parser = clap::value_parser!(u8).range(0..=20))]
    pub calibrate: u8,
    /// How they are calibrated.
    #[arg(long, value_enum, default_value_t = CalibrationArg::Power)]
    pub calibration: CalibrationArg,
    /// Seed of all draws: the same seed and data give the same model.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `--calibration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CalibrationArg {
    /// Not at all: probabilities are the shares of the trees.
    None,
    /// All shares to one power, which holds with few captures and keeps the likeliest class.
    Power,
    /// A sigmoid for each class.
    Platt,
    /// Steps for each class.
    Isotonic,
}

impl CalibrationArg {
    /// As learning takes it.
    #[must_use]
    pub const fn method(self) -> Method {
        match self {
            Self::None => Method::None,
            Self::Power => Method::Power,
            Self::Platt => Method::Platt,
            Self::Isotonic => Method::Isotonic,
        }
    }
}

/// `--trainer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TrainerArg {
    /// Ours: histograms of 256 bins, all cores.
    Histogram,
    /// The reference, smartcore: one core, for up to some ten thousand rows.
    Smartcore,
}

impl ForestArgs {
    /// As the trainers take them.
    #[must_use]
    pub fn settings(&self) -> ForestSettings {
        ForestSettings {
            trees: self.trees.into(),
            max_depth: self.depth.into(),
            min_leaf: self.min_leaf,
            seed: self.seed,
            features_per_split: self.features_per_split.map(usize::from),
            ..ForestSettings::default()
        }
    }
}

/// `netanom evaluate`.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("grown").args(["leave_out", "table"]),
    mut_args = only_where_forests_are_grown,
)]
pub struct EvaluateArgs {
    /// Model file [default: the one inside the program].
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Folder of captures; may be given several times, each with its --labels.
    #[arg(long, required_unless_present_any = ["table", "access_logs"], value_name = "DIR")]
    pub captures: Vec<PathBuf>,
    /// Labels of the captures (JSON).
    #[arg(long, required_unless_present_any = ["table", "access_logs"], value_name = "FILE")]
    pub labels: Vec<PathBuf>,
    /// With --table: cross-validation, which judges each part of the rows by a forest of the others [default: 5, without
    /// --model].
    #[arg(
        long,
        value_name = "PARTS",
        requires = "table",
        conflicts_with = "model"
    )]
    pub folds: Option<usize>,
    /// With --folds: which trainer grows the forests.
    #[arg(long, value_enum, requires = "table", conflicts_with = "model", default_value_t = TrainerArg::Histogram)]
    pub trainer: TrainerArg,
    /// Train a model without each source (the beginning of a capture's name), or without each class of attack, and
    /// judge by it what was left out.
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with_all = ["model", "table"])]
    pub leave_out: Option<LeaveOutArg>,
    /// With --leave-out group: sources that count as one, with commas between; may be given several times.
    #[arg(long, value_name = "NAMES", requires = "leave_out")]
    pub alike: Vec<String>,
    /// With --leave-out: folder of captures that are always trained on and never judged.
    #[arg(long, value_name = "DIR", requires = "leave_out")]
    pub also_captures: Vec<PathBuf>,
    /// Labels of those.
    #[arg(long, value_name = "FILE", requires = "leave_out")]
    pub also_labels: Vec<PathBuf>,
    /// With --leave-out or --folds: the forests.
    #[command(flatten)]
    pub forest: ForestArgs,
    /// Attacks among all flows of the network that precision is stated for.
    #[arg(long, default_value_t = 0.001, value_name = "SHARE", value_parser = share)]
    pub base_rate: f64,
    /// Write a page with every score and plot here, in one file.
    #[arg(long, value_name = "OUT.html")]
    pub report: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub format: FormatArg,
    /// In place of captures: an access log of which it is known what all its clients do; may be given several times.
    #[arg(long = "access-log", value_name = "FILE=CLASS", conflicts_with_all = ["captures", "labels", "table", "leave_out", "report"])]
    pub access_logs: Vec<String>,
    /// With --access-log: also mix each attack into the minutes of normal clients, at this share of their requests.
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',', requires = "access_logs", value_parser = mixture)]
    pub mix: Vec<f64>,
    /// A table in place of captures. Last, since what follows would stand under its heading in the help.
    #[command(flatten)]
    pub table: TableArgs,
    /// What is made of it.
    #[command(flatten)]
    pub kind: KindArgs,
}

/// A model that is there already has been grown with settings of its own.
fn only_where_forests_are_grown(argument: clap::Arg) -> clap::Arg {
    match argument.get_id().as_str() {
        "trees" | "depth" | "min_leaf" | "features_per_split" | "seed" => {
            argument.requires("grown").conflicts_with("model")
        }
        "kind" | "false_alarms" | "weights" => argument.conflicts_with_all(["model", "leave_out"]),
        "calibrate" | "calibration" => argument.requires("leave_out").conflicts_with("table"),
        _ => argument,
    }
}

/// `--leave-out`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LeaveOutArg {
    /// All captures of one origin at a time: how well it does on networks that are new to it.
    Source,
    /// Sources in five groups, one group at a time: the same in less time.
    Group,
    /// One class of attack at a time: what it makes of an attack that it was never told of.
    Class,
}

fn weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(weight) if weight > 0.0 && weight.is_finite() => Ok(weight),
        _ => Err("give a number above 0, such as 2".to_owned()),
    }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("give a share between 0 and 1, such as 0.001".to_owned()),
    }
}

fn mixture(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 100.0 => Ok(share),
        _ => Err("give a share above 0, such as 0.01".to_owned()),
    }
}
