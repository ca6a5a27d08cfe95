//! Somebody else's XDP program on the interface: netanom names it and leaves it alone.

use std::fs;

use crate::bpffs::BpfFileSystem;
use crate::errors::end;
use crate::namespace::{Namespace, Pair};
use crate::sensor::{self, Sensor};

/// What `ip link` calls the modes.
const MODES: [&str; 2] = ["xdpdrv", "xdpgeneric"];

#[test]
fn a_foreign_program_is_named_with_its_id_and_left_alone() {
    let test = "a_foreign_program_is_named_with_its_id_and_left_alone";
    for mode in MODES {
        let Some(pair) = Pair::new(test) else {
            return;
        };
        let id = attach_stranger(&pair.sensor, mode);
        for ours in ["auto", "native", "generic"] {
            let mut command = sensor::command(&pair.sensor);
            command.args(["-i", "v0", "--listen", "127.0.0.1:0", "--xdp-mode", ours]);
            let said = end(&mut command, 1);
            let what = format!("`v0` already has the XDP program `stranger` (id {id})");
            assert!(said.contains(&what), "{mode}, {ours}: {what}: {said}");
            assert_eq!(xdp_program(&pair.sensor), Some(id));
        }
    }
}

#[test]
fn detach_leaves_a_foreign_program_alone() {
    let Some(pair) = Pair::new("detach_leaves_a_foreign_program_alone") else {
        return;
    };
    let pins = BpfFileSystem::new();
    let id = attach_stranger(&pair.sensor, MODES[0]);
    let detach = pins.netanom(&pair.sensor, "detach").output().unwrap();
    assert_eq!(
        String::from_utf8(detach.stdout).unwrap(),
        "no netanom has left anything at /sys/fs/bpf\n"
    );
    assert_eq!(xdp_program(&pair.sensor), Some(id));
}

#[test]
fn the_remedy_that_is_named_makes_room() {
    for mode in MODES {
        let Some(pair) = Pair::new("the_remedy_that_is_named_makes_room") else {
            return;
        };
        attach_stranger(&pair.sensor, mode);
        let said = end(
            sensor::command(&pair.sensor).args(["-i", "v0", "--listen", "127.0.0.1:0"]),
            1,
        );
        // In backquotes, as in the message.
        let remedy = said.split('`').find(|part| part.starts_with("ip link set"));
        let remedy: Vec<_> = remedy.unwrap().split_whitespace().collect();
        pair.sensor.run(&remedy);
        assert_eq!(xdp_program(&pair.sensor), None, "{mode}: {remedy:?}");
        let sensor = Sensor::start(&pair.sensor, &["-i", "v0"]);
        assert!(sensor.log().contains("watching `v0`"), "{}", sensor.log());
    }
}

/// Puts a program of two instructions on `v0` with iproute2; returns its id.
fn attach_stranger(namespace: &Namespace, mode: &str) -> u32 {
    let object = tempfile::NamedTempFile::new().unwrap();
    fs::write(object.path(), object_file()).unwrap();
    // iproute2 leaves links of its own on the first BPF file system that it finds: not on that of another test.
    let attach = "mount -t bpf bpf /sys/fs/bpf && exec ip link set v0 \"$0\" obj \"$1\" sec xdp";
    let path = object.path().to_str().unwrap();
    namespace.run(&["sh", "-c", attach, mode, path]);
    xdp_program(namespace).unwrap()
}

/// Which program `v0` has.
fn xdp_program(namespace: &Namespace) -> Option<u32> {
    let shown = namespace.run(&["ip", "-d", "link", "show", "v0"]);
    let id = shown.split("prog/xdp id ").nth(1)?;
    id.split_whitespace().next()?.parse().ok()
}

/// An ELF object (`man 5 elf`) with `int stranger(void) { return XDP_PASS; }` in the section `xdp`.
fn object_file() -> Vec<u8> {
    const HEADER: usize = 64;
    const NAMES: &[u8] = b"\0xdp\0license\0.symtab\0.strtab\0stranger\0";
    let name = |of: &str| {
        let at = NAMES
            .windows(of.len())
            .position(|part| part == of.as_bytes());
        at.unwrap() as u32
    };
    // mov r0, 2; exit
    let code = [word(0xb7, 2), word(0x95, 0)].concat();
    let mut symbols = vec![0; 24];
    symbols.extend(name("stranger").to_ne_bytes());
    // A global function in section 1.
    symbols.extend([0x12, 0, u16::to_ne_bytes(1)[0], u16::to_ne_bytes(1)[1]]);
    symbols.extend([0_u64, code.len() as u64].map(u64::to_ne_bytes).concat());
    let mut contents = Vec::new();
    let mut sections = vec![0; 64];
    // Name, type, flags, contents, link, information, alignment, size of an entry.
    for (of, kind, flags, bytes, link, info, entry) in [
        ("xdp", 1_u32, 6_u64, &code[..], 0_u32, 0_u32, 0_u64),
        ("license", 1, 3, b"GPL\0", 0, 0, 0),
        (".symtab", 2, 0, &symbols, 4, 1, 24),
        (".strtab", 3, 0, NAMES, 0, 0, 0),
    ] {
        while contents.len() % 8 != 0 {
            contents.push(0);
        }
        let offset = (HEADER + contents.len()) as u64;
        contents.extend(bytes);
        sections.extend([name(of), kind].map(u32::to_ne_bytes).concat());
        sections.extend(
            [flags, 0, offset, bytes.len() as u64]
                .map(u64::to_ne_bytes)
                .concat(),
        );
        sections.extend([link, info].map(u32::to_ne_bytes).concat());
        sections.extend([8, entry].map(u64::to_ne_bytes).concat());
    }
    while contents.len() % 8 != 0 {
        contents.push(0);
    }
    let encoding = if cfg!(target_endian = "little") { 1 } else { 2 };
    let mut object = vec![0x7f, b'E', b'L', b'F', 2, encoding, 1];
    object.resize(16, 0);
    // Relocatable, for BPF.
    object.extend([1_u16, 247].map(u16::to_ne_bytes).concat());
    object.extend(1_u32.to_ne_bytes());
    object.extend(
        [0, 0, (HEADER + contents.len()) as u64]
            .map(u64::to_ne_bytes)
            .concat(),
    );
    object.extend(0_u32.to_ne_bytes());
    // Sizes and numbers of headers; the names are in section 4.
    object.extend([64_u16, 0, 0, 64, 5, 4].map(u16::to_ne_bytes).concat());
    object.extend(contents);
    object.extend(sections);
    object
}

/// An instruction on register 0.
fn word(operation: u8, value: i32) -> Vec<u8> {
    [&[operation, 0, 0, 0], &value.to_ne_bytes()[..]].concat()
}
