//! `cargo xtask test`: every test, with what it needs, and a word on each that could not run.
//!
//! A test that cannot run here (no root, no such program) appends a line `name: reason` to the file that
//! `NETANOM_SKIP_LOG` names, and returns.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;
use xtask::{command, debian, setup};

use crate::testbed;

/// A Debian package that tests use.
struct Package {
    name: &'static str,
    /// The program in it; when that is there, the package is not asked for.
    program: &'static str,
    why: &'static str,
    /// Installing it would start a daemon: it is unpacked into the target folder in place of that.
    has_daemon: bool,
}

const PACKAGES: [Package; 8] = [
    Package {
        name: "iproute2",
        program: "ip",
        why: "network namespaces and veth pairs for whole runs",
        has_daemon: false,
    },
    Package {
        name: "bpftool",
        program: "bpftool",
        why: "a second opinion on what is attached",
        has_daemon: false,
    },
    Package {
        name: "libcap2-bin",
        program: "setcap",
        why: "running the sensor without root",
        has_daemon: false,
    },
    Package {
        name: "prometheus",
        program: "prometheus",
        why: "scraping the sensor, and the queries of every dashboard",
        has_daemon: true,
    },
    Package {
        name: "prometheus-alertmanager",
        program: "prometheus-alertmanager",
        why: "alerts that fire, are silenced and resolved there",
        has_daemon: true,
    },
    Package {
        name: "tshark",
        program: "tshark",
        why: "counting the conversations of real captures a second time",
        has_daemon: false,
    },
    Package {
        name: "chromium",
        program: "chromium",
        why: "the live page as people meet it",
        has_daemon: false,
    },
    Package {
        name: "openssl",
        program: "openssl",
        why: "a certificate for HTTPS",
        has_daemon: false,
    },
];

/// What is passed on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments of `cargo test` in place of `--workspace`, for example `-p netanom-common parse`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the tests; the exit code is theirs.
pub(crate) fn test(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if env::var_os("NETANOM_EBPF_OBJECT").is_none() {
        setup::ensure()?;
    }
    let mut path: Vec<PathBuf> = tools()?;
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));

    let skip_log =
        tempfile::NamedTempFile::new().context("cannot make a file for skipped tests")?;
    let mut cargo = command::cargo(&["test", "--no-fail-fast"])?;
    if arguments.arguments.is_empty() {
        // The kernel's crate cannot be built for this machine.
        cargo.args(["--workspace", "--exclude", "netanom-ebpf"]);
    }
    cargo.args(&arguments.arguments);
    cargo.env(
        "PATH",
        env::join_paths(path).context("PATH cannot be extended")?,
    );
    cargo.env("NETANOM_SKIP_LOG", skip_log.path());

    let (code, mut tally) = watch(cargo)?;
    if arguments.arguments.is_empty() {
        tally.add_gate(testbed::quality_gate(skip_log.path())?);
    }
    let skipped =
        std::fs::read_to_string(skip_log.path()).context("cannot read what tests skipped")?;
    tally.add_skips(&skipped);
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    let code = match code {
        0 if tally.failed > 0 => 1,
        code => code,
    };
    report(&tally, code, ci);
    if code == 0 && ci && !tally.skipped.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::from(code))
}

/// Gets the programs that tests use, as far as it can; returns folders for PATH. A test that misses one says so.
fn tools() -> anyhow::Result<Vec<PathBuf>> {
    let unpacked = command::target_dir()?.join("tools");
    let programs = unpacked.join("usr/bin");
    for Package {
        name,
        program,
        why,
        has_daemon,
    } in PACKAGES
    {
        if command::exists(program) || programs.join(program).is_file() {
            continue;
        }
        eprintln!("test: {program} is missing; it is used for {why}");
        let got = if has_daemon {
            debian::unpack(name, &unpacked)
        } else {
            debian::install(&[name])
        };
        if let Err(error) = got {
            eprintln!("test: {error:#}; the tests that use it are skipped");
        }
    }
    Ok(vec![programs])
}

/// Runs the tests, shows what they say as they say it, and counts.
#[expect(clippy::print_stdout, reason = "passes on what the tests print")]
fn watch(mut cargo: Command) -> anyhow::Result<(u8, Tally)> {
    eprintln!("$ {}", command::shown(&cargo));
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = child
        .stdout
        .take()
        .context("cargo's output was not piped")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what the tests print")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.add_line(&line);
    }
    let status = child.wait().context("cannot wait for cargo")?;
    // Killed by a signal: no code of its own.
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok((code, tally))
}

