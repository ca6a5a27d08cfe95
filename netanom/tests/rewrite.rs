//! Rewritten captures, judged from outside: by tshark, by the labels, by the packets' own times.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use netanom::learn::labels::Labels;
use netanom::simulate::CaptureWriter;
use netanom::simulate::drawn;
use serde_json::{Value, json};

/// A folder of drawn captures of these kinds, with labels.
fn drawn_folder(kinds: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = BTreeMap::new();
    for (kind, number) in kinds.iter().zip(1..) {
        let drawn = drawn::draw_kind(kind, 11, number).unwrap();
        let name = format!("drawn_{kind}_{number}.pcap");
        let mut capture = CaptureWriter::create(&folder.path().join(&name)).unwrap();
        for frame in drawn.frames.take(3000) {
            capture.write_cut(&frame, 128).unwrap();
        }
        capture.finish().unwrap();
        labels.insert(
            name,
            json!({ "tier": "core", "default": "normal", "rules": drawn.rules }),
        );
    }
    fs::write(
        folder.path().join("labels.json"),
        serde_json::to_vec(&labels).unwrap(),
    )
    .unwrap();
    folder
}

fn rewrite(folder: &Path, output: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("netanom").unwrap();
    command.arg("rewrite").arg(folder);
    command.arg("--labels").arg(folder.join("labels.json"));
    command.arg("--output").arg(output).args(arguments);
    command.output().unwrap()
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut captures: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|ending| ending == "pcap"))
        .collect();
    captures.sort();
    captures
}

/// Fields of the packets that a filter lets through, by tshark; none where it is not installed.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Option<Vec<String>> {
    let mut command = Command::new("tshark");
    // Twice over the file: what is known of a connection at its end is then known at its first packet.
    command
        .arg("-2r")
        .arg(capture)
        .args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: tshark is not installed");
            return None;
        }
        Err(error) => panic!("cannot run tshark: {error}"),
    };
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}

/// Each connection with how much of a handshake tshark saw of it, the most.
fn handshakes(capture: &Path) -> Option<BTreeMap<String, u32>> {
    let fields = [
        "ip.src",
        "ipv6.src",
        "tcp.srcport",
        "tcp.dstport",
        "tcp.stream",
        "tcp.completeness",
    ];
    let lines = tshark(capture, "tcp.flags.syn == 1 && tcp.flags.ack == 0", &fields)?;
    let mut found = BTreeMap::new();
    for line in lines {
        let (connection, complete) = line.rsplit_once('\t').unwrap();
        let (connection, _stream) = connection.rsplit_once('\t').unwrap();
        // SYN, SYN-ACK, ACK are the lowest bits.
        let complete: u32 = complete.parse().unwrap();
        let most: &mut u32 = found.entry(connection.to_owned()).or_default();
        *most = (*most).max(complete & 7);
    }
    Some(found)
}

#[test]
fn tshark_finds_no_broken_handshake_in_what_was_moved_in_time() {
    let folder = drawn_folder(&[
        "guess",
        "guess-form",
        "web-flood",
        "jobs",
        "file-transfer",
        "scan",
    ]);
    let output = tempfile::tempdir().unwrap();
    let kinds = ["--kinds", "distance,rate,loss,merge", "--seed", "3"];
    let done = rewrite(folder.path(), output.path(), &kinds);
    assert!(done.status.success(), "{done:?}");
    let (before, after) = (captures(folder.path()), captures(output.path()));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        let (Some(old), Some(new)) = (handshakes(before), handshakes(after)) else {
            return;
        };
        assert!(!old.is_empty(), "{}", before.display());
        assert_eq!(old, new, "{}", after.display());
        let unseen = tshark(after, "tcp.analysis.ack_lost_segment", &["frame.number"]).unwrap();
        let had = tshark(before, "tcp.analysis.ack_lost_segment", &["frame.number"]).unwrap();
        assert!(unseen.len() <= had.len(), "{}: {unseen:?}", after.display());
    }
}

