//! The settings of sinks: where alerts go.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml_example::TomlExample;

use super::ConfigError;
use crate::sink::alertmanager::AlertmanagerSettings;
use crate::sink::format::Format;
use crate::sink::signature::Secret;
use crate::sink::syslog::{SyslogTarget, SyslogText};
use crate::sink::template::Template;
use crate::sink::webhook::WebhookSettings;

/// Where alerts go, beside the store behind /alerts, which is always there. One table for each; of each kind one at most.
/// `sink = []` before the first table is none.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Sink {
    /// `log` (a line when an alert begins, worsens and ends), `webhook` (posted at the same moments), `syslog` (RFC 5424, at
    /// the same moments), `alertmanager` (of Prometheus, API v2), `jsonl` (each change of an alert as a line of JSON), or `store`.
    pub kind: String,
    /// Where to. For `webhook` and `alertmanager`: http:// or https://. For `syslog`: udp://HOST:514, tcp://HOST:601 or
    /// unix:///PATH; empty for /dev/log. /config shows no more of it than its host.
    pub url: String,
    /// For `jsonl`: the file, which is appended to.
    pub path: String,
    /// For `webhook`, `jsonl` and `syslog`: `own` (the alert as /alerts has it), `eve` (Suricata's) or `ocsf` (Detection
    /// Finding). Empty: `own`, and for `syslog` a sentence.
    pub format: String,
    /// For `webhook`: the body in place of a format, with fields of the alert such as {{summary}}.
    pub body: String,
    /// For `webhook`: the file with the secret by which bodies are signed, as the header X-Netanom-Signature tells.
    pub secret_file: String,
    /// For `alertmanager`: where runbooks are found; the class is put at its end. Empty: nothing is said of them.
    pub runbooks: String,
}

impl Default for Sink {
    fn default() -> Self {
        Self {
            kind: "log".to_owned(),
            url: String::new(),
            path: String::new(),
            format: String::new(),
            body: String::new(),
            secret_file: String::new(),
            runbooks: String::new(),
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
    Webhook(WebhookSettings),
    /// A file of JSON lines.
    JsonLines(PathBuf, Format),
    /// Prometheus's Alertmanager.
    Alertmanager(AlertmanagerSettings),
    /// A syslog.
    Syslog(SyslogTarget, SyslogText),
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
        self.has_no_other()?;
        match self.kind.as_str() {
            "store" => Ok(SinkSettings::Store),
            "log" => Ok(SinkSettings::Log),
            "webhook" => Ok(SinkSettings::Webhook(WebhookSettings {
                url: self.url()?,
                format: self.format()?.unwrap_or_default(),
                body: self.body()?,
                secret: self.secret()?,
            })),
            "alertmanager" => Ok(SinkSettings::Alertmanager(AlertmanagerSettings {
                url: self.url()?,
                runbooks: self.runbooks.clone(),
            })),
            "syslog" => {
                let target = self.url.parse().or_else(|_| {
                    wrong(
                        "sink.url",
                        &self.url,
                        "udp://HOST:PORT, tcp://HOST:PORT, unix:///PATH or empty where `kind` is syslog",
                    )
                })?;
                let text = self.format()?.map(SyslogText::Json);
                Ok(SinkSettings::Syslog(target, text.unwrap_or_default()))
            }
            "jsonl" if self.path.is_empty() => wrong(
                "sink.path",
                &self.path,
                "the name of a file where `kind` is jsonl",
            ),
            "jsonl" => Ok(SinkSettings::JsonLines(
                PathBuf::from(&self.path),
                self.format()?.unwrap_or_default(),
            )),
            other => wrong(
                "sink.kind",
                other,
                "`store`, `log`, `webhook`, `alertmanager`, `syslog` or `jsonl`",
            ),
        }
    }

    /// What a kind has no use for is left out, as it would be thought to do something.
    fn has_no_other(&self) -> Result<(), ConfigError> {
        let kind = self.kind.as_str();
        for (key, value, kinds, expected) in [
            (
                "sink.url",
                &self.url,
                &["webhook", "alertmanager", "syslog"][..],
                "empty where `kind` is not webhook, alertmanager or syslog",
            ),
            (
                "sink.path",
                &self.path,
                &["jsonl"],
                "empty where `kind` is not jsonl",
            ),
            (
                "sink.format",
                &self.format,
                &["webhook", "jsonl", "syslog"],
                "empty where `kind` is not webhook, jsonl or syslog",
            ),
            (
                "sink.body",
                &self.body,
                &["webhook"],
                "empty where `kind` is not webhook",
            ),
            (
                "sink.secret_file",
                &self.secret_file,
                &["webhook"],
                "empty where `kind` is not webhook",
            ),
            (
                "sink.runbooks",
                &self.runbooks,
                &["alertmanager"],
                "empty where `kind` is not alertmanager",
            ),
        ] {
            if !value.is_empty() && !kinds.contains(&kind) {
                return wrong(key, value, expected);
            }
        }
        Ok(())
    }

    fn url(&self) -> Result<String, ConfigError> {
        if self.url.starts_with("http://") || self.url.starts_with("https://") {
            return Ok(self.url.clone());
        }
        wrong(
            "sink.url",
            &self.url,
            "a URL that begins with http:// or https:// where `kind` is webhook or alertmanager",
        )
    }

    fn format(&self) -> Result<Option<Format>, ConfigError> {
        match self.format.as_str() {
            "" => Ok(None),
            "own" => Ok(Some(Format::Own)),
            "eve" => Ok(Some(Format::Eve)),
            "ocsf" => Ok(Some(Format::Ocsf)),
            other => wrong("sink.format", other, "`own`, `eve` or `ocsf`"),
        }
    }

    fn body(&self) -> Result<Option<Template>, ConfigError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        if !self.format.is_empty() {
            return wrong("sink.format", &self.format, "empty where there is a `body`");
        }
        Template::new(&self.body)
            .map(Some)
            .map_err(|what| ConfigError::Value {
                key: "sink.body",
                value: format!("a text with {what}"),
                expected: "text with fields of an alert in double braces, such as {{summary}}, {{class}}, {{severity}}, \
                           {{source}} and {{target}}",
            })
    }

