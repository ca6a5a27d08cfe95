//! The alert store that outlives the sensor: what HTTP has shown is in the database before.

use std::collections::BTreeSet;

use super::AlertStore;
use super::database::{Database, DatabaseError};
use crate::alert::Alert;
use crate::sink::state::StateFolder;
use crate::sink::{Sink, SinkError};

const FILE: &str = "netanom.sqlite";

/// Writes alerts to the database, and then lets readers see them. When it cannot be written, they see them all the same;
/// what was missed is written when that works again.
#[derive(Debug)]
pub struct AlertHistory {
    store: AlertStore,
    database: Database,
    /// Places whose newest state is not in the database.
    behind: BTreeSet<u64>,
    // Locked as long as the database is open.
    _folder: StateFolder,
}

impl AlertHistory {
    /// Opens the database in the folder, and puts into the store what it has.
    ///
    /// # Errors
    /// [`DatabaseError`] when the file cannot be used; the store is unchanged then.
    pub fn open(folder: StateFolder, store: AlertStore) -> Result<Self, DatabaseError> {
        let mut database = Database::open(&folder.join(FILE))?;
        store.restore(database.load(store.capacity())?);
        Ok(Self {
            store,
            database,
            behind: BTreeSet::new(),
            _folder: folder,
        })
    }

    /// Tries to write what was missed, until something fails again.
    fn catch_up(&mut self) {
        while let Some(&place) = self.behind.first() {
            let written = match self.store.at(place) {
                Some(alert) => self.database.write(place, &alert),
                None => self.database.forget(place),
            };
            if written.is_err() {
                return;
            }
            self.behind.remove(&place);
            if self.behind.is_empty() {
                log::info!("the history is written again, and has what was missed");
            }
        }
    }

    fn missed(&mut self, place: u64, error: &DatabaseError) {
        if self.behind.is_empty() {
            log::warn!(
                "{error}: alerts are shown, and are lost if the sensor ends before it can be written again"
            );
        }
        self.behind.insert(place);
        self.store.count_unwritten();
    }
}

