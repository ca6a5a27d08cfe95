//! `cargo xtask bench forest`: our forest and those of others on the same rows, in one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use serde_json::Value;

use super::machine;
use super::python::{self, output};
use xtask::command;

const COMMAND: &str = "cargo xtask bench forest";
const PAGE: &str = "docs/benchmarks-forest.md";

/// Beside what they depend on, which pip chooses.
const PEERS: [&str; 5] = [
    "scikit-learn==1.9.1",
    "scikit-learn-intelex==2026.2.0",
    "onnxruntime==1.31.1",
    "skl2onnx==1.20.0",
    "joblib==1.6.0",
];

const SCRIPT: &str = include_str!("forest/peers.py");

const INTRODUCTION: &str = "\
100 trees of depth 16, six classes. The rows are drawn (`xtask/src/bench/forest/peers.py`): 40 features like those of
flows (log-normal counters, small numbers, flags), 500,000 rows to learn from, 100,000 to judge. Everybody gets the same
rows; class probabilities come out. All runs follow one another on the same machine, so ratios say more than times.
Other programs may run meanwhile, so seconds are those that a program has had a processor, both threads together; those
of single rows are of the clock on the wall.
";

/// Measures and writes the page.
pub(super) fn forest() -> anyhow::Result<ExitCode> {
    let load = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let work = command::target_dir()?.join("bench-forest");
    fs::create_dir_all(&work).with_context(|| format!("cannot create `{}`", work.display()))?;
    let peers = Peers::ready(work)?;
    peers.call(&["data"])?;
    let mut trained = Vec::new();
    for name in ["scikit-learn", "scikit-learn-intelex"] {
        trained.push((name, peers.result(&["train", name])?));
    }
    let mut judged = Vec::new();
    for name in ["scikit-learn", "scikit-learn-intelex", "onnxruntime"] {
        judged.push((name, peers.result(&["predict", name])?));
    }
    let own = ours(&peers.folder)?;
    let page = format!(
        "# The forest and its peers\n\nWritten by `{COMMAND}` on {}. Load when it began: {load}.\n\n{INTRODUCTION}\n{}\n{}",
        machine()?,
        training(&own, &trained)?,
        judging(&own, &judged)?,
    );
    let path = command::workspace()?.join(PAGE);
    fs::write(&path, &page).with_context(|| format!("cannot write `{}`", path.display()))?;
    eprintln!("{page}\nwritten to {PAGE}");
    Ok(ExitCode::SUCCESS)
}

/// Python's forests in an environment of their own.
struct Peers {
    folder: PathBuf,
    python: PathBuf,
    script: PathBuf,
}

impl Peers {
    fn ready(folder: PathBuf) -> anyhow::Result<Self> {
        let python = python::environment(&folder, &PEERS)?;
        let script = folder.join("peers.py");
        fs::write(&script, SCRIPT).context("cannot write the peers' script")?;
        Ok(Self {
            folder,
            python,
            script,
        })
    }

    fn call(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut python = Command::new(&self.python);
        python.arg(&self.script).arg(words[0]).arg(&self.folder);
        python.args(&words[1..]);
        output(&mut python)
    }

    fn result(&self, words: &[&str]) -> anyhow::Result<Value> {
        let text = self.call(words)?;
        serde_json::from_str(&text).with_context(|| format!("`{}` is no result", text.trim()))
    }
}

/// Ours on the same rows; it judges with the forest of scikit-learn, by way of ONNX.
fn ours(folder: &Path) -> anyhow::Result<Value> {
    let mut cargo = command::cargo(&["run", "--release", "--package", "netanom"])?;
    cargo.args(["--example", "bench-forest", "--"]).arg(folder);
    serde_json::from_str(&output(&mut cargo)?).context("the example prints no JSON")
}

fn number(value: &Value, path: &str) -> anyhow::Result<f64> {
    let found = value.pointer(path).and_then(Value::as_f64);
    found.with_context(|| format!("the result has no number `{path}`"))
}

fn training(own: &Value, peers: &[(&str, Value)]) -> anyhow::Result<String> {
    let cpu_of_ours = number(own, "/cpu")?;
    let line = |name: &str, value: &Value| {
        let took = number(value, "/seconds")?;
        let accuracy = 100.0 * number(value, "/accuracy")?;
        let cpu = number(value, "/cpu")?;
        let times = cpu / cpu_of_ours;
        anyhow::Ok(format!(
            "| {name} | {cpu:.1} | {times:.1} | {took:.1} | {accuracy:.2} |\n"
        ))
    };
    let mut text =
        "## Learning, two threads\n\n| | CPU s | × ours | s on the wall | accuracy, % |\n|---|---|---|---|---|\n"
            .to_owned();
    text += &line("netanom (histogram)", own)?;
    for (name, value) in peers {
        text += &line(name, value)?;
    }
    Ok(text)
}

fn judging(own: &Value, peers: &[(&str, Value)]) -> anyhow::Result<String> {
    const BATCHES: [&str; 3] = ["1", "1000", "100000"];
    let ways = own.pointer("/ways").and_then(Value::as_object);
    let ways = ways.context("the result has no ways of judging")?;
    let best: Vec<f64> = BATCHES
        .iter()
        .map(|batch| {
            let mut all = ways.values().map(|way| number(way, &format!("/{batch}")));
            all.try_fold(0.0, |best, speed| Ok(f64::max(best, speed?)))
        })
        .collect::<anyhow::Result<_>>()?;
    let line = |name: &str, value: &Value| {
        let mut text = format!("| {name} ");
        for (batch, best) in BATCHES.iter().zip(&best) {
            let speed = number(value, &format!("/{batch}"))?;
            text += &format!("| {:.0} | {:.2} ", speed, best / speed);
        }
        anyhow::Ok(text + "|\n")
    };
    let mut text = format!(
        "## Judging, one thread\n\nAll but scikit-learn-intelex, which grows its own, judge with the forest that scikit-learn \
         grew ({} nodes). Ours read it as ONNX, and its\nprobabilities differ from scikit-learn's by at most {:.1e}; all of our \
         ways give the same bits. One row takes {:.1} µs.\n\n\
         | rows a second | 1 row | best of ours is × | 1,000 rows | × | 100,000 rows | × |\n\
         |---|---|---|---|---|---|---|\n",
        number(own, "/nodes")?,
        number(own, "/difference")?,
        1e6 / best[0],
    );
    for (name, value) in ways {
        text += &line(&format!("netanom, {name}"), value)?;
    }
    for (name, value) in peers {
        text += &line(name, value)?;
    }
    Ok(text)
}
