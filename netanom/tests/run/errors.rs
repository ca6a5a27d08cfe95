//! What the program says when it cannot run, and with which exit code: each error is produced for real.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::namespace::{Namespace, Pair};
use crate::sensor::{self, Sensor};

/// Debian's `nobody`, which every Linux has.
const NOBODY: u32 = 65_534;

#[test]
fn an_interface_that_is_missing_is_told_with_those_that_exist() {
    fails(
        &["run", "-i", "nosuch0"],
        1,
        &["no interface is named `nosuch0`; there are: ", "lo"],
    );
}

#[test]
fn no_default_route_asks_for_an_interface() {
    let Some(namespace) = Namespace::new("no_default_route_asks_for_an_interface") else {
        return;
    };
    let said = end(&mut sensor::command(&namespace), 1);
    assert!(
        said.contains("no default route") && said.contains("name one with -i"),
        "{said}"
    );
}

#[test]
fn missing_privilege_names_root_and_setcap() {
    let mut command = netanom();
    // A program in a folder that only root may enter cannot be started by anyone else.
    let folder = tempfile::tempdir().unwrap();
    if nix::unistd::geteuid().is_root() {
        let program = folder.path().join("netanom");
        std::fs::copy(env!("CARGO_BIN_EXE_netanom"), &program).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY);
    }
    let said = end(
        command.args(["run", "-i", "lo", "--listen", "127.0.0.1:0"]),
        1,
    );
    assert!(said.contains("not permitted to"), "{said}");
    assert!(said.contains("run as root"), "{said}");
    assert!(
        said.contains("setcap cap_bpf,cap_perfmon,cap_net_admin+ep"),
        "{said}"
    );
}

#[test]
fn native_xdp_that_is_refused_names_the_generic_mode() {
    let Some(namespace) = Namespace::new("native_xdp_that_is_refused_names_the_generic_mode")
    else {
        return;
    };
    let said = end(
        sensor::command(&namespace).args(["-i", "lo", "--xdp-mode", "native"]),
        1,
    );
    assert!(said.contains("`lo` refuses native XDP"), "{said}");
    assert!(said.contains("--xdp-mode generic"), "{said}");
}

/// A veth takes native programs only where its receive queues are no fewer than the other end's transmit queues.
#[test]
fn native_xdp_that_the_number_of_queues_forbids_names_queues_and_the_generic_mode() {
    let test = "native_xdp_that_the_number_of_queues_forbids_names_queues_and_the_generic_mode";
    let Some(namespace) = Namespace::new(test) else {
        return;
    };
    let add = "ip link add q0 numrxqueues 1 numtxqueues 1 type veth peer name q1 numrxqueues 4 numtxqueues 4";
    let add: Vec<_> = add.split_whitespace().collect();
    namespace.run(&add);
    namespace.inside(|| crate::driver::keep_tags_in_frames("q0", true));
    let said = end(
        sensor::command(&namespace).args(["-i", "q0", "--xdp-mode", "native"]),
        1,
    );
    for part in ["`q0` refuses native XDP", "queues", "--xdp-mode generic"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let sensor = Sensor::start(&namespace, &["-i", "q0"]);
    let log = sensor.log();
    assert!(log.contains("watching `q0`: generic XDP"), "{log}");
}

#[test]
fn without_native_xdp_the_generic_mode_is_taken_and_told() {
    let Some(namespace) = Namespace::new("without_native_xdp_the_generic_mode_is_taken_and_told")
    else {
        return;
    };
    let sensor = Sensor::start(&namespace, &["-i", "lo"]);
    let log = sensor.log();
    assert!(log.contains("`lo` has no native XDP"), "{log}");
    assert!(log.contains("watching `lo`: generic XDP"), "{log}");
    assert_eq!(
        sensor.metrics()["netanom_xdp_attached{interface=\"lo\",mode=\"generic\"}"],
        1.0
    );
}

/// A veth refuses jumbo frames to native programs that want each frame in one piece; ours take several.
#[test]
fn jumbo_frames_are_watched_natively() {
    let Some(pair) = Pair::new("jumbo_frames_are_watched_natively") else {
        return;
    };
    for (end, name) in [(&pair.sensor, "v0"), (&pair.sender, "v1")] {
        end.run(&["ip", "link", "set", name, "mtu", "9000"]);
    }
    let sensor = Sensor::start(&pair.sensor, &["-i", "v0", "--xdp-mode", "native"]);
    let log = sensor.log();
    assert!(log.contains("watching `v0`: native XDP"), "{log}");
}

#[test]
fn a_second_sensor_in_another_mount_namespace_is_refused_as_one_and_the_first_goes_on() {
    let Some(pair) = Pair::new(
        "a_second_sensor_in_another_mount_namespace_is_refused_as_one_and_the_first_goes_on",
    ) else {
        return;
    };
    let first = Sensor::start(&pair.sensor, &["-i", "v0"]);
    // As iproute2 knows it: "… prog/xdp id 42 …".
    let links = pair.sensor.run(&["ip", "-d", "link", "show", "v0"]);
    let id = links.split("xdp id ").nth(1).unwrap();
    let id = id.split_whitespace().next().unwrap();
    for mode in ["auto", "native", "generic"] {
        let mut second = sensor::command(&pair.sensor);
        second.args(["-i", "v0", "--listen", "127.0.0.1:0", "--xdp-mode", mode]);
        let said = end(&mut second, 1);
        let what = "`v0` is watched by another netanom, which runs in another namespace";
        assert!(said.contains(what), "{mode}: {what}: {said}");
        let program = format!("XDP program has the id {id}");
        assert!(said.contains(&program), "{mode}: {said}");
        assert!(said.contains("`netanom detach`"), "{mode}: {said}");
    }
    assert_eq!(first.get("/readyz").unwrap().0, 200);
    assert_eq!(
        first.metrics()["netanom_xdp_attached{interface=\"v0\",mode=\"native\"}"],
        1.0
    );
}

#[test]
fn an_address_in_use_is_told_with_the_flag_for_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let expected = format!("cannot listen on {address}: choose another address with --listen");
    fails(
        &["run", "-i", "lo", "--listen", &address],
        1,
        &[&expected, "in use"],
    );
}

