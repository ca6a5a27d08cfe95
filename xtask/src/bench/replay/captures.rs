//! Which captures are measured: the largest of the folder, long flows, and all of them merged into one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use xtask::command;

/// The largest captures of the folder that are measured, by packets.
const LARGEST: usize = 2;
/// Packets a flow, and packets, from which on a capture has long flows.
const LONG_FLOWS: (u64, u64) = (100, 1000);
/// Packets that the capture of long flows has at least.
const LONG_PACKETS: u64 = 3_000_000;
/// Days between the copies that make it so long: more than any flow lasts.
const DAYS: u64 = 3;

/// A capture to measure.
pub(super) struct Capture {
    pub(super) name: String,
    /// What it is, for the page.
    pub(super) meaning: String,
    pub(super) path: PathBuf,
    pub(super) packets: u64,
    pub(super) flows: u64,
}

/// What `netanom replay` says of a capture.
#[derive(Deserialize)]
struct Replayed {
    packets: u64,
    flows: u64,
}

/// Makes the captures in `work`.
pub(super) fn choose(data: &Path, netanom: &Path, work: &Path) -> anyhow::Result<Vec<Capture>> {
    let mut paths = Vec::new();
    find(data, &mut paths)?;
    paths.sort();
    if paths.is_empty() {
        bail!("there are no captures (*.pcap) under `{}`", data.display());
    }
    let mut found: Vec<(PathBuf, Replayed)> = Vec::new();
    for path in &paths {
        found.push((path.clone(), report(netanom, path)?));
    }
    let long: Vec<_> = found
        .iter()
        .filter(|(_, report)| {
            report.packets >= LONG_FLOWS.0 * report.flows && report.packets >= LONG_FLOWS.1
        })
        .map(|(path, _)| path.as_path())
        .collect();

    let mut captures = Vec::new();
    let all = work.join("all.pcap");
    merge(&paths, &all)?;
    let meaning = format!("all {} captures of the folder, merged by time", paths.len());
    captures.push(capture("all", meaning, all, netanom)?);
    if !long.is_empty() {
        let path = work.join("long.pcap");
        let copies = repeat(&long, &path, netanom, work)?;
        let meaning = format!(
            "the {} captures with at least {} packets and {} packets a flow, {copies} times, each {DAYS} days after \
             the one before, merged by time",
            long.len(),
            LONG_FLOWS.1,
            LONG_FLOWS.0
        );
        captures.push(capture("long", meaning, path, netanom)?);
    }
    found.sort_by_key(|(path, report)| (std::cmp::Reverse(report.packets), path.clone()));
    for (path, _) in found.into_iter().take(LARGEST) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let meaning = "among the largest of the folder".to_owned();
        captures.push(capture(&name, meaning, path.clone(), netanom)?);
    }
    Ok(captures)
}

fn capture(name: &str, meaning: String, path: PathBuf, netanom: &Path) -> anyhow::Result<Capture> {
    let Replayed { packets, flows } = report(netanom, &path)?;
    Ok(Capture {
        name: name.to_owned(),
        meaning,
        path,
        packets,
        flows,
    })
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = folder
        .read_dir()
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else if path.extension().is_some_and(|name| name == "pcap") {
            found.push(path);
        }
    }
    Ok(())
}

fn report(netanom: &Path, capture: &Path) -> anyhow::Result<Replayed> {
    let output = Command::new(netanom)
        .args(["replay", "--no-verdicts", "--format", "json"])
        .arg(capture)
        .output()
        .context("cannot run netanom")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("netanom cannot replay `{}`: {said}", capture.display());
    }
    serde_json::from_slice(&output.stdout).context("netanom's report is not as expected")
}

fn merge(captures: &[PathBuf], into: &Path) -> anyhow::Result<()> {
    let mut mergecap = Command::new("mergecap");
    mergecap.args(["-F", "pcap", "-w"]).arg(into).args(captures);
    // The command names hundreds of files, so it is not shown.
    let status = mergecap.status().context("cannot run mergecap")?;
    if !status.success() {
        bail!("mergecap failed: {status}");
    }
    Ok(())
}

/// Merges copies of the captures, each later than the one before; how many.
fn repeat(captures: &[&Path], into: &Path, netanom: &Path, work: &Path) -> anyhow::Result<u64> {
    let once = work.join("once.pcap");
    let captures: Vec<PathBuf> = captures.iter().map(|path| (*path).to_owned()).collect();
    merge(&captures, &once)?;
    let copies = LONG_PACKETS.div_ceil(report(netanom, &once)?.packets.max(1));
    let mut shifted = Vec::new();
    for copy in 0..copies {
        let path = work.join(format!("copy-{copy}.pcap"));
        let seconds = (copy * DAYS * 86_400).to_string();
        command::run(
            Command::new("editcap")
                .args(["-F", "pcap", "-t", &seconds])
                .args([&once, &path]),
        )?;
        shifted.push(path);
    }
    merge(&shifted, into)?;
    for path in shifted {
        std::fs::remove_file(&path)
            .with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    Ok(copies)
}
