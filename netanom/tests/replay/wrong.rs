//! Wrong inputs: what is said of them, and with which exit code.

use std::fs;

use serde_json::Value;

use crate::craft::{
    Endian, Frame, block, enhanced, gzip, interface, office, pcap, pcap_of, pcapng, section, zstd,
};
use crate::replay;

/// Replays these bytes as `capture`; exit code, report and last line on standard error, with the folder left out.
fn run(bytes: &[u8]) -> (i32, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, bytes).unwrap();
    run_on(path.to_str().unwrap(), folder.path().to_str().unwrap())
}

fn run_on(file: &str, folder: &str) -> (i32, Value, String) {
    let output = replay(&[file, "--no-verdicts", "--format", "json"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.trim_end().replace(&format!("{folder}/"), "");
    assert!(said.lines().count() <= 1, "more than a line: {said}");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), report, said)
}

/// Nothing can be read of these bytes, and that is said.
#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let (code, report, said) = run(bytes);
    assert_eq!(
        (code, report, said),
        (
            1,
            Value::Null,
            format!("error: `capture` is no capture that netanom reads: {expected}")
        )
    );
}

/// The packets before are counted, and the report says where it went wrong.
#[track_caller]
fn check_unread(bytes: &[u8], code: i32, packets: usize, reason: &str, detail: &str) -> String {
    let (exit, report, said) = run(bytes);
    let unread = &report["unread"][0];
    assert_eq!(
        (exit, &report["packets"], &unread["reason"]),
        (code, &packets.into(), &reason.into()),
        "{said} {report}"
    );
    let told = unread["detail"].as_str().unwrap();
    assert!(told.contains(detail), "{told}");
    assert!(unread["file"].as_str().unwrap().ends_with("/capture"));
    said
}

#[test]
fn a_text_is_refused() {
    let text = "it begins neither like pcap nor like pcapng, plain or compressed by gzip or zstd; Wireshark's \
                `editcap` converts many others";
    check_refused(b"time,source,target\n1,10.0.0.1,10.0.0.2\n", text);
    check_refused(&gzip(b"time,source,target\n1,10.0.0.1,10.0.0.2\n"), text);
    check_refused(&zstd(b"time,source,target\n1,10.0.0.1,10.0.0.2\n"), text);
}

#[test]
fn an_empty_file_is_refused() {
    check_refused(b"", "it is empty");
    check_refused(&gzip(b""), "it is empty");
}

#[test]
fn a_file_shorter_than_a_header_is_refused() {
    check_refused(&pcap(&[])[..23], "it is shorter than a capture's header");
    check_refused(&pcap(&[])[..3], "it is shorter than a capture's header");
    check_refused(
        &section(Endian::Little)[..20],
        "it ends within a record at byte 0, before any packet",
    );
}

#[test]
fn a_capture_without_packets_is_a_capture() {
    for bytes in [pcap(&[]), pcapng(Endian::Big, &[])] {
        let (code, report, said) = run(&bytes);
        assert_eq!((code, &report["packets"], &said[..]), (0, &0.into(), ""));
    }
}

#[test]
fn a_directory_and_a_missing_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    fs::create_dir(format!("{folder}/captures")).unwrap();
    let (code, _, said) = run_on(&format!("{folder}/captures"), folder);
    let expected = "error: `captures` is no capture that netanom reads: it is a directory; name the files in it";
    assert_eq!((code, &said[..]), (1, expected));
    let (code, _, said) = run_on(&format!("{folder}/none.pcap"), folder);
    let expected = "error: cannot read `none.pcap`: No such file or directory (os error 2)";
    assert_eq!((code, &said[..]), (1, expected));
}

#[test]
fn standard_input_cannot_be_read_twice() {
    let output = replay(&["-", "-", "--no-verdicts"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("it is named twice, and can be read once"),
        "{said}"
    );
}

#[test]
fn what_stands_before_a_cut_is_used() {
    let frames = &office()[..20];
    for whole in [pcap(frames), pcapng(Endian::Little, frames)] {
        // Within the packet, and within the record's header.
        let last = pcap(&frames[19..]).len() - 24;
        for cut in [1, last - 3] {
            let bytes = &whole[..whole.len() - cut];
            assert_eq!(
                check_unread(bytes, 0, 19, "cut", "ends within a record"),
                ""
            );
        }
    }
}

#[test]
fn what_stands_before_a_cut_in_compressed_data_is_used() {
    let frames = office();
    let compressed = gzip(&pcap(&frames));
    let (code, report, _) = run(&compressed[..compressed.len() * 9 / 10]);
    assert_eq!((code, &report["unread"][0]["reason"]), (0, &"cut".into()));
    assert!(report["packets"].as_u64().unwrap() > 0);
}

#[test]
fn a_cut_before_the_first_packet_is_refused() {
    let bytes = pcap(&office()[..1]);
    check_refused(
        &bytes[..bytes.len() - 1],
        "it ends within a record at byte 24, before any packet",
    );
}

#[test]
fn a_record_of_four_gigabytes_is_damage() {
    let frames = &office()[..20];
    let good = pcap(&frames[..10]);
    let mut record = pcap(&frames[10..])[24..].to_vec();
    record[8..12].fill(0xff);
    let said = check_unread(
        &[&good[..], &record].concat(),
        1,
        10,
        "damaged",
        "its record claims 4294967295 bytes",
    );
    let expected = format!(
        "error: `capture` is damaged at byte {}: its record claims 4294967295 bytes; only what comes before was read: \
         capture or copy it anew",
        good.len()
    );
    assert_eq!(said, expected);
    check_refused(
        &[&good[..24], &record].concat(),
        "its record claims 4294967295 bytes at byte 24, before any packet",
    );
}

#[test]
fn damaged_blocks_are_told() {
    let frames = &office()[..20];
    let endian = Endian::Little;
    let good = pcapng(endian, frames);
    let with = |bad: Vec<u8>| [good.clone(), bad].concat();
    let mut trailer = block(endian, 5, &[0; 12]);
    trailer[20] ^= 1;
    let mut packet = enhanced(endian, 0, 0, &frames[0].1);
    packet[20..24].copy_from_slice(&0x7fff_u32.to_le_bytes());
    let cases = [
        (trailer, "begins with a length of 24 bytes and ends with 25"),
        (packet, "its packet claims 32767 bytes"),
        (endian.u32(6).repeat(2), "its block claims 6 bytes"),
        (
            [endian.u32(6), endian.u32(0xffff_fff0)].concat(),
            "its block claims 4294967280 bytes",
        ),
        (
            enhanced(endian, 9, 0, &frames[0].1),
            "of an interface that was not described",
        ),
        (
            block(endian, 6, &[0; 8]),
            "its block is too short for a packet",
        ),
        (block(endian, 0x0a0d_0d0a, &[0; 16]), "has no byte order"),
    ];
    for (bad, detail) in cases {
        check_unread(&with(bad), 1, 20, "damaged", detail);
    }
}

#[test]
fn a_damaged_capture_does_not_hold_up_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let frames = office();
    let good: Vec<Frame> = frames.iter().step_by(2).cloned().collect();
    fs::write(path("good"), pcap(&good)).unwrap();
    let mut bad = pcap(&frames[1..3]);
    bad.extend([0xff; 16]);
    fs::write(path("bad"), bad).unwrap();
    let output = replay(&[
        &path("bad"),
        &path("good"),
        "--no-verdicts",
        "--format",
        "json",
    ])
    .output()
    .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &report["packets"]),
        (Some(1), &(good.len() + 2).into())
    );
    assert_eq!(report["unread"][0]["file"], path("bad"));
}

