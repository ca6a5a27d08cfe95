//! `cargo xtask draw`: labelled captures by the thousand, each drawn at random ([`netanom::simulate::drawn`]).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, bail};
use netanom::alert::Class;
use netanom::simulate::CaptureWriter;
use netanom::simulate::drawn::{self, Drawn};
use serde_json::{Value, json};

/// Bytes of a frame that are written: every header, and no more, as the program looks no deeper.
const CUT: usize = 128;

/// What to draw.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many captures
    #[arg(long, value_name = "N", default_value_t = 1000)]
    count: u64,
    /// Seed of all draws; the same one gives the same files
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Folder to write to, made when it is missing; labels.json goes beside the captures
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Kinds to draw, in turn [default: all, by their weights]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
}

/// Draws, and says how much there is.
#[expect(clippy::print_stdout, reason = "the result")]
pub(crate) fn draw(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments {
        count,
        seed,
        output,
        kinds,
    } = arguments;
    let made = make(output, *count, *seed, kinds)?;
    println!(
        "draw: {count} captures, {} with an attack, {} frames in `{}`",
        made.attacks,
        made.frames,
        output.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    frames: u64,
    attacks: usize,
}

/// Writes captures and their labels to a folder.
pub(crate) fn make(output: &Path, count: u64, seed: u64, kinds: &[String]) -> anyhow::Result<Made> {
    if count == 0 {
        bail!("--count 0 draws nothing: give how many captures to write");
    }
    if let Some(wrong) = kinds
        .iter()
        .find(|kind| !drawn::kinds().any(|name| name == kind.as_str()))
    {
        let names: Vec<_> = drawn::kinds().collect();
        bail!(
            "no kind is called `{wrong}`; there are {}",
            names.join(", ")
        );
    }
    fs::create_dir_all(output)
        .with_context(|| format!("cannot make the folder `{}`", output.display()))?;
    let next = AtomicU64::new(0);
    let write = || -> anyhow::Result<Vec<(String, Value, u64)>> {
        let mut written = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(written);
            }
            written.push(write_one(output, one(seed, number, kinds)?, number)?);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<anyhow::Result<_>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(write)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(part) => part,
            Err(_) => bail!("a thread that drew captures failed"),
        });
        joined.collect()
    });
    let mut made = Made::default();
    let mut labels = BTreeMap::new();
    for part in parts {
        for (name, rules, frames) in part? {
            made.frames += frames;
            made.attacks += usize::from(has_attack(&rules));
            labels.insert(name, rules);
        }
    }
    let file = output.join("labels.json");
    fs::write(&file, serde_json::to_vec_pretty(&labels)?)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(made)
}

fn one(seed: u64, number: u64, kinds: &[String]) -> anyhow::Result<Drawn> {
    if kinds.is_empty() {
        return Ok(drawn::draw(seed, number));
    }
    let kind = &kinds[(number % kinds.len() as u64) as usize];
    drawn::draw_kind(kind, seed, number).with_context(|| format!("no kind is called `{kind}`"))
}

/// Writes one capture; returns its name, its labels and how many frames it has.
fn write_one(output: &Path, drawn: Drawn, number: u64) -> anyhow::Result<(String, Value, u64)> {
    // The first part is the source, as in the names of real captures.
    let name = format!("drawn_{}_{number:05}.pcap", drawn.kind);
    let mut capture = CaptureWriter::create(&output.join(&name))?;
    let mut frames = 0;
    for frame in drawn.frames {
        capture.write_cut(&frame, CUT)?;
        frames += 1;
    }
    capture.finish()?;
    let labels = json!({ "tier": "core", "default": Class::Normal, "rules": drawn.rules });
    Ok((name, labels, frames))
}

/// Whether the labels name an attack.
fn has_attack(labels: &Value) -> bool {
    let rules = labels["rules"].as_array().into_iter().flatten();
    rules
        .filter_map(|rule| rule["class"].as_str()?.parse::<Class>().ok())
        .any(|class| class != Class::Normal)
}

#[cfg(test)]
mod tests {
    use netanom::learn::labels::Labels;

    use super::*;

    #[test]
    fn what_is_drawn_has_labels_that_the_trainer_reads_and_is_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        let made = make(&one, 12, 5, &[]).unwrap();
        make(&two, 12, 5, &[]).unwrap();
        assert!(
            made.frames > 100 && (1..12).contains(&made.attacks),
            "{made:?}"
        );
        let labels = Labels::read(&one.join("labels.json")).unwrap();
        assert_eq!(labels.iter().count(), 12);
        for (name, rules) in labels.iter() {
            assert!(rules.is_core());
            let [a, b] = [&one, &two].map(|folder| fs::read(folder.join(name)).unwrap());
            assert_eq!(a, b, "{name}");
        }
    }

    #[test]
    fn an_unknown_kind_is_answered_with_those_that_exist() {
        let folder = tempfile::tempdir().unwrap();
        let error = make(folder.path(), 1, 1, &["guesss".to_owned()]).unwrap_err();
        assert!(
            error.to_string().contains("`guesss`; there are guess, "),
            "{error}"
        );
    }
}
