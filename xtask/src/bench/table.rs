//! `cargo xtask bench table`: tables that others made, judged by cross-validation, beside scikit-learn on the same folds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::machine;
use super::python::{self, output};
use xtask::command;

const COMMAND: &str = "cargo xtask bench table";
const PAGE: &str = "docs/benchmarks-tables.md";
const MAP: &str = "docs/nsl-kdd-classes.json";
const SCRIPT: &str = include_str!("table/peers.py");
const FOLDS: usize = 5;

/// Beside what they depend on, which pip chooses.
const PEERS: [&str; 3] = ["scikit-learn==1.9.1", "pandas==3.1.1", "zstandard==0.25.0"];

/// How netanom grows its forests: as it does by default, and as scikit-learn does.
const SETTINGS: [(&str, &[&str]); 2] = [
    ("netanom", &[]),
    (
        "netanom, --depth 40 --min-leaf 1",
        &["--depth", "40", "--min-leaf", "1"],
    ),
];

const INTRODUCTION: &str = "\
Five folds, the rows of each class dealt to them in turn; 100 trees; the same rows and folds for all. scikit-learn has its
defaults (trees grow until leaves are pure, one row a leaf) and two threads; its words are numbered by name (ordinal) or
are a column each (one-hot). netanom has its defaults (depth 16, leaves of two rows), or grows nearly as far as
scikit-learn. Its seconds are those of the whole program, with reading and encoding; scikit-learn's are of learning and
judging alone. Other programs may run meanwhile.
";

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder whose csv/ has the tables; those that are missing are left out, and said to be
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// A table and what is asked of it.
struct Task {
    title: &'static str,
    file: &'static str,
    has_header: bool,
    label: &'static str,
    drop: &'static [&'static str],
    /// The label of normal traffic, with all others as one class.
    normal: Option<&'static str>,
    is_mapped: bool,
}

const NSL_KDD: Task = Task {
    title: "NSL-KDD Train+, attack or not",
    file: "nsl-kdd_KDDTrain+.txt.zst",
    has_header: false,
    label: "42",
    drop: &["43"],
    normal: Some("normal"),
    is_mapped: false,
};

const UNSW_NB15: Task = Task {
    title: "UNSW-NB15 (82,332 rows), ten classes",
    file: "UNSW_NB15_training-set.csv.zst",
    has_header: true,
    label: "attack_cat",
    drop: &["id", "label"],
    normal: None,
    is_mapped: false,
};

const TASKS: [Task; 4] = [
    NSL_KDD,
    Task {
        title: "NSL-KDD Train+, five classes",
        normal: None,
        is_mapped: true,
        ..NSL_KDD
    },
    UNSW_NB15,
    Task {
        title: "CIC-IDS2017 (sample of 6,311 rows), seven classes",
        file: "CICIDS2017_sample.csv.zst",
        has_header: true,
        label: "Label",
        drop: &[],
        normal: None,
        is_mapped: false,
    },
];

/// Measures and writes the page.
pub(super) fn table(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let tables = arguments.data.join("csv");
    let tables = fs::canonicalize(&tables)
        .with_context(|| format!("there is no folder `{}`", tables.display()))?;
    let work = command::target_dir()?.join("bench-table");
    fs::create_dir_all(&work).with_context(|| format!("cannot create `{}`", work.display()))?;
    let python = python::environment(&work, &PEERS)?;
    let script = work.join("peers.py");
    fs::write(&script, SCRIPT).context("cannot write the peer's script")?;
    let mut build = command::cargo(&["build", "--release", "--package", "netanom"])?;
    command::run(&mut build)?;
    let mut page = format!(
        "# Tables\n\nWritten by `{COMMAND}` on {}, beside {}.\n\n{INTRODUCTION}",
        machine()?,
        PEERS[0].replace("==", " "),
    );
    let mut measured = 0;
    for task in &TASKS {
        let file = tables.join(task.file);
        if !file.is_file() {
            eprintln!("skipped {}: there is no `{}`", task.title, file.display());
            continue;
        }
        let section = task.measure(&file, &python, &script)?;
        eprintln!("{section}");
        page += &section;
        measured += 1;
    }
    ensure!(
        measured > 0,
        "no table of the benchmark is in `{}`",
        tables.display()
    );
    let path = command::workspace()?.join(PAGE);
    fs::write(&path, &page).with_context(|| format!("cannot write `{}`", path.display()))?;
    eprintln!("written to {PAGE}");
    Ok(ExitCode::SUCCESS)
}

