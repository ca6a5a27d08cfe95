//! Imports inside crate netanom point down: that is what keeps the core free of I/O, clocks and threads.

use super::Complaint;
use super::source::Source;

/// The modules of crate netanom from top to bottom. A module uses those on lower lines, and none beside it.
const LAYERS: [&[&str]; 13] = [
    &["main"],
    &["command"],
    &["daemon", "cli"],
    &["http"],
    &["rewrite"],
    &["config", "learn", "simulate"],
    &["pipeline"],
    &["source", "sink"],
    &["detect"],
    &["feature", "model"],
    // Plain data. Labels are named after what alerts and flows have.
    &["metrics"],
    &["alert"],
    &["flow"],
];

/// No file uses a module that is above or beside its own.
pub(super) fn point_down(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some(module) = source.netanom_module() else {
            continue;
        };
        let Some(layer) = layer(module) else {
            complaints.push(source.complaint(
                1,
                format!("module `{module}` has no place in LAYERS of {}", file!()),
            ));
            continue;
        };
        for (line, used) in used_modules(source) {
            if used != module && self::layer(&used).is_none_or(|below| below <= layer) {
                let text = format!(
                    "`{module}` uses `{used}`, which is not below it: move what both need down, or pass it in from above"
                );
                complaints.push(source.complaint(line, text));
            }
        }
    }
    complaints
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules below the crate's root that a file names, with the line.
fn used_modules(source: &Source) -> Vec<(usize, String)> {
    // Line ends stay, so that a position gives a line.
    let code: String = source.code().flat_map(|(_, line)| [line, "\n"]).collect();
    // The binary reaches the library by the crate's name.
    let root = if source.netanom_module() == Some("main") {
        "netanom::"
    } else {
        "crate::"
    };
    let mut used = Vec::new();
    for (at, _) in code.match_indices(root) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let names = first_names(&code[at + root.len()..]);
        // What begins with a capital letter is an item of the root itself.
        used.extend(
            names
                .into_iter()
                .filter(|name| name.starts_with(char::is_lowercase))
                .map(|name| (line, name)),
        );
    }
    used
}

/// The first name of each path in `flow::Flow` or `{alert::Alert, flow::{Flow, Window}}`.
fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn name(path: &str) -> String {
    path.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::complaints;

    fn check(path: &str, code: &str, expected: &[&str]) {
        let found = complaints(point_down, &[(path, code)]);
        let short: Vec<&str> = found
            .iter()
            .map(|text| text.split(", which").next().unwrap())
            .collect();
        assert_eq!(short, expected, "in {path}: {code}");
    }

    #[test]
    fn an_import_from_below_is_fine() {
        check(
            "netanom/src/detect/scan.rs",
            "use crate::feature::FEATURES;\nuse crate::flow::Flow;",
            &[],
        );
    }

    #[test]
    fn an_import_from_above_is_found() {
        let found = "netanom/src/flow/table.rs:2: `flow` uses `source`";
        check(
            "netanom/src/flow/table.rs",
            "//! A doc.\nuse crate::source::FlowSource;",
            &[found],
        );
    }

    #[test]
    fn a_sibling_is_found() {
        check(
            "netanom/src/sink/store.rs",
            "use crate::source::Stop;",
            &["netanom/src/sink/store.rs:1: `sink` uses `source`"],
        );
    }

    #[test]
    fn a_path_in_the_middle_of_code_is_found() {
        check(
            "netanom/src/model/forest.rs",
            "fn f() {\n    crate::http::serve()\n}",
            &["netanom/src/model/forest.rs:2: `model` uses `http`"],
        );
    }

    #[test]
    fn every_member_of_a_group_is_looked_at() {
        check(
            "netanom/src/detect/mod.rs",
            "use crate::{\n    flow::{Flow, Window},\n    sink::Sink,\n    alert,\n    http::{self, Server},\n};",
            &[
                "netanom/src/detect/mod.rs:1: `detect` uses `sink`",
                "netanom/src/detect/mod.rs:1: `detect` uses `http`",
            ],
        );
    }

    #[test]
    fn a_module_may_use_itself_and_comments_may_name_any() {
        check(
            "netanom/src/flow/table.rs",
            "use crate::flow::Flow; // for crate::http\n/// [`crate::daemon`]",
            &[],
        );
    }

    #[test]
    fn another_crates_root_is_not_ours() {
        check(
            "netanom/src/flow/table.rs",
            "use somecrate::http::X; $crate::http;",
            &["netanom/src/flow/table.rs:1: `flow` uses `http`"],
        );
    }

    #[test]
    fn the_binary_may_use_all() {
        check(
            "netanom/src/main.rs",
            "use netanom::cli::Cli;\nuse netanom::{command, daemon};",
            &[],
        );
    }

    #[test]
    fn a_module_without_a_place_is_found() {
        check(
            "netanom/src/utils.rs",
            "",
            &[&format!(
                "netanom/src/utils.rs:1: module `utils` has no place in LAYERS of {}",
                file!()
            )],
        );
        check(
            "netanom/src/http/mod.rs",
            "use crate::utils::x;",
            &["netanom/src/http/mod.rs:1: `http` uses `utils`"],
        );
    }
}