#[expect(clippy::print_stdout, reason = "the result")]
fn report(tally: &Tally, code: u8, ci: bool) {
    for (name, reason) in &tally.skipped {
        println!("skipped {name}: {reason}");
    }
    if ci && !tally.skipped.is_empty() {
        println!("CI=true: a skipped test is a failure");
    }
    if code != 0 && tally.failed == 0 {
        println!("the tests were not run to their end: see above");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed(),
        tally.failed,
        tally.skipped.len()
    );
}

/// Counts over all test programs.
#[derive(Debug, Default)]
struct Tally {
    /// Those that libtest says passed, which a test that skips itself is among.
    ok: usize,
    /// Skipped by themselves; libtest takes them for passed.
    returned_early: usize,
    failed: usize,
    /// Name and reason.
    skipped: BTreeMap<String, String>,
}

impl Tally {
    /// Reads a line of libtest's output.
    fn add_line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.ok += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        } else if let Some((name, reason)) = ignored(line) {
            self.skipped.insert(name.to_owned(), reason.to_owned());
        }
    }

    /// Reads the lines that tests wrote to NETANOM_SKIP_LOG; a test may write several.
    fn add_skips(&mut self, log: &str) {
        for line in log.lines() {
            let (name, reason) = line.split_once(": ").unwrap_or((line, "gave no reason"));
            if self
                .skipped
                .insert(name.to_owned(), reason.to_owned())
                .is_none()
            {
                self.returned_early += 1;
            }
        }
    }

    /// Counts the quality gate as one more test, which like others skips itself.
    fn add_gate(&mut self, is_passed: bool) {
        if is_passed {
            self.ok += 1;
        } else {
            eprintln!("test: the quality gate failed: see above");
            self.failed += 1;
        }
    }

    fn passed(&self) -> usize {
        self.ok.saturating_sub(self.returned_early)
    }
}

/// Name and reason in `test some::name ... ignored, reason`.
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let reason = outcome.strip_prefix("ignored")?;
    Some((
        name,
        reason
            .strip_prefix(", ")
            .unwrap_or("ignored, without a reason"),
    ))
}

/// The number that stands before `label`, or 0.
fn number_before(text: &str, label: &str) -> usize {
    let before = text.split_once(label).map_or("", |(before, _)| before);
    before
        .rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str, skip_log: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.add_line(line));
        tally.add_skips(skip_log);
        tally
    }

    #[test]
    fn results_of_all_test_programs_are_summed() {
        let tally = tally(
            "test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.03s\n\
             test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.03s",
            "",
        );
        assert_eq!((tally.passed(), tally.failed), (19, 3));
    }

    #[test]
    fn a_test_that_skips_itself_did_not_pass() {
        let tally = tally(
            "test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured",
            "live::a_flood_is_seen: not root\nlive::a_flood_is_seen: no bpftool\nlive::it_detaches: not root\n",
        );
        assert_eq!((tally.passed(), tally.skipped.len()), (5, 2));
    }

    #[test]
    fn the_quality_gate_counts_as_a_test() {
        let of = |is_passed, skip_log| {
            let mut tally = tally("test result: ok. 7 passed; 0 failed", skip_log);
            tally.add_gate(is_passed);
            (tally.passed(), tally.failed, tally.skipped.len())
        };
        assert_eq!(of(true, ""), (8, 0, 0));
        assert_eq!(of(false, ""), (7, 1, 0));
        assert_eq!(of(true, "quality gate: not root\n"), (7, 0, 1));
    }

    #[test]
    fn an_ignored_test_is_skipped_with_its_reason() {
        let tally = tally(
            "test slow::one ... ignored, takes an hour\ntest result: ok. 1 passed; 0 failed; 1 ignored",
            "",
        );
        assert_eq!(tally.passed(), 1);
        assert_eq!(tally.skipped["slow::one"], "takes an hour");
    }

    #[test]
    fn what_a_test_prints_is_not_taken_for_a_result() {
        let tally = tally("5 passed\nthe test result: 4 passed\ntest it ... ok", "");
        assert_eq!((tally.ok, tally.skipped.len()), (0, 0));
    }
}
