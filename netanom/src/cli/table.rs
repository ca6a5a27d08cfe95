//! The arguments of `train --table` and `evaluate --table`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::learn::anomaly::{Kind, Settings, Weights};
use crate::learn::table::Selection;

/// A table in place of captures.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Tables")]
pub struct TableArgs {
    /// Table with a row a flow, in place of captures: CSV (by comma, semicolon or tab; UTF-8, Latin-1 or UTF-16), JSON lines or a log of Zeek,
    /// plain or compressed by gzip or zstd; `-` is standard input.
    #[arg(long, value_name = "FILE.csv", requires = "label", conflicts_with_all = ["captures", "labels"])]
    pub table: Option<PathBuf>,
    /// Column that says what a row is: its name, or its number from 1.
    #[arg(long, value_name = "COLUMN", requires = "table")]
    pub label: Option<String>,
    /// Columns to leave out, such as identifiers; separated by commas, or given several times.
    #[arg(long, value_name = "COLUMN", requires = "table", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// Columns whose numbers are names, such as port numbers.
    #[arg(long, value_name = "COLUMN", requires = "table", value_delimiter = ',')]
    pub words: Vec<String>,
    /// The first line is a row [default: when there is a number in it].
    #[arg(long, requires = "table")]
    pub no_header: bool,
    /// Numbers have a decimal comma, as in 1,5 or 1.234,5.
    #[arg(long, requires = "table")]
    pub decimal_comma: bool,
    /// Classes with their labels (JSON), such as {"normal": "normal", "dos": ["neptune", "smurf"], "other": "*"}.
    #[arg(long, value_name = "FILE.json", requires = "table")]
    pub map: Option<PathBuf>,
    /// Class of normal traffic [default: `normal` or `benign`].
    #[arg(long, value_name = "CLASS", requires = "table")]
    pub normal: Option<String>,
    /// Tell attacks from normal traffic and not from each other: all other classes are one.
    #[arg(long, requires = "table")]
    pub binary: bool,
}

impl TableArgs {
    /// Which columns are wanted.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            label: self.label.clone().unwrap_or_default(),
            drop: self.drop.clone(),
            words: self.words.clone(),
            has_no_header: self.no_header,
            has_decimal_comma: self.decimal_comma,
            only: None,
        }
    }
}

/// What kind of model is made of a table.
#[derive(Clone, Debug, clap::Args)]
pub struct KindArgs {
    /// Kind of model: `forest` learns classes; all others but `autoencoder-forest` learn from normal rows alone what is
    /// normal, and call all else an anomaly.
    #[arg(long, value_enum, default_value_t = KindArg::Forest, requires = "table")]
    pub kind: KindArg,
    /// Share of normal rows that a kind that knows what is normal may call an anomaly [default: 0.01].
    #[arg(long, value_name = "SHARE", value_parser = super::learning::share)]
    pub false_alarms: Option<f64>,
    /// How much each detector of an ensemble counts, as lof=0,autoencoder=2; 1 for those that are not named.
    #[arg(long, value_name = "NAME=WEIGHT,...")]
    pub weights: Option<Weights>,
}

impl KindArgs {
    /// As learning takes them.
    ///
    /// # Errors
    /// When settings are given of another kind.
    pub fn settings(&self, seed: u64) -> anyhow::Result<(Kind, Settings)> {
        let kind = self.kind.kind();
        anyhow::ensure!(
            self.weights.is_none() || kind == Kind::Ensemble,
            "--weights are of an ensemble; give it with --kind ensemble"
        );
        anyhow::ensure!(
            self.false_alarms.is_none() || kind.is_of_normal(),
            "--false-alarms is for what learns from normal rows alone, and --kind {} does not",
            kind.name()
        );
        let settings = Settings {
            false_alarms: self.false_alarms.unwrap_or(0.01),
            weights: self.weights.clone().unwrap_or_default(),
            seed,
        };
        Ok((kind, settings))
    }
}

/// `--kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Random Forest: learns classes.
    Forest,
    /// What a small network cannot draw again.
    Autoencoder,
    /// Random Forest that also sees what an autoencoder of normal rows makes of a row.
    AutoencoderForest,
    /// How soon random cuts set a row apart.
    IsolationForest,
    /// Local outlier factor: how much thinner it is around a row than around its neighbours.
    Lof,
    /// How far outside of the hull of normal rows.
    OneClassSvm,
    /// Principal components: how far from the plane that normal rows lie near.
    Pca,
    /// How far from the nearest centre of normal rows.
    KMeans,
    /// All detectors of what is normal together, by calibrated ranks.
    Ensemble,
}

impl KindArg {
    /// As learning takes it.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Forest => Kind::Forest,
            Self::Autoencoder => Kind::Autoencoder,
            Self::AutoencoderForest => Kind::AutoencoderForest,
            Self::IsolationForest => Kind::IsolationForest,
            Self::Lof => Kind::Lof,
            Self::OneClassSvm => Kind::OneClassSvm,
            Self::Pca => Kind::Pca,
            Self::KMeans => Kind::KMeans,
            Self::Ensemble => Kind::Ensemble,
        }
    }
}
