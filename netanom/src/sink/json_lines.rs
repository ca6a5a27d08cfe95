//! Appends each alert and each change of one to a file, a JSON object a line.
//!
//! The file is opened for each, so that one that was moved away (logrotate) is followed by a new one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::format::Format;
use super::news::{News, Told};
use super::{Sink, SinkError};
use crate::alert::Alert;

/// Appends alerts to a file.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    format: Format,
    told: Told,
}

impl JsonLines {
    /// One that appends to this file, which it makes where it is missing, for its user alone to read.
    #[must_use]
    pub fn new(path: PathBuf, format: Format) -> Self {
        Self {
            path,
            format,
            told: Told::default(),
        }
    }

    fn append(&self, bytes: &[u8]) -> Result<(), SinkError> {
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path);
        // In one write, so that lines of two writers do not mix.
        let written = opened.and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| SinkError::Write {
            target: format!("`{}`", self.path.display()),
            source,
        })
    }
}

impl Sink for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let is_first = self.told.news(alert) == Some(News::Begins);
        let line = format!("{}\n", self.format.of(alert, is_first));
        self.append(line.as_bytes()).inspect_err(|_| {
            // So that the next try is the first again.
            self.told.forget(alert);
        })
    }

    fn check(&mut self) -> Result<(), SinkError> {
        self.append(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::store::tests::alert;

    #[test]
    fn each_alert_is_a_line_and_a_file_that_was_moved_is_followed_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("alerts"), folder.path().join("alerts.1"));
        let mut sink = JsonLines::new(path.clone(), Format::Own);
        sink.check().unwrap();
        sink.emit(&alert(1)).unwrap();
        sink.emit(&alert(2)).unwrap();
        std::fs::rename(&path, &moved).unwrap();
        sink.emit(&alert(3)).unwrap();
        let ids = |path| -> Vec<String> {
            let text = std::fs::read_to_string(path).unwrap();
            let lines = text.lines();
            lines
                .map(|line| serde_json::from_str::<Alert>(line).unwrap().id)
                .collect()
        };
        assert_eq!(
            (ids(moved), ids(path)),
            (
                vec!["a1".to_owned(), "a2".to_owned()],
                vec!["a3".to_owned()]
            )
        );
        let mut lost = JsonLines::new(folder.path().join("none/alerts"), Format::Own);
        let error = lost.check().unwrap_err().to_string();
        assert!(error.contains("none/alerts"), "{error}");
    }
}