#[test]
fn one_seed_gives_the_same_files_and_another_one_others() {
    let folder = drawn_folder(&["guess", "monitor", "crawler"]);
    let [one, same, other] = [5, 5, 6].map(|seed: u64| {
        let output = tempfile::tempdir().unwrap();
        let seed = seed.to_string();
        let done = rewrite(
            folder.path(),
            output.path(),
            &["--copies", "2", "--seed", &seed],
        );
        assert!(done.status.success(), "{done:?}");
        output
    });
    let read = |folder: &tempfile::TempDir| -> Vec<Vec<u8>> {
        let files = captures(folder.path());
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    };
    assert_eq!(read(&one), read(&same));
    assert_ne!(read(&one), read(&other));
    let labels = |folder: &tempfile::TempDir| fs::read(folder.path().join("labels.json")).unwrap();
    assert_eq!(labels(&one), labels(&same));
    Labels::read(&one.path().join("labels.json")).unwrap();
}

/// Addresses and the number of frames between two of them.
fn pairs(capture: &Path) -> Option<BTreeMap<String, usize>> {
    let lines = tshark(capture, "tcp || udp", &["ip.src", "ip.dst"])?;
    let mut pairs = BTreeMap::new();
    for line in lines {
        *pairs.entry(line).or_default() += 1;
    }
    Some(pairs)
}

#[test]
fn an_attacker_that_also_works_does_both_under_its_own_address_and_its_work_is_labelled_normal() {
    let folder = drawn_folder(&["guess", "updater"]);
    let output = tempfile::tempdir().unwrap();
    let done = rewrite(folder.path(), output.path(), &["--kinds", "work"]);
    assert!(done.status.success(), "{done:?}");
    let all = captures(output.path());
    assert_eq!(all.len(), 1, "the updater attacks nobody");
    let text = fs::read(output.path().join("labels.json")).unwrap();
    let labels: Value = serde_json::from_slice(&text).unwrap();
    let name = all[0].file_name().unwrap().to_str().unwrap();
    let rules = labels[name]["rules"].as_array().unwrap();
    assert_eq!(rules[0]["class"], "normal");
    assert!(
        !rules[0]["port"].as_array().unwrap().is_empty(),
        "{rules:?}"
    );
    let attacker = rules[0]["host"][0].as_str().unwrap();
    let attack = rules.iter().find(|rule| rule["class"] == "brute_force");
    let hosts = attack.unwrap()["host"].as_array().unwrap();
    assert!(hosts.iter().any(|host| host == attacker), "{hosts:?}");
    let (Some(before), Some(after)) = (pairs(&captures(folder.path())[0]), pairs(&all[0])) else {
        return;
    };
    // All of the attack is still there.
    let lost = before
        .iter()
        .filter(|(pair, count)| after.get(*pair).is_none_or(|now| now < count));
    assert_eq!(lost.count(), 0);
    let of_attacker = |pairs: &BTreeMap<String, usize>| -> usize {
        let own = pairs.iter().filter(|(pair, _)| pair.contains(attacker));
        own.map(|(_, count)| count).sum()
    };
    assert!(of_attacker(&after) > of_attacker(&before));
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = drawn_folder(&["monitor"]);
    let capture = &captures(folder.path())[0];
    let output = tempfile::tempdir().unwrap();
    let run = |arguments: &[&std::ffi::OsStr]| {
        let mut command = Command::cargo_bin("netanom").unwrap();
        command.arg("rewrite").args(arguments);
        let done = command.arg("--output").arg(output.path()).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, said) = run(&[folder.path().as_os_str()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("give --labels"), "{said}");
    let (code, said) = run(&[capture.as_os_str(), "--kinds".as_ref(), "work".as_ref()]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("`work` has to know what the flows are"),
        "{said}"
    );
    let (code, said) = run(&["nowhere.pcap".as_ref()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot rewrite `nowhere.pcap`"), "{said}");
    let (code, said) = run(&[capture.as_os_str(), "--kinds".as_ref(), "rat".as_ref()]);
    assert_eq!(code, Some(2));
    assert!(said.contains("rate"), "{said}");
}
