//! A table of sessions to try table models on: what most of them are like, and anomalies of four kinds.
//!
//! Two columns name who and whom, one the time, one is a word, some have gaps, and the last is the label; so it has what
//! tables that other tools write have.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use rand::{RngExt, SeedableRng};

use super::DEFAULT_START;
use super::chance::{Rng, around, pick, wait};

/// The header.
const COLUMNS: &str =
    "time,source,target,service,duration,bytes_sent,bytes_received,requests,errors,label";

/// So many rows, of which a share is anomalies.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedTable {
    rows: u64,
    anomalies: f64,
    seed: u64,
}

impl SimulatedTable {
    /// A table of `rows` rows; `anomalies` is the share of those that are anomalies.
    #[must_use]
    pub fn new(rows: u64, anomalies: f64, seed: u64) -> Self {
        Self {
            rows,
            anomalies,
            seed,
        }
    }

    /// Writes it as CSV, to standard output for `-`; how many rows are anomalies.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(self, path: &Path) -> io::Result<u64> {
        let mut output: Box<dyn Write> = match path == Path::new("-") {
            true => Box::new(BufWriter::new(io::stdout())),
            false => Box::new(BufWriter::new(File::create(path)?)),
        };
        let mut rng = Rng::seed_from_u64(self.seed);
        let (mut now, mut anomalies) = (DEFAULT_START, 0);
        writeln!(output, "{COLUMNS}")?;
        for _ in 0..self.rows {
            now = now.plus(wait(&mut rng, Duration::from_millis(200)));
            let is_anomaly = rng.random_bool(self.anomalies);
            anomalies += u64::from(is_anomaly);
            writeln!(output, "{now},{}", row(&mut rng, is_anomaly))?;
        }
        output.flush()?;
        Ok(anomalies)
    }
}

fn row(rng: &mut Rng, is_anomaly: bool) -> String {
    let label = match is_anomaly {
        true => *pick(rng, &["flood", "scan", "guessing", "exfiltration"]),
        false => "normal",
    };
    let service = match label {
        "guessing" => *pick(rng, &["ssh", "ftp", "web"]),
        _ => *pick(rng, &["web", "web", "web", "dns", "mail", "ssh", "ftp"]),
    };
    let mut amount = |median: f64, spread: f64| around(rng, median, spread, 1e12);
    let (duration, sent, received, requests, errors) = match label {
        "flood" => (
            amount(0.2, 1.0),
            amount(400.0, 0.5),
            amount(90.0, 1.0),
            amount(300.0, 1.0),
            amount(100.0, 1.0),
        ),
        "scan" => (
            amount(0.01, 1.0),
            amount(60.0, 0.3),
            amount(54.0, 0.3),
            amount(1.0, 0.5),
            amount(1.0, 0.5),
        ),
        "guessing" => (
            amount(3.0, 0.5),
            amount(2000.0, 0.4),
            amount(2500.0, 0.4),
            amount(6.0, 0.5),
            amount(5.0, 0.5),
        ),
        "exfiltration" => (
            amount(600.0, 1.0),
            amount(5e8, 1.5),
            amount(1e6, 1.0),
            amount(20.0, 1.0),
            0.0,
        ),
        _ => (
            amount(2.0, 1.5),
            amount(1500.0, 1.2),
            amount(20_000.0, 1.8),
            amount(6.0, 1.0),
            amount(0.1, 1.0),
        ),
    };
    // Other tools leave gaps where nothing was measured.
    let received = if rng.random_bool(0.02) {
        String::new()
    } else {
        format!("{received:.0}")
    };
    format!(
        "198.18.{}.{},192.0.2.{},{service},{duration:.4},{sent:.0},{received},{requests:.0},{errors:.0},{label}",
        rng.random::<u8>(),
        rng.random::<u8>(),
        rng.random_range(1..20),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_rows_and_its_share_of_anomalies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let anomalies = SimulatedTable::new(2000, 0.1, 1).write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let columns = lines.next().unwrap().split(',').count();
        assert!(lines.clone().all(|line| line.split(',').count() == columns));
        assert_eq!(lines.clone().count(), 2000);
        let labelled = lines.filter(|line| !line.ends_with(",normal")).count() as u64;
        assert_eq!(labelled, anomalies);
        assert!((150..250).contains(&anomalies), "{anomalies}");
    }
}