#[test]
fn an_address_without_a_port_is_told_with_an_example() {
    let expected = ["localhost", "--listen <[ADDRESS]:PORT>", ":9710"];
    fails(&["run", "-i", "lo", "--listen", "localhost"], 2, &expected);
    let file = configuration("listen = \"localhost\"\n");
    let file = file.path().to_str().unwrap();
    let expected = ["`listen` is `localhost`", "127.0.0.1:9710"];
    fails(&["run", "-i", "lo", "--config", file], 1, &expected);
}

#[test]
fn a_wrong_flag_is_wrong_usage() {
    fails(
        &["run", "--intreface", "lo"],
        2,
        &["--intreface", "--interface"],
    );
    fails(&["run", "--xdp-mode", "fast"], 2, &["fast", "native"]);
    fails(&["rnu"], 2, &["rnu", "--help"]);
}

#[test]
fn an_unknown_key_of_the_configuration_is_named_with_its_place() {
    let file = configuration("tick = 5\n");
    let file = file.path().to_str().unwrap();
    fails(
        &["run", "-i", "lo", "--config", file],
        1,
        &[file, "line 1", "`tick`", "`tick_ms`"],
    );
}

#[test]
fn a_tick_out_of_range_is_told_with_the_range() {
    let file = configuration("tick_ms = 9\n");
    let expected = ["`tick_ms` is 9, but must be between 10 and 10000"];
    fails(
        &["run", "-i", "lo", "--config", file.path().to_str().unwrap()],
        1,
        &expected,
    );
}

#[test]
fn a_number_of_flows_out_of_range_is_told_with_the_range() {
    for number in ["1023", "4194305"] {
        let file = configuration(&format!("kernel_flows = {number}\n"));
        let expected = format!("`kernel_flows` is {number}, but must be between 1024 and 4194304");
        let file = file.path().to_str().unwrap();
        fails(&["run", "-i", "lo", "--config", file], 1, &[&expected]);
    }
}

#[test]
fn a_missing_configuration_names_how_to_get_one() {
    let expected = [
        "`/nonexistent/netanom.toml`",
        "--print-config",
        "No such file",
    ];
    fails(
        &["run", "-i", "lo", "--config", "/nonexistent/netanom.toml"],
        1,
        &expected,
    );
}

#[test]
fn a_foreign_model_file_is_refused_by_name() {
    let file = configuration("tick_ms = 250\n");
    let file = file.path().to_str().unwrap();
    fails(&["run", "-i", "lo", "--model", file], 1, &[file, "model"]);
}

/// Runs the program where it is, and looks for parts of what it says.
fn fails(arguments: &[&str], code: i32, parts: &[&str]) {
    let said = end(netanom().args(arguments), code);
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

fn netanom() -> Command {
    Command::new(PathBuf::from(env!("CARGO_BIN_EXE_netanom")))
}

/// Runs a command that has to end by itself with this code; returns what it says on standard error.
pub(crate) fn end(command: &mut Command, code: i32) -> String {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.env_remove("RUST_LOG").spawn().unwrap();
    let mut status = None;
    // It says a few lines, which the pipe holds.
    let ends = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        sensor::wait_until("the program ends", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
    }));
    let _ = child.kill();
    let said = child.wait_with_output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(ends.is_ok(), "it goes on: {said}");
    assert_eq!(status.unwrap().code(), Some(code), "{said}");
    if code == 1 {
        let last = said.trim_end().lines().last().unwrap();
        assert!(!said.contains("panicked"), "{last}");
    }
    said
}

fn configuration(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}
