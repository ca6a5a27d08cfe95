//! Files that grow, are renamed, truncated and compressed, with and without a restart between.

use std::fs::OpenOptions;
use std::io::Write;

use tempfile::TempDir;

use super::*;

/// A folder with files, and what came of following them.
struct Trial {
    folder: TempDir,
    follower: Follower,
    lines: Vec<String>,
    now: Duration,
}

impl Trial {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let follower = Follower::new(&[folder.path().join(name)], Places::default()).unwrap();
        Self {
            folder,
            follower,
            lines: Vec::new(),
            now: Duration::ZERO,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn look(&mut self) -> Vec<String> {
        let lines = &mut self.lines;
        let mut take = |_: &Path, line: Line<'_>| {
            if let Line::Whole(line) = line {
                lines.push(String::from_utf8_lossy(line).into_owned());
            }
        };
        while self.follower.look(self.now, &mut take) {}
        std::mem::take(lines)
    }

    /// What comes when all that is there has been still for long enough.
    fn look_later(&mut self) -> Vec<String> {
        let mut lines = self.look();
        self.now += STILL;
        lines.extend(self.look());
        lines
    }

    /// Another run from the places of this one, as after a kill.
    fn restart(&mut self, name: &str) {
        let places = serde_json::to_string(&self.follower.places()).unwrap();
        let places = serde_json::from_str(&places).unwrap();
        self.follower = Follower::new(&[self.path(name)], places).unwrap();
    }
}

#[test]
fn lines_come_once_and_a_part_of_one_waits_for_its_end() {
    let mut trial = Trial::of("log");
    assert!(trial.look().is_empty());
    trial.append("log", "one\ntw");
    assert_eq!(trial.look(), ["one"]);
    assert!(trial.look().is_empty());
    trial.append("log", "o\nthree\n");
    assert_eq!(trial.look(), ["two", "three"]);
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let mut trial = Trial::of("log");
    trial.append("log", "one\n");
    assert_eq!(trial.look(), ["one"]);
    trial.append("log", "two\n");
    fs::rename(trial.path("log"), trial.path("log.1")).unwrap();
    trial.append("log", "three\n");
    // Its writer has not heard of it yet.
    trial.append("log.1", "late\n");
    assert_eq!(trial.look(), ["two", "late", "three"]);
    trial.append("log.1", "later\n");
    assert_eq!(trial.look(), ["later"]);
    trial.now = PATIENCE * 2;
    assert!(trial.look().is_empty());
    trial.now = PATIENCE * 3;
    assert!(trial.look().is_empty());
    assert_eq!(trial.follower.paths().count(), 1);
}

#[test]
fn a_truncated_file_is_read_from_its_beginning_even_when_it_has_grown_since() {
    let mut trial = Trial::of("log");
    trial.append("log", "one\ntwo\n");
    assert_eq!(trial.look(), ["one", "two"]);
    fs::write(trial.path("log"), "a\n").unwrap();
    assert_eq!(trial.look(), ["a"]);
    fs::write(trial.path("log"), "longer than before\nb\n").unwrap();
    assert_eq!(trial.look(), ["longer than before", "b"]);
}

#[test]
fn nothing_is_read_twice_or_skipped_over_a_restart() {
    let mut trial = Trial::of("log");
    trial.append("log", "one\ntwo\nthr");
    assert_eq!(trial.look(), ["one", "two"]);
    trial.restart("log");
    trial.append("log", "ee\n");
    assert_eq!(trial.look(), ["three"]);
    trial.restart("log");
    // Rotated while nobody looked.
    trial.append("log", "four\n");
    fs::rename(trial.path("log"), trial.path("log.1")).unwrap();
    trial.append("log", "five\n");
    assert_eq!(trial.look(), ["four", "five"]);
    trial.restart("log");
    assert!(trial.look().is_empty());
    // A new file with other content in the old one's place.
    fs::remove_file(trial.path("log")).unwrap();
    trial.append("log", "quite another one\n");
    assert_eq!(trial.look(), ["quite another one"]);
}

#[test]
fn what_was_truncated_filled_and_renamed_while_nobody_looked_is_read() {
    let mut trial = Trial::of("log");
    trial.append("log", "one\ntwo\n");
    assert_eq!(trial.look(), ["one", "two"]);
    fs::write(trial.path("log"), "three and more\n").unwrap();
    fs::rename(trial.path("log"), trial.path("log.1")).unwrap();
    trial.append("log", "four\n");
    trial.restart("log");
    assert_eq!(trial.look(), ["three and more", "four"]);
}

#[test]
fn a_pattern_takes_files_that_come_later_and_compressed_ones_once() {
    let mut trial = Trial::of("*.log*");
    trial.append("a.log", "a\n");
    let mut packed = flate2_of("old\n");
    fs::write(trial.path("a.log.1.gz"), &packed).unwrap();
    let mut lines = trial.look();
    lines.sort();
    assert_eq!(lines, ["a", "old"]);
    trial.append("b.log", "b\n");
    trial.append("c.txt", "c\n");
    assert_eq!(trial.look(), ["b"]);
    trial.restart("*.log*");
    assert!(trial.look().is_empty());
    // Renamed by a rotation.
    fs::rename(trial.path("a.log.1.gz"), trial.path("a.log.2.gz")).unwrap();
    assert!(trial.look().is_empty());
    packed = flate2_of("new\n");
    // Half of it is there first.
    fs::write(trial.path("a.log.1.gz"), &packed[..20]).unwrap();
    assert!(trial.look().is_empty());
    fs::write(trial.path("a.log.1.gz"), packed).unwrap();
    assert_eq!(trial.look_later(), ["new"]);
}

#[test]
fn what_was_followed_is_not_read_again_when_it_was_compressed() {
    let mut trial = Trial::of("log*");
    trial.append("log", "one\ntwo\n");
    assert_eq!(trial.look(), ["one", "two"]);
    fs::remove_file(trial.path("log")).unwrap();
    fs::write(trial.path("log.1.gz"), flate2_of("one\ntwo\n")).unwrap();
    assert!(trial.look_later().is_empty());
    // While nobody looked, and with a rest that nobody had read.
    trial.append("log", "three\n");
    assert_eq!(trial.look(), ["three"]);
    fs::remove_file(trial.path("log")).unwrap();
    fs::write(trial.path("log.0.gz"), flate2_of("three\nfour\n")).unwrap();
    trial.append("log", "five\n");
    trial.restart("log");
    assert_eq!(trial.look(), ["four", "five"]);
}

/// `text` as gzip has it: one stored block (RFC 1951, 3.2.4; RFC 1952).
fn flate2_of(text: &str) -> Vec<u8> {
    let length = text.len() as u16;
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(text.as_bytes());
    packed.extend(crc32fast::hash(text.as_bytes()).to_le_bytes());
    packed.extend(u32::from(length).to_le_bytes());
    packed
}

#[test]
fn a_directory_and_a_missing_folder_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        Follower::new(&[path.to_owned()], Places::default())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(folder.path()).contains("name the files in it"));
    assert!(refused(&folder.path().join("a/b")).contains("folder does not exist"));
}