#[test]
fn other_link_types_are_refused_by_name() {
    let wireless = "its link type is 105 (IEEE 802.11); Ethernet, Linux cooked, raw IP and loopback captures are read";
    check_refused(&pcap_of(Endian::Little, false, 105, &office()), wireless);
    let mut mixed = section(Endian::Little);
    mixed.extend(interface(Endian::Little, 1, &[]));
    mixed.extend(interface(Endian::Little, 105, &[]));
    let (time, frame) = &office()[0];
    mixed.extend(enhanced(Endian::Little, 0, *time, frame));
    // An interface without packets is no reason to say anything.
    let (code, _, said) = run(&mixed);
    assert_eq!((code, &said[..]), (0, ""));
}

#[test]
fn packets_of_a_link_type_that_is_not_read_are_counted_and_the_others_read() {
    let office = &office()[..20];
    let mut mixed = section(Endian::Little);
    mixed.extend(interface(Endian::Little, 1, &[]));
    mixed.extend(interface(Endian::Little, 189, &[]));
    for (number, (time, frame)) in office.iter().enumerate() {
        mixed.extend(enhanced(Endian::Little, 0, *time, frame));
        if number % 10 == 5 {
            mixed.extend(enhanced(Endian::Little, 1, *time, &[0; 64]));
        }
    }
    let said = check_unread(&mixed, 0, 22, "link_type", "its link type is 189 (USB)");
    assert!(said.contains("has packets that are not read"), "{said}");
    let (_, report, _) = run(&mixed);
    assert_eq!(report["accounting"]["ignored"]["link_type"], 2);
    assert_eq!(report["accounting"]["counted"], 20);
    assert_eq!(report["unread"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_of_a_link_type_that_is_not_read_leaves_the_others_of_the_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let office = &office()[..20];
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("wired"), pcap(office)).unwrap();
    fs::write(
        path("wireless"),
        pcap_of(Endian::Little, false, 105, office),
    )
    .unwrap();
    let files = [path("wired"), path("wireless")];
    let run = |files: &[String]| {
        let mut arguments: Vec<_> = files.iter().map(String::as_str).collect();
        arguments.extend(["--no-verdicts", "--format", "json"]);
        replay(&arguments).output().unwrap()
    };
    let output = run(&files);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["accounting"]["counted"], 20);
    assert_eq!(report["accounting"]["ignored"]["link_type"], 20);
    // Where no packet of any file is read, nothing was.
    fs::write(path("wired"), pcap_of(Endian::Big, false, 105, office)).unwrap();
    let output = run(&files);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("error: ") && said.contains("IEEE 802.11"),
        "{said}"
    );
}

#[test]
fn flows_are_not_written_under_an_unknown_ending_or_over_a_file_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("office.pcap"), pcap(&office())).unwrap();
    let run = |flows: &str, more: &[&str]| {
        let mut command = replay(&[&path("office.pcap"), "--no-verdicts", "--flows", flows]);
        let output = command.args(more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, said) = run(&path("flows.txt"), &[]);
    assert!(
        code == 2 && said.contains("must end in .csv, or in .jsonl"),
        "{said}"
    );
    assert!(!folder.path().join("flows.txt").exists());
    fs::write(path("flows.csv"), "mine").unwrap();
    let (code, said) = run(&path("flows.csv"), &[]);
    assert!(
        code == 1 && said.contains("is there already") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(path("flows.csv")).unwrap(), "mine");
    let (code, said) = run(&path("flows.csv"), &["--force"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        fs::read_to_string(path("flows.csv"))
            .unwrap()
            .starts_with("start,")
    );
    let (code, said) = run(&path("none/flows.csv"), &[]);
    assert!(
        code == 1 && said.contains("its folder does not exist"),
        "{said}"
    );
    // What is no file has no ending, and nothing is lost there.
    assert_eq!(run("/dev/null", &[]).0, 0);
}
