//! The settings of sinks: where alerts go.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml_example::TomlExample;

use super::ConfigError;

/// Where alerts go, beside the store behind /alerts, which is always there. One table for each; of each kind one at most.
/// `sink = []` before the first table is none.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Sink {
    /// `log` (a line when an alert begins, worsens and ends), `webhook` (the alert as JSON, posted at the same moments),
    /// `jsonl` (each change of an alert as a line of JSON), or `store`.
    pub kind: String,
    /// For `webhook`: where to, http:// or https://. It is not shown by /config beyond its host.
    pub url: String,
    /// For `jsonl`: the file, which is appended to.
    pub path: String,
}

impl Default for Sink {
    fn default() -> Self {
        Self {
            kind: "log".to_owned(),
            url: String::new(),
            path: String::new(),
        }
    }
}

/// A sink, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkSettings {
    /// The store behind /alerts.
    Store,
    /// The program's log.
    Log,
    /// A URL that takes JSON.
    Webhook(String),
    /// A file of JSON lines.
    JsonLines(PathBuf),
}

/// All of them, checked.
pub(super) fn checked(sinks: &[Sink]) -> Result<Vec<SinkSettings>, ConfigError> {
    for (number, sink) in sinks.iter().enumerate() {
        if sinks[..number].iter().any(|other| other.kind == sink.kind) {
            return Err(ConfigError::Value {
                key: "sink.kind",
                value: format!("twice `{}`", sink.kind),
                expected: "of each kind once at most",
            });
        }
    }
    sinks.iter().map(Sink::checked).collect()
}

impl Sink {
    fn checked(&self) -> Result<SinkSettings, ConfigError> {
        let wrong = |key, value: &str, expected| {
            Err(ConfigError::Value {
                key,
                value: format!("`{value}`"),
                expected,
            })
        };
        let is_url = self.url.starts_with("http://") || self.url.starts_with("https://");
        match self.kind.as_str() {
            "webhook" if !is_url => wrong(
                "sink.url",
                &self.url,
                "a URL that begins with http:// or https:// where `kind` is webhook",
            ),
            "jsonl" if self.path.is_empty() => wrong(
                "sink.path",
                &self.path,
                "the name of a file where `kind` is jsonl",
            ),
            kind if kind != "webhook" && !self.url.is_empty() => {
                wrong("sink.url", &self.url, "empty where `kind` is not webhook")
            }
            kind if kind != "jsonl" && !self.path.is_empty() => {
                wrong("sink.path", &self.path, "empty where `kind` is not jsonl")
            }
            "store" => Ok(SinkSettings::Store),
            "log" => Ok(SinkSettings::Log),
            "webhook" => Ok(SinkSettings::Webhook(self.url.clone())),
            "jsonl" => Ok(SinkSettings::JsonLines(PathBuf::from(&self.path))),
            other => wrong("sink.kind", other, "`store`, `log`, `webhook` or `jsonl`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(text: &str) -> Result<Vec<SinkSettings>, String> {
        let config: Config = toml::from_str(text).unwrap();
        config.sinks().map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_is_read_and_what_does_not_fit_is_told() {
        assert_eq!(check(""), Ok(vec![SinkSettings::Log]));
        assert_eq!(check("sink = []"), Ok(vec![]));
        let two = "[[sink]]\nkind = \"jsonl\"\npath = \"/a\"\n[[sink]]\nkind = \"webhook\"\nurl = \"http://a/\"";
        let expected = vec![
            SinkSettings::JsonLines("/a".into()),
            SinkSettings::Webhook("http://a/".to_owned()),
        ];
        assert_eq!(check(two), Ok(expected));
        for (text, told) in [
            ("[[sink]]\nkind = \"mail\"", "`sink.kind` is `mail`"),
            ("[[sink]]\nkind = \"webhook\"", "`sink.url` is ``"),
            (
                "[[sink]]\nkind = \"webhook\"\nurl = \"ftp://a\"",
                "`sink.url` is `ftp://a`",
            ),
            ("[[sink]]\nkind = \"jsonl\"", "`sink.path` is ``"),
            ("[[sink]]\npath = \"/a\"", "`sink.path` is `/a`"),
            ("[[sink]]\n[[sink]]", "twice `log`"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
