//! Each big dependency is named in one place, so that leaving it for another one changes that place alone.

use super::Complaint;
use super::source::Source;

/// Crates, and the beginnings of the paths inside `netanom/src/` that may name them.
const PLACES: [(&[&str], &[&str]); 9] = [
    (&["aya", "aya_log", "aya_obj"], &["source/kernel"]),
    (&["clap"], &["cli.rs", "cli/"]),
    (&["tokio"], &["daemon.rs", "daemon/", "http/"]),
    (
        &[
            "axum",
            "hyper",
            "hyper_util",
            "tokio_rustls",
            "tower_http",
            "utoipa_axum",
        ],
        &["http/"],
    ),
    (&["prometheus"], &["metrics.rs", "metrics/"]),
    (&["prost"], &["model/onnx/"]),
    (&["rusqlite"], &["sink/store/"]),
    (&["smartcore"], &["learn/"]),
    (&["flate2", "ruzstd"], &["source/capture", "http/tests/"]),
];

/// No file of crate netanom names a crate that has its place elsewhere.
pub(super) fn stay_in_their_place(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = xtask_on_its_own(sources);
    for source in sources.iter().filter(|source| source.is_rust()) {
        let Some(inside) = source.path.strip_prefix("netanom/src/") else {
            continue;
        };
        for (crates, places) in PLACES {
            if places.iter().any(|place| inside.starts_with(place)) {
                continue;
            }
            for (line, code) in source.code() {
                if let Some(named) = crates.iter().find(|name| names(code, name)) {
                    let text = format!(
                        "`{named}` is for {} alone: go through what that offers",
                        places.join(" and ")
                    );
                    complaints.push(source.complaint(line, text));
                }
            }
        }
    }
    complaints
}

/// xtask builds the rest, and everything waits for it.
fn xtask_on_its_own(sources: &[Source]) -> Vec<Complaint> {
    let manifest = sources
        .iter()
        .find(|source| source.path == "xtask/Cargo.toml");
    let named = manifest.into_iter().flat_map(|manifest| {
        let dependencies = manifest.text.lines().zip(1..);
        dependencies
            .skip_while(|(line, _)| *line != "[dependencies]")
            .filter(|(line, _)| line.starts_with("netanom"))
            .map(|(_, line)| {
                let text =
                    "xtask is built before everything: what needs netanom goes to netanom-testbed";
                manifest.complaint(line, text.to_owned())
            })
    });
    named.collect()
}

/// Whether code names the crate: `aya::maps` or `use aya;`, but not `crate::aya::x` or `my_aya::x`.
fn names(code: &str, name: &str) -> bool {
    let imported = ["use ", "extern crate "].iter().any(|keyword| {
        let rest = code
            .trim_start()
            .trim_start_matches("pub ")
            .strip_prefix(keyword);
        let rest = rest.and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with([';', ' ']))
    });
    let is_path_start =
        |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let is_root = |at: usize| {
        code[..at].ends_with("::")
            && !code[..at - 2].ends_with(|c: char| c.is_alphanumeric() || c == '_')
    };
    let in_path = code.match_indices(name).any(|(at, _)| {
        code[at + name.len()..].starts_with("::") && (is_path_start(at) || is_root(at))
    });
    imported || in_path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::complaints;

    #[test]
    fn a_crate_in_its_place_is_fine() {
        let files = [
            ("netanom/src/source/kernel.rs", "use aya::Ebpf;"),
            (
                "netanom/src/source/kernel/load.rs",
                "aya_log::EbpfLogger::init(&mut ebpf);",
            ),
            (
                "netanom/src/http/server.rs",
                "use hyper_util::rt::TokioIo;\n#[tokio::test]",
            ),
            ("xtask/src/main.rs", "use clap::Parser;"),
        ];
        assert_eq!(complaints(stay_in_their_place, &files), [""; 0]);
    }

    #[test]
    fn a_crate_elsewhere_is_found_with_its_place() {
        let files = [(
            "netanom/src/pipeline.rs",
            "//! Why.\nfn f() {\n    tokio::spawn(x);\n}",
        )];
        assert_eq!(
            complaints(stay_in_their_place, &files),
            [
                "netanom/src/pipeline.rs:3: `tokio` is for daemon.rs and daemon/ and http/ alone: go through what that offers"
            ]
        );
    }

    #[test]
    fn xtask_that_depends_on_netanom_is_found() {
        let manifest = |dependency| {
            let text = format!(
                "[package]\ndescription = \"netanom's\"\n[dependencies]\n{dependency}.workspace = true\n"
            );
            complaints(stay_in_their_place, &[("xtask/Cargo.toml", &text)])
        };
        assert_eq!(manifest("anyhow"), [""; 0]);
        assert_eq!(
            manifest("netanom"),
            [
                "xtask/Cargo.toml:4: xtask is built before everything: what needs netanom goes to netanom-testbed"
            ]
        );
    }

    #[test]
    fn only_the_crate_itself_is_meant() {
        for code in [
            "use aya;",
            "use aya as bpf;",
            "use ::aya::Ebpf;",
            "#[aya::main]",
            "pub use aya::Ebpf;",
        ] {
            assert!(names(code, "aya"), "{code}");
        }
        for code in [
            "crate::aya::x",
            "my_aya::x",
            "let aya = 1;",
            "use self::aya::x;",
            "aya_log::x",
            "\"aya\"",
        ] {
            assert!(!names(code, "aya"), "{code}");
        }
    }
}
