//! Reading the configuration anew, by SIGHUP or when its file has changed: what can change does, and what cannot is told.

use std::fs::Metadata;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use serde_json::Value;

use super::access::access;
use crate::alert::{IncidentSettings, Suppressions};
use crate::config::{Config, SinkSettings};
use crate::http::{InForce, Settings};
use crate::model::Evidence;

/// What takes effect at once; all else with the next start.
const CHANGEABLE: [&str; 9] = [
    "alerts.evidence",
    "alerts.half_life",
    "alerts.quiet",
    "hosts",
    "http.open_to_all",
    "http.token_file",
    "http.token_for_metrics",
    "sink",
    "suppress",
];

/// What the sensor's thread has to do differently.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) incidents: IncidentSettings,
    pub(super) sinks: Vec<SinkSettings>,
    pub(super) suppressions: Suppressions,
}

/// Where the configuration comes from: a file, when there is one, with the flags of the command over it.
pub struct Reread<'a> {
    /// The file.
    pub file: Option<PathBuf>,
    /// Reads it, and puts the flags over it.
    pub read: &'a dyn Fn() -> anyhow::Result<Config>,
}

/// Reads it anew.
pub(super) struct Reloader<'a> {
    pub(super) from: Reread<'a>,
    pub(super) in_force: Config,
    pub(super) of_model: Evidence,
    pub(super) address: SocketAddr,
    pub(super) settings: Settings,
    pub(super) changes: Sender<Change>,
    seen: Seen,
}

/// What was seen of the file.
#[derive(Debug, Default)]
struct Seen {
    /// As it was read last.
    read: Option<Stamp>,
    /// As it was looked at last.
    looked: Option<Stamp>,
}

/// By this a changed file is told: time and size of its content, and which file it is.
type Stamp = (i64, i64, u64, u64);

impl<'a> Reloader<'a> {
    /// One that has read the configuration just now.
    pub(super) fn new(
        from: Reread<'a>,
        in_force: Config,
        of_model: Evidence,
        address: SocketAddr,
        settings: Settings,
        changes: Sender<Change>,
    ) -> Self {
        let read = from.stamp();
        Self {
            from,
            in_force,
            of_model,
            address,
            settings,
            changes,
            seen: Seen { read, looked: read },
        }
    }

    /// Looks at the file, and reads it when it is another than before and has been so for two looks: one that is being
    /// written is not read.
    pub(super) fn look(&mut self) {
        let now = self.from.stamp();
        let is_still = now == self.seen.looked;
        self.seen.looked = now;
        if is_still && now.is_some() && now != self.seen.read {
            self.reload("the configuration has changed");
        }
    }

    /// Reads it now.
    pub(super) fn reload(&mut self, why: &str) {
        if self.from.file.is_none() {
            log::info!("{why}: nothing is read anew, as the sensor was started without --config");
            return;
        }
        self.seen.read = self.from.stamp();
        match self.try_reload() {
            Ok(told) => log::info!("{why}: {told}"),
            Err(error) => log::error!("{why}, but the one before stays in force: {error:#}"),
        }
    }

    /// What changed, for people.
    fn try_reload(&mut self) -> anyhow::Result<String> {
        let read = (self.from.read)()?;
        read.check()?;
        let changed = changed(&self.in_force, &read);
        let mut next = self.in_force.clone();
        next.alerts = read.alerts;
        next.hosts = read.hosts;
        next.sink = read.sink;
        next.suppress = read.suppress;
        next.http.open_to_all = read.http.open_to_all;
        next.http.token_file = read.http.token_file;
        next.http.token_for_metrics = read.http.token_for_metrics;
        let incidents = next.pipeline_for(&self.of_model)?.incidents;
        let sinks = next.sinks()?;
        let suppressions = next.suppressions()?;
        // The token may be another one in the same file.
        let access = access(&next.http, self.address)?;
        self.settings.set(InForce {
            shown: next.shown(),
            evidence: incidents.evidence,
            access,
            hosts: next.hosts.clone(),
        });
        self.in_force = next;
        // The sensor's thread has ended when nobody takes it.
        let _ = self.changes.send(Change {
            incidents,
            sinks,
            suppressions,
        });
        Ok(told(&changed))
    }
}

impl Reread<'_> {
    fn stamp(&self) -> Option<Stamp> {
        let metadata = std::fs::metadata(self.file.as_ref()?).ok();
        metadata.map(|file: Metadata| (file.mtime(), file.mtime_nsec(), file.size(), file.ino()))
    }
}

/// The names of settings that differ.
fn changed(before: &Config, after: &Config) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let differ = before.into_iter().zip(after);
    differ
        .filter(|(before, after)| before.1 != after.1)
        .map(|(before, _)| before.0)
        .collect()
}

