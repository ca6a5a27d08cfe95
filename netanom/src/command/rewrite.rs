//! `netanom rewrite`: captures as other networks would show them, with their labels.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{answer, progress};
use crate::cli::RewriteArgs;
use crate::rewrite::{Capture, CarriedRules, Kind, Known};

/// One capture to rewrite.
struct Input {
    path: PathBuf,
    /// Its name in the labels; without labels its file's name.
    name: String,
    rules: Option<Value>,
}

/// A new capture.
struct Rewritten {
    name: String,
    from: String,
    rules: Value,
    done: Vec<String>,
}

/// Rewrites captures, and says how many there are.
///
/// # Errors
/// When an input, its labels or the output are not to be had.
pub fn run(args: &RewriteArgs) -> anyhow::Result<()> {
    let kinds = args
        .kinds
        .iter()
        .map(|name| name.parse())
        .collect::<Result<Vec<Kind>, _>>()?;
    if args.labels.is_none()
        && let Some(kind) = kinds.iter().find(|kind| kind.needs() > Known::Nothing)
    {
        bail!("`{kind}` has to know what the flows are: give the captures' --labels");
    }
    let inputs = inputs(args)?;
    fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot make the folder `{}`", args.output.display()))?;
    let all = rewrite_all(args, &inputs, &kinds)?;
    write_lists(args, &all)?;
    let copies = inputs.len() * args.copies as usize;
    let mut text = format!(
        "{} captures rewritten into {} in `{}`\n",
        inputs.len(),
        all.len(),
        args.output.display()
    );
    if all.len() < copies {
        let _ = writeln!(
            text,
            "{} copies were left out: nothing of what was to be changed is in them",
            copies - all.len()
        );
    }
    answer(&text)
}

/// The captures, in the order in which they were given.
fn inputs(args: &RewriteArgs) -> anyhow::Result<Vec<Input>> {
    let labels = match &args.labels {
        Some(file) => {
            let text = fs::read(file)
                .with_context(|| format!("cannot read the labels `{}`", file.display()))?;
            let labels: BTreeMap<String, Value> =
                serde_json::from_slice(&text).with_context(|| {
                    format!(
                        "the labels `{}` are wrong (docs/training.md has their format)",
                        file.display()
                    )
                })?;
            Some(labels)
        }
        None => None,
    };
    let mut inputs = Vec::new();
    for path in &args.inputs {
        if path.is_dir() {
            let Some(labels) = &labels else {
                bail!(
                    "`{}` is a folder, whose labels say which captures it has: give --labels, or name the captures",
                    path.display()
                );
            };
            let named = labels.iter().map(|(name, rules)| Input {
                path: path.join(name),
                name: name.clone(),
                rules: Some(rules.clone()),
            });
            inputs.extend(named.filter(|input| input.path.is_file()));
        } else {
            inputs.push(single(path, labels.as_ref())?);
        }
    }
    if inputs.is_empty() {
        bail!("none of the captures that the labels name is there");
    }
    Ok(inputs)
}

fn single(path: &Path, labels: Option<&BTreeMap<String, Value>>) -> anyhow::Result<Input> {
    let Some(labels) = labels else {
        let name = path.file_name().map(|name| name.to_string_lossy());
        return Ok(Input {
            path: path.to_owned(),
            name: name.unwrap_or_default().into_owned(),
            rules: None,
        });
    };
    let found = labels.iter().find(|(name, _)| path.ends_with(name));
    let (name, rules) = found.with_context(|| {
        format!(
            "the labels name no capture whose path `{}` ends with",
            path.display()
        )
    })?;
    Ok(Input {
        path: path.to_owned(),
        name: name.clone(),
        rules: Some(rules.clone()),
    })
}