    fn secret(&self) -> Result<Option<Secret>, ConfigError> {
        if self.secret_file.is_empty() {
            return Ok(None);
        }
        match std::fs::read(&self.secret_file).map(|bytes| Secret::new(&bytes)) {
            Ok(secret) if !secret.is_empty() => Ok(Some(secret)),
            _ => wrong(
                "sink.secret_file",
                &self.secret_file,
                "a file that can be read and has a secret in it",
            ),
        }
    }
}

fn wrong<T>(key: &'static str, value: &str, expected: &'static str) -> Result<T, ConfigError> {
    Err(ConfigError::Value {
        key,
        value: format!("`{value}`"),
        expected,
    })
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
            SinkSettings::JsonLines("/a".into(), Format::Own),
            SinkSettings::Webhook(WebhookSettings {
                url: "http://a/".to_owned(),
                ..WebhookSettings::default()
            }),
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
            (
                "[[sink]]\nkind = \"syslog\"\nurl = \"log.lan\"",
                "`sink.url` is `log.lan`",
            ),
            (
                "[[sink]]\nkind = \"alertmanager\"\nurl = \"am:9093\"",
                "`sink.url` is `am:9093`",
            ),
            ("[[sink]]\nformat = \"eve\"", "`sink.format` is `eve`"),
            (
                "[[sink]]\nkind = \"jsonl\"\npath = \"/a\"\nformat = \"xml\"",
                "`sink.format` is `xml`",
            ),
            (
                "[[sink]]\nkind = \"webhook\"\nurl = \"http://a/\"\nbody = \"{{who}}\"",
                "the unknown field `who`",
            ),
            (
                "[[sink]]\nkind = \"webhook\"\nurl = \"http://a/\"\nsecret_file = \"/none\"",
                "`sink.secret_file` is `/none`",
            ),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