/// Every setting with its name, those of a table after the table's.
fn flat(config: &Config) -> Vec<(String, Value)> {
    let Ok(Value::Object(all)) = serde_json::to_value(config) else {
        return Vec::new();
    };
    let settings = all.into_iter().flat_map(|(name, value)| match value {
        Value::Object(table) => table
            .into_iter()
            .map(|(key, value)| (format!("{name}.{key}"), value))
            .collect(),
        value => vec![(name, value)],
    });
    settings.collect()
}

fn told(changed: &[String]) -> String {
    let quoted = |names: Vec<&String>| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    let (now, later): (Vec<&String>, Vec<&String>) = changed
        .iter()
        .partition(|name| CHANGEABLE.contains(&name.as_str()));
    match (now.is_empty(), later.is_empty()) {
        (true, true) => "nothing differs".to_owned(),
        (false, true) => format!("{} in force now", quoted(now)),
        (true, false) => format!("{} only with the next start", quoted(later)),
        (false, false) => format!(
            "{} in force now, {} only with the next start",
            quoted(now),
            quoted(later)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn with(
        text: &RefCell<String>,
        judge: impl FnOnce(&mut Reloader<'_>, &Receiver<Change>, &Settings),
    ) {
        let read = || Ok(toml::from_str(&text.borrow())?);
        let from = Reread {
            file: Some(PathBuf::from("/nonexistent")),
            read: &read,
        };
        let settings = Settings::default();
        let (changes, received) = channel();
        let address = "127.0.0.1:1".parse().unwrap();
        let config = Config::default();
        let of_model = Evidence::default();
        let mut reloader =
            Reloader::new(from, config, of_model, address, settings.clone(), changes);
        judge(&mut reloader, &received, &settings);
    }

    #[test]
    fn what_can_change_does_and_what_cannot_is_told() {
        let text = RefCell::new(
            "hosts = [\"a\"]\nvxlan_ports = [4789]\nsink = []\n[alerts]\nevidence = 12.0"
                .to_owned(),
        );
        with(&text, |reloader, changes, settings| {
            let told = reloader.try_reload().unwrap();
            assert_eq!(
                told,
                "`alerts.evidence`, `hosts`, `sink` in force now, `vxlan_ports` only with the next start"
            );
            let change = changes.try_recv().unwrap();
            assert_eq!(
                (change.incidents.evidence.bar, change.sinks.len()),
                (12.0, 0)
            );
            let now = settings.get();
            assert_eq!(
                (now.evidence.bar, now.hosts.as_slice()),
                (12.0, &["a".to_owned()][..])
            );
            assert_eq!(now.shown["vxlan_ports"], serde_json::json!([4789, 8472]));
            // It still differs, and will be told again.
            let again = reloader.try_reload().unwrap();
            assert_eq!(again, "`vxlan_ports` only with the next start");
        });
    }

    #[test]
    fn a_broken_configuration_changes_nothing() {
        for broken in [
            "tick = 5",
            "[alerts]\nevidence = -1.0",
            "hosts = [\"a\"]\nxdp_mode = \"fast\"",
            "hosts = [\"a\"]\n[[sink]]\nkind = \"mail\"",
            "hosts = [\"a\"]\n[http]\ntoken_file = \"/nonexistent/token\"",
        ] {
            with(
                &RefCell::new(broken.to_owned()),
                |reloader, changes, settings| {
                    assert!(reloader.try_reload().is_err(), "{broken}");
                    assert!(changes.try_recv().is_err(), "{broken}");
                    assert!(settings.get().hosts.is_empty(), "{broken}");
                    assert_eq!(reloader.in_force, Config::default(), "{broken}");
                },
            );
        }
    }

    #[test]
    fn a_file_is_read_when_it_has_changed_and_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("netanom.toml");
        std::fs::write(&file, "").unwrap();
        let read = || Ok(Config::read(&file)?);
        let from = Reread {
            file: Some(file.clone()),
            read: &read,
        };
        let (changes, received) = channel();
        let address = "127.0.0.1:1".parse().unwrap();
        let mut reloader = Reloader::new(
            from,
            Config::default(),
            Evidence::default(),
            address,
            Settings::default(),
            changes,
        );
        reloader.look();
        reloader.look();
        assert!(received.try_recv().is_err());
        std::fs::write(&file, "hosts = [\"a\"]").unwrap();
        reloader.look();
        assert!(received.try_recv().is_err(), "it may still be written");
        reloader.look();
        assert!(received.try_recv().is_ok());
        reloader.look();
        assert!(received.try_recv().is_err());
    }
}
