//! `cargo xtask bench kernel`: runs the example that measures, and keeps its tables with the machine's name.

use std::fs;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, bail, ensure};

use super::machine;
use xtask::{command, privileges, setup};

const COMMAND: &str = "cargo xtask bench kernel";
const PAGE: &str = "docs/benchmarks-kernel.md";

const INTRODUCTION: &str = "\
Times are those that `BPF_PROG_TEST_RUN` tells, of half a million packets in a row on one CPU; the least of seven runs, as
whatever else the machine does only adds. They hold the loop that runs the program, which is what the empty program
shows. Flows are made random by writing a random source address into the frame before each packet; what that costs is
measured by a program that does nothing else, and taken off. \"Look up one entry and add one\" is a program with a hash
map of the same key size that always finds its one entry.
";

const WHERE: &str = "\
## Where the time goes

A profile (`perf record` over `bench-kernel maps`): with many flows more than half of a packet's time is the look-up's wait
for memory (`lookup_nulls_elem_raw`), as each flow's entry is somewhere else. Of a drain, walking the buckets and copying
the entries out takes nearly all (`__htab_map_lookup_and_delete_batch`, `_copy_to_user`). All flows of these drains are on
one CPU. Entries are made beforehand: when they were taken from the kernel's allocator as needed, giving them back
(`unit_free`) took more than all the rest of a drain, 139 ms for 131,072 flows in place of 54.
A hot flow's packet spends about half of its time in the look-up that the program beside it has too, and an eighth in
reading the clock. A division replaced by a multiplication gained nothing.
";

/// Measures and writes the page.
pub(super) fn kernel() -> anyhow::Result<ExitCode> {
    if !privileges::may_attach()? {
        bail!(
            "loading kernel programs takes root; nothing was built: sudo env PATH=\"$PATH\" {COMMAND}"
        );
    }
    setup::ensure()?;
    let mut cargo = command::cargo(&[
        "run",
        "--release",
        "--package",
        "netanom",
        "--features",
        "bench",
        "--example",
        "bench-kernel",
    ])?;
    // The bench's programs are not in an object that was built elsewhere.
    cargo
        .env_remove("NETANOM_EBPF_OBJECT")
        .stderr(Stdio::inherit());
    eprintln!("$ {}", command::shown(&cargo));
    let output = cargo.output().context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "the benchmark failed: {}",
        output.status
    );
    let tables = String::from_utf8(output.stdout).context("the tables are no text")?;
    let page = format!(
        "# What counting costs the kernel\n\nWritten by `{COMMAND}` on {}.\n\n{INTRODUCTION}\n{}\n\n{WHERE}",
        machine()?,
        tables.trim_end()
    );
    let path = command::workspace()?.join(PAGE);
    fs::write(&path, &page).with_context(|| format!("cannot write `{}`", path.display()))?;
    eprintln!("{tables}\nwritten to {PAGE}");
    Ok(ExitCode::SUCCESS)
}