impl Sink for AlertHistory {
    fn name(&self) -> &'static str {
        "store"
    }

    fn takes_suppressed(&self) -> bool {
        true
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let place = self.store.place_for(&alert.id);
        match self.database.write(place, alert) {
            Ok(()) => {
                self.behind.remove(&place);
                self.catch_up();
            }
            Err(error) => self.missed(place, &error),
        }
        if let Some(dropped) = self.store.put(alert)
            && let Err(error) = self.database.forget(dropped)
        {
            self.missed(dropped, &error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::super::tests::alert;
    use super::super::{AlertQuery, AlertStore};
    use super::*;
    use crate::alert::State;

    fn open(folder: &Path, capacity: usize) -> (AlertHistory, AlertStore) {
        let store = AlertStore::new(capacity);
        let folder = StateFolder::open(folder).unwrap();
        let history = AlertHistory::open(folder, store.clone()).unwrap();
        (history, store)
    }

    fn shown(store: &AlertStore) -> Vec<(String, State)> {
        let page = store.query(&AlertQuery::default());
        let alerts = page.alerts.iter();
        alerts
            .map(|alert| (alert.id.clone(), alert.state))
            .collect()
    }

    fn of(number: u8, state: State) -> Alert {
        Alert {
            state,
            ..alert(number)
        }
    }

    #[test]
    fn what_was_kept_is_there_again_and_what_went_on_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (mut history, store) = open(folder.path(), 10);
        history.emit(&of(1, State::Active)).unwrap();
        history.emit(&of(2, State::Active)).unwrap();
        history.emit(&of(1, State::Ended)).unwrap();
        let before = store.get("a1").unwrap();
        drop(history);
        let (mut history, store) = open(folder.path(), 10);
        let ended = |id: &str| (id.to_owned(), State::Ended);
        assert_eq!(shown(&store), [ended("a2"), ended("a1")]);
        assert_eq!(store.get("a1"), Some(before));
        history.emit(&of(3, State::Active)).unwrap();
        drop(history);
        let (_history, store) = open(folder.path(), 10);
        assert_eq!(shown(&store), [ended("a3"), ended("a2"), ended("a1")]);
    }

    #[test]
    fn the_database_keeps_no_more_than_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let (mut history, _) = open(folder.path(), 3);
        for number in 1..=5 {
            history.emit(&of(number, State::Ended)).unwrap();
        }
        drop(history);
        let (history, store) = open(folder.path(), 10);
        assert_eq!(shown(&store).len(), 3);
        drop(history);
        let (history, store) = open(folder.path(), 2);
        assert_eq!(shown(&store).len(), 2);
        drop(history);
        let (_history, store) = open(folder.path(), 10);
        let ids: Vec<_> = shown(&store).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["a5", "a4"]);
    }

    #[test]
    fn a_file_of_garbage_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "garbage ".repeat(1000)).unwrap();
        let (mut history, store) = open(folder.path(), 10);
        history.emit(&of(1, State::Ended)).unwrap();
        assert_eq!(shown(&store).len(), 1);
        let aside = folder.path().join(format!("{FILE}.broken-1"));
        assert!(fs::read_to_string(aside).unwrap().starts_with("garbage"));
    }

    #[test]
    fn a_file_with_damage_inside_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (mut history, _) = open(folder.path(), 200);
        for number in 1..=100 {
            history.emit(&of(number, State::Ended)).unwrap();
        }
        drop(history);
        let file = folder.path().join(FILE);
        let mut bytes = fs::read(&file).unwrap();
        assert!(bytes.len() > 20_000, "{}", bytes.len());
        bytes[9000..20_000].fill(0xff);
        fs::write(&file, bytes).unwrap();
        let (_history, store) = open(folder.path(), 200);
        assert_eq!(shown(&store), []);
        assert!(folder.path().join(format!("{FILE}.broken-1")).exists());
    }

    #[test]
    fn a_file_of_a_newer_version_or_of_somebody_else_is_left_as_it_is() {
        for (pragma, expected) in [("user_version", "newer"), ("application_id", "not one of")] {
            let folder = tempfile::tempdir().unwrap();
            drop(open(folder.path(), 10));
            let file = folder.path().join(FILE);
            let other = rusqlite::Connection::open(&file).unwrap();
            other.pragma_update(None, pragma, 1000).unwrap();
            drop(other);
            let before = fs::read(&file).unwrap();
            let folder = StateFolder::open(folder.path()).unwrap();
            let refused = AlertHistory::open(folder, AlertStore::new(10)).unwrap_err();
            assert!(refused.to_string().contains(expected), "{refused}");
            assert_eq!(fs::read(&file).unwrap(), before);
        }
    }

    /// Root alone can mount a small disk.
    #[test]
    fn a_disk_of_a_megabyte_that_is_full_stops_nothing() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let disk = Disk::of_a_megabyte();
        let (mut history, store) = open(disk.0.path(), 10_000);
        for number in 0..3000 {
            let id = format!("b{number}");
            let alert = Alert {
                id,
                ..of(1, State::Ended)
            };
            history.emit(&alert).unwrap();
        }
        assert_eq!(store.query(&AlertQuery::default()).total, 3000);
        assert!((1..3000).contains(&store.unwritten()));
        drop(history);
        let (_history, store) = open(disk.0.path(), 10_000);
        let kept = store.query(&AlertQuery::default()).total;
        assert!((400..3000).contains(&kept), "{kept}");
    }

    /// Gone when dropped.
    struct Disk(tempfile::TempDir);

    impl Disk {
        fn of_a_megabyte() -> Self {
            let disk = Self(tempfile::tempdir().unwrap());
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"])
                .arg(disk.0.path())
                .status();
            assert!(mounted.unwrap().success());
            disk
        }
    }

    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
        }
    }

    #[test]
    fn on_a_full_disk_alerts_are_shown_and_counted_and_written_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let (mut history, store) = open(folder.path(), 200);
        history.database.limit_pages(1);
        for number in 1..=100 {
            history.emit(&of(number, State::Ended)).unwrap();
        }
        assert_eq!(store.query(&AlertQuery::default()).total, 100);
        let unwritten = store.unwritten();
        assert!((1..=100).contains(&unwritten), "{unwritten}");
        history.database.limit_pages(10_000);
        history.emit(&of(101, State::Ended)).unwrap();
        drop(history);
        let (_history, store) = open(folder.path(), 200);
        assert_eq!(store.query(&AlertQuery::default()).total, 101);
    }
}