fn rewrite_all(
    args: &RewriteArgs,
    inputs: &[Input],
    kinds: &[Kind],
) -> anyhow::Result<Vec<Rewritten>> {
    let copies = inputs.len() * args.copies as usize;
    let benign: Vec<&Input> = inputs
        .iter()
        .filter(|input| known(input) == Known::Labels)
        .collect();
    let bar = progress::bar(copies, "rewriting");
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Vec<(usize, Rewritten)>> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= copies {
                return Ok(done);
            }
            let input = &inputs[number / args.copies as usize];
            let rewritten = copy(args, input, &benign, kinds, number);
            let rewritten =
                rewritten.with_context(|| format!("cannot rewrite `{}`", input.path.display()))?;
            done.extend(rewritten.map(|rewritten| (number, rewritten)));
            bar.inc(1);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<anyhow::Result<_>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(part) => part,
            Err(_) => bail!("a thread that rewrote captures failed"),
        });
        joined.collect()
    });
    bar.finish_and_clear();
    let mut all = Vec::new();
    for part in parts {
        all.extend(part?);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, rewritten)| rewritten).collect())
}

fn known(input: &Input) -> Known {
    let rules = input.rules.clone().map(CarriedRules::new);
    rules.map_or(Known::Nothing, |rules| rules.known())
}

/// One copy of a capture; none when nothing of it is changed.
fn copy(
    args: &RewriteArgs,
    input: &Input,
    benign: &[&Input],
    kinds: &[Kind],
    number: usize,
) -> anyhow::Result<Option<Rewritten>> {
    let stream = number as u64;
    let kinds = if kinds.is_empty() {
        Kind::draw(args.seed, stream, known(input))
    } else {
        kinds.to_vec()
    };
    let rules = input.rules.clone().map(CarriedRules::new);
    let mut capture = Capture::read(
        &input.path,
        args.packets,
        rules.unwrap_or_else(CarriedRules::unknown),
    )?;
    // Another one each time, whatever the order of the copies.
    let beside = kinds.contains(&Kind::Work) || kinds.contains(&Kind::Mix);
    let other = match benign.len() {
        0 => None,
        _ if !beside => None,
        count => {
            let other = benign[(args.seed as usize).wrapping_add(number * 7919) % count];
            let rules = CarriedRules::unknown();
            Some(Capture::read(&other.path, args.packets, rules)?)
        }
    };
    let done = capture.rewrite(&kinds, other.as_ref(), args.seed, stream)?;
    if done.is_empty() || capture.is_empty() {
        return Ok(None);
    }
    let name = new_name(&input.name, number % args.copies as usize);
    let rules = capture.write(&args.output.join(&name))?;
    Ok(Some(Rewritten {
        name,
        from: input.name.clone(),
        rules: rules.into_value(),
        done,
    }))
}

/// The source stays the beginning of the name, so that a copy is left out with its original.
fn new_name(name: &str, copy: usize) -> String {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let stem = file.split(".pcap").next().unwrap_or(file);
    let stem = stem.strip_suffix(".cap").unwrap_or(stem);
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}{stem}.rewritten-{copy:02}.pcap")
}

/// `labels.json`, where there are labels, and what was done to each capture.
fn write_lists(args: &RewriteArgs, all: &[Rewritten]) -> anyhow::Result<()> {
    let write = |name: &str, text: &[u8]| {
        let file = args.output.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))
    };
    if args.labels.is_some() {
        let labels: BTreeMap<&str, &Value> = all
            .iter()
            .map(|rewritten| (rewritten.name.as_str(), &rewritten.rules))
            .collect();
        write("labels.json", &serde_json::to_vec_pretty(&labels)?)?;
    }
    let mut list = "capture\tof\twhat was changed\n".to_owned();
    for rewritten in all {
        let Rewritten {
            name, from, done, ..
        } = rewritten;
        let _ = writeln!(list, "{name}\t{from}\t{}", done.join("; "));
    }
    write("rewritten.tsv", list.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::new_name;

    #[test]
    fn a_copy_keeps_the_folder_and_the_source_of_its_original() {
        assert_eq!(new_name("syn/lab_a.pcap", 3), "syn/lab_a.rewritten-03.pcap");
        assert_eq!(new_name("lab_b.pcapng.zst", 0), "lab_b.rewritten-00.pcap");
        assert_eq!(new_name("plain", 0), "plain.rewritten-00.pcap");
    }
}
