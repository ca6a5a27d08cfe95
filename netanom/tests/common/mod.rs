//! What several integration tests share.

use std::io::Write;

/// Says loudly that a test could not run here: on standard error, and as a line in the file that `NETANOM_SKIP_LOG`
/// names, so that a run can show at its end what it did not try.
pub(crate) fn skip(test: &str, reason: &str) {
    let line = format!("skipped {test}: {reason}\n");
    eprint!("{line}");
    if let Some(path) = std::env::var_os("NETANOM_SKIP_LOG") {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
