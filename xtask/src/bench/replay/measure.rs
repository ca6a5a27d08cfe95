//! Runs the programs in turn, so that a busy moment of the machine meets all of them, and keeps the fastest run.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

use super::captures::Capture;
use super::tools::Tool;
use super::{FEW, LONG};

/// The fastest run of a program on a capture.
#[derive(Clone, Copy)]
pub(super) struct Best {
    /// Seconds from start to end.
    pub(super) wall: f64,
    /// Seconds that its CPUs spent in it, in hundredths; the least of all runs.
    pub(super) cpu: f64,
    /// Largest resident set of one of its processes in KiB, of all runs.
    pub(super) memory: u64,
    /// How often it ran.
    pub(super) runs: usize,
}

/// The best of so many runs of each program, or of [`FEW`] when one takes longer than [`LONG`].
pub(super) fn alternately(
    tools: &[Tool],
    capture: &Capture,
    runs: usize,
) -> anyhow::Result<Vec<Best>> {
    // Every program finds the file in the page cache.
    std::io::copy(
        &mut File::open(&capture.path).context("cannot read a capture")?,
        &mut std::io::sink(),
    )?;
    let mut best: Vec<Option<Best>> = vec![None; tools.len()];
    for _ in 0..runs {
        for (tool, best) in tools.iter().zip(&mut best) {
            if best.is_some_and(|best| best.wall > LONG && best.runs >= FEW) {
                continue;
            }
            let next = run(tool, capture)?;
            *best = Some(best.map_or(next, |best| Best {
                wall: best.wall.min(next.wall),
                cpu: best.cpu.min(next.cpu),
                memory: best.memory.max(next.memory),
                runs: best.runs + 1,
            }));
        }
    }
    for (tool, best) in tools.iter().zip(&best) {
        let wall = best.map_or(0.0, |best| best.wall);
        eprintln!("{}: {} {wall:.2} s", capture.name, tool.name);
    }
    Ok(best.into_iter().flatten().collect())
}

fn run(tool: &Tool, capture: &Capture) -> anyhow::Result<Best> {
    if let Some(folder) = &tool.output {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    let told = tempfile::NamedTempFile::new().context("cannot make a file")?;
    let mut command = Command::new("time");
    command
        .args(["--format", "%U %S %M", "--output"])
        .arg(told.path())
        .arg(&tool.program)
        .args(&tool.arguments)
        .arg(&capture.path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let begun = now();
    let output = command.output().context("cannot run `time`")?;
    let wall = now().duration_since(begun).as_secs_f64();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed on `{}`: {said}", tool.name, capture.name);
    }
    let text = fs::read_to_string(told.path()).context("`time` wrote nothing")?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    let &[user, system, memory] = numbers.as_slice() else {
        bail!("`time` wrote `{text}`");
    };
    Ok(Best {
        wall,
        cpu: user + system,
        memory: memory as u64,
        runs: 1,
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