impl Task {
    /// A section of the page.
    fn measure(&self, file: &Path, python: &Path, script: &Path) -> anyhow::Result<String> {
        let mut peer = Command::new(python);
        peer.arg(script).arg(self.specification(file)?.to_string());
        let theirs: Value = serde_json::from_str(&output(&mut peer)?).context("no result")?;
        let mut lines = Vec::new();
        for (name, flags) in SETTINGS {
            lines.push((name.to_owned(), self.ours(file, flags)?));
        }
        for encoding in ["ordinal", "one-hot"] {
            lines.push((
                format!("scikit-learn, {encoding}"),
                theirs[encoding].clone(),
            ));
        }
        let number = |value: &Value, name: &str| {
            let number = value[name].as_f64();
            number.with_context(|| format!("`{value}` has no number `{name}`"))
        };
        let best = f64::max(
            number(&theirs["ordinal"], "accuracy")?,
            number(&theirs["one-hot"], "accuracy")?,
        );
        let rows = number(&theirs["ordinal"], "rows")?;
        let mut text = format!(
            "\n## {}\n\n| | accuracy, % | beside scikit-learn's better, points | macro-F1 | seconds |\n|---|---|---|---|---|\n",
            self.title
        );
        for (name, value) in &lines {
            ensure!(number(value, "rows")? == rows, "`{name}` judged other rows");
            let accuracy = number(value, "accuracy")?;
            text += &format!(
                "| {name} | {:.3} | {:+.3} | {:.4} | {:.1} |\n",
                100.0 * accuracy,
                100.0 * (accuracy - best),
                number(value, "macro_f1")?,
                number(value, "seconds")?,
            );
        }
        Ok(text)
    }

    fn specification(&self, file: &Path) -> anyhow::Result<Value> {
        let classes: Value = if self.is_mapped {
            let map = fs::read_to_string(command::workspace()?.join(MAP))
                .with_context(|| format!("cannot read `{MAP}`"))?;
            serde_json::from_str(&map).with_context(|| format!("`{MAP}` is no JSON"))?
        } else {
            Value::Null
        };
        Ok(json!({
            "file": file,
            "has_header": self.has_header,
            "label": self.label,
            "drop": self.drop,
            "normal": self.normal,
            "binary": self.normal.is_some(),
            "classes": classes,
            "folds": FOLDS,
        }))
    }

    /// What `netanom evaluate` prints, with the seconds that it took.
    fn ours(&self, file: &Path, flags: &[&str]) -> anyhow::Result<Value> {
        let mut netanom = Command::new(command::target_dir()?.join("release/netanom"));
        netanom.current_dir(command::workspace()?);
        netanom.args(["evaluate", "--format", "json", "--label", self.label]);
        netanom.args(["--folds", &FOLDS.to_string()]).args(flags);
        for column in self.drop {
            netanom.args(["--drop", column]);
        }
        if let Some(normal) = self.normal {
            netanom.args(["--binary", "--normal", normal]);
        }
        if self.is_mapped {
            netanom.args(["--map", MAP]);
        }
        #[expect(clippy::disallowed_methods, reason = "a benchmark takes time")]
        let begin = Instant::now();
        let text = output(netanom.arg("--table").arg(file))?;
        let seconds = begin.elapsed().as_secs_f64();
        let mut result: Value = serde_json::from_str(&text).context("netanom prints no JSON")?;
        result["seconds"] = json!(seconds);
        Ok(result)
    }
}
