//! CONTRIBUTING's recipes can be followed: what they name is there, and a detector written by one raises an alert.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netanom::alert::{Class, Finding, Interfaces, State, Subject};
use netanom::config::Config;
use netanom::detect::{Detector, Judges, View};
use netanom::flow::{Timestamp, Window, request};
use netanom::pipeline::Pipeline;

/// The recipe's name and its text.
fn recipes() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let (_, after) = text.split_once("## Recipes").unwrap();
    let (section, _) = after.split_once("\n## ").unwrap();
    section
        .split("\n\n")
        .filter_map(|paragraph| {
            let (name, text) = paragraph.trim().strip_prefix("**")?.split_once(".**")?;
            Some((name.to_owned(), text.to_owned()))
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands in backticks, with line ends as spaces.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// All code of the workspace, for names.
fn code() -> String {
    fn walk(folder: &Path, code: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, code);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                code.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut code = String::new();
    for member in ["netanom", "netanom-testbed", "xtask"] {
        walk(&root().join(member).join("src"), &mut code);
    }
    code
}

/// Whether a path is there from the root, from netanom's code, or from a folder that the recipe has named.
fn is_there(path: &str, named: &[PathBuf]) -> bool {
    let from = [root(), root().join("netanom/src")];
    from.iter()
        .chain(named)
        .any(|from| from.join(path).exists())
}

#[test]
fn every_file_name_and_command_of_a_recipe_is_there() {
    let code = code();
    let mut missing = Vec::new();
    let mut checked = 0;
    for (recipe, text) in recipes() {
        let mut named: Vec<PathBuf> = Vec::new();
        for quote in quoted(&text) {
            let is_found =
                if let Some(command) = quote.split("cargo test -p netanom --test ").nth(1) {
                    let file = format!("netanom/tests/{command}.rs");
                    is_there(&file, &[])
                } else if let Some(command) = quote.strip_prefix("cargo xtask ") {
                    let command = command.split(' ').next().unwrap_or_default();
                    code.contains(&format!("\"{command}\""))
                        || code.contains(&command.replace('-', "_"))
                } else if quote.contains('/') || quote.ends_with(".rs") || quote.ends_with(".md") {
                    let path = root().join(&quote);
                    let folder = if path.is_dir() {
                        Some(path.as_path())
                    } else {
                        path.parent()
                    };
                    named.extend(folder.map(Path::to_path_buf));
                    is_there(&quote, &named)
                } else {
                    // A name of ours: defined, not merely mentioned.
                    let last = quote.rsplit("::").next().unwrap_or(&quote);
                    let defined = ["trait ", "fn ", "mod ", "enum ", "struct "];
                    defined
                        .iter()
                        .any(|what| code.contains(&format!("{what}{last}")))
                        || is_word(last)
                };
            checked += 1;
            if !is_found {
                missing.push(format!("{recipe}: `{quote}`"));
            }
        }
    }
    assert_eq!(missing, [""; 0]);
    assert!(
        checked > 30,
        "only {checked} names were found in the recipes"
    );
}

/// A word of the language.
fn is_word(word: &str) -> bool {
    matches!(word, "mod" | "test")
}

#[test]
fn there_is_a_recipe_for_each_seam() {
    let names: BTreeSet<String> = recipes().into_iter().map(|(name, _)| name).collect();
    for seam in [
        "A feature",
        "A detector",
        "A source of flows",
        "A sink of alerts",
        "A metric",
        "An attack to simulate",
        "A subcommand",
        "A development command",
    ] {
        assert!(names.contains(seam), "{seam}: {names:?}");
    }
}

/// A detector as the recipe asks for: one type outside of the crate, of public names alone. It finds what has asked for
/// port 80 more than three times.
#[derive(Default)]
struct Knocks {
    seen: u64,
}

impl Detector for Knocks {
    fn name(&self) -> &'static str {
        "knocks"
    }

    fn judge(&mut self, view: &View<'_>) -> Vec<Finding> {
        self.seen += view.window.flows.len() as u64;
        if self.seen <= 3 {
            return Vec::new();
        }
        let fact = &view.rows.facts[0];
        vec![Finding {
            detector: "knocks",
            subject: Subject::Source(fact.initiator.ip),
            interface: fact.interface,
            protocol: fact.protocol,
            class: Class::PortScan,
            evidence: 20.0,
            score: 1.0,
            sentence: format!("{} knocked {} times", fact.initiator.ip, self.seen),
            seen: (fact.first_seen, fact.last_seen),
            flows: 1,
            packets: fact.packets,
            bytes: fact.bytes,
        }]
    }

    fn clear(&mut self) {
        self.seen = 0;
    }
}

fn knock(second: u64) -> Window {
    let [start, end] = [second, second + 1]
        .map(|second| Timestamp::from_nanos(0).plus(Duration::from_secs(second)));
    let address = |host: u32| [0, 0, 0xffff_u32.to_be(), (0xc000_0200 + host).to_be()];
    let packet = request(address(7), address(1), 1024 + second as u16);
    Window::of_lone(start, end, [packet].into_iter())
}

#[test]
fn a_detector_of_public_names_alone_raises_an_alert_through_the_pipeline_and_forgets_when_told() {
    let judges = Judges {
        of_conversations: None,
        classifier: None,
        detectors: vec![Box::<Knocks>::default()],
    };
    let settings = Config::default().pipeline().unwrap();
    let mut pipeline = Pipeline::new(settings, judges, Interfaces::default());
    // Which teaches it nothing.
    pipeline.rehearse();
    let alerts: Vec<_> = (1..=3)
        .flat_map(|second| pipeline.step(&knock(second)))
        .collect();
    assert_eq!(alerts, []);
    let alerts = pipeline.step(&knock(4));
    let [alert] = &alerts[..] else {
        panic!("{alerts:?}");
    };
    assert_eq!((alert.class, alert.state), (Class::PortScan, State::Active));
    assert_eq!(alert.detector, "knocks");
    assert_eq!(alert.summary, "192.0.2.7 knocked 4 times");
}
