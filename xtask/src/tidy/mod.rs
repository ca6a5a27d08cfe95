//! `cargo xtask tidy`: the house rules that neither rustc nor clippy knows.
//!
//! A rule looks at all files as text and returns complaints. To add one: a file with a `check` and its tests, and a
//! line in [`RULES`]. The rules read text, not syntax: a rule that could be fooled on purpose is good enough here.

mod dependencies;
mod imports;
mod metrics;
mod modules;
mod source;

use std::process::ExitCode;

use source::Source;
use xtask::command;

/// Looks at all files and says what it finds.
type Rule = fn(&[Source]) -> Vec<Complaint>;

/// The rules, in the order in which they are reported.
const RULES: [Rule; 6] = [
    modules::open_with_a_doc,
    modules::are_short,
    modules::name_no_machine,
    imports::point_down,
    dependencies::stay_in_their_place,
    metrics::are_known_and_shown,
];

/// What breaks a rule, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    path: String,
    line: usize,
    text: String,
}

/// Reports every breach; succeeds when there is none.
pub(crate) fn tidy() -> anyhow::Result<ExitCode> {
    let sources = source::all(&command::workspace()?)?;
    let complaints: Vec<Complaint> = RULES.iter().flat_map(|rule| rule(&sources)).collect();
    for Complaint { path, line, text } in &complaints {
        eprintln!("{path}:{line}: {text}");
    }
    if complaints.is_empty() {
        eprintln!("tidy: {} files keep the house rules", sources.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("tidy: {} breaches of the house rules", complaints.len());
    Ok(ExitCode::FAILURE)
}

/// Runs a rule on files given as path and text, and gives its complaints as they are printed.
#[cfg(test)]
fn complaints(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    rule(&sources)
        .into_iter()
        .map(|found| format!("{}:{}: {}", found.path, found.line, found.text))
        .collect()
}
