//! Where windows come from. Live and offline differ here and nowhere else.

pub mod access_log;
mod ahead;
#[cfg(feature = "live")]
#[expect(unsafe_code, reason = "a bpf() command that aya lacks")]
mod batch;
#[cfg(feature = "live")]
#[expect(unsafe_code, reason = "bpf() commands that aya lacks")]
mod bpf;
pub mod capture;
mod encapsulated;
#[cfg(feature = "live")]
#[expect(unsafe_code, reason = "an ioctl that no crate has")]
mod ethtool;
pub mod follow;
mod fragments;
mod interface;
#[cfg(feature = "live")]
pub mod kernel;
pub(crate) mod netlink;
#[cfg(feature = "live")]
pub mod privileges;
pub mod records;
mod stop;
mod watchlist;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

pub use ahead::read_ahead;
pub use encapsulated::EncapsulatedPackets;
pub use fragments::FirstFragments;
pub use interface::Interface;
pub use stop::Stop;
pub use watchlist::Watchlist;

use crate::flow::Window;

/// A number that nobody outside can know: what a sensor's sketches are seeded with.
#[must_use]
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Delivers what was counted, window by window.
pub trait FlowSource {
    /// The next window; `None` when there will be no more.
    ///
    /// # Errors
    /// When the source cannot go on; what was delivered before stays valid.
    fn next_window(&mut self) -> Result<Option<Window>, SourceError>;
}

/// Where in the receive path the XDP program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// Native when the driver can, else generic, and TCX in place of both where XDP would not see VLAN tags; which one is
    /// reported.
    #[default]
    Auto,
    /// In the driver, before the kernel makes a socket buffer.
    Native,
    /// In the network stack: slower, works with every driver.
    Generic,
}

/// Which packets of an interface are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Those that come in and those that leave.
    #[default]
    Both,
    /// Those that come in: for a mirror port, which receives both directions.
    Ingress,
}

/// A source could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No interface has this name.
    #[error("no interface is named `{name}`; there are: {available}")]
    NoInterface {
        /// What was asked for.
        name: String,
        /// What there is.
        available: String,
    },
    /// Nothing says which interface to take.
    #[error("no default route, so no default interface: name one with -i; there are: {available}")]
    NoDefaultRoute {
        /// What there is.
        available: String,
    },
    /// The kernel does not let this process use BPF.
    #[error(
        "not permitted to {what}: run as root, or give the program its capabilities with \
         `setcap cap_bpf,cap_perfmon,cap_net_admin+ep` on its file"
    )]
    NoPrivilege {
        /// What was refused.
        what: String,
    },
    /// The kernel does not tell of interfaces.
    #[error("cannot listen to what the kernel says of interfaces (netlink): {detail}")]
    Netlink {
        /// What it answered.
        detail: String,
    },
    /// The object or one of its maps was refused.
    #[error(
        "cannot load the kernel programs: {detail}; netanom needs Linux 6.6 or newer with BPF (CONFIG_BPF_SYSCALL)"
    )]
    Load {
        /// What the loader says.
        detail: String,
    },
    /// The kernel has no memory for the maps.
    #[error(
        "not enough kernel memory for the flow maps: lower `kernel_flows` in the configuration (about 1.1 KiB each), or \
         raise the memory limit of the service that netanom runs in"
    )]
    NoMemory,
    /// The verifier refused a program.
    #[error(
        "the kernel's verifier refuses `{program}`; please report this with the kernel's version: {detail}"
    )]
    Rejected {
        /// Which program.
        program: String,
        /// The end of the verifier's log.
        detail: String,
    },
    /// The driver cannot run XDP natively, or not in the interface's present state.
    #[error(
        "`{interface}` refuses native XDP: use --xdp-mode generic, or lower the interface's MTU and the number of its \
         queues to what the driver asks for in dmesg"
    )]
    NativeRefused {
        /// Which interface.
        interface: String,
        /// What the kernel answered.
        source: io::Error,
    },
    /// Another XDP program is there.
    #[error(
        "`{interface}` already has {program}: see `bpftool net show dev {interface}`, and detach it (`ip link set dev \
         {interface} {place} off`, or stop the process whose link holds it) or watch another interface; netanom does not \
         replace it"
    )]
    Occupied {
        /// Which interface.
        interface: String,
        /// What is there.
        program: String,
        /// What iproute2 calls its place.
        place: &'static str,
    },
    /// Another netanom watches it.
    #[error(
        "`{interface}` is watched by the netanom with process id {owner}: stop that one with `kill {owner}`, or watch \
         another interface"
    )]
    Watched {
        /// Which interface.
        interface: String,
        /// The other's process id.
        owner: u32,
    },
    /// Another netanom watches it that has its pins on another BPF file system, or none.
    #[error(
        "`{interface}` is watched by another netanom, which runs in another namespace (its XDP program has the id {id}): \
         stop that one (`bpftool link show` names its process), or when it was killed, run `netanom detach` where it ran; \
         or watch another interface"
    )]
    WatchedElsewhere {
        /// Which interface.
        interface: String,
        /// The kernel's number of the other's program.
        id: u32,
    },
    /// The BPF file system does not do what it was asked for.
    #[error("cannot {what} on the BPF file system at /sys/fs/bpf: {detail}")]
    Pin {
        /// What was tried.
        what: String,
        /// What the kernel answered.
        detail: String,
    },
    /// A stop was asked for while the start waited; nothing is attached.
    #[error("stopped before anything was attached")]
    Stopped,
    /// The process has as many files open as it may have.
    #[error(
        "too many open files to {what}: the flow maps take four for each CPU; raise the limit, as with `ulimit -n 65536` or \
         `LimitNOFILE=65536` of the service that netanom runs in"
    )]
    NoDescriptors {
        /// What was refused.
        what: String,
    },
    /// The kernel does not measure its BPF programs for us.
    #[error(
        "cannot switch on the kernel's BPF statistics: {detail}; run as root or with CAP_SYS_ADMIN, or leave out \
         --bpf-stats and have root set `sysctl kernel.bpf_stats_enabled=1`"
    )]
    Statistics {
        /// What the kernel answered.
        detail: String,
    },
    /// Its frames begin with what is not read.
    #[error(
        "`{interface}` has frames of {link}, which netanom does not read: it watches Ethernet, and interfaces whose \
         frames begin with IP (tun, WireGuard, ppp, ipip, sit, gre)"
    )]
    LinkLayer {
        /// Which interface.
        interface: String,
        /// What its frames are.
        link: String,
    },
    /// Attaching failed for another reason.
    #[error("cannot attach to interface `{interface}`: {detail}")]
    Attach {
        /// Which interface.
        interface: String,
        /// What the kernel answered.
        detail: String,
    },
    /// Privileges that are no longer needed could not be given up.
    #[error("cannot drop the process's capabilities: {detail}")]
    Privileges {
        /// What the kernel answered.
        detail: String,
    },
    /// The kernel does not run a program on a frame.
    #[error(
        "the kernel does not run the program on a frame of {length} bytes: {detail}; it takes frames from an Ethernet \
         header on, for TCX with a whole IP header and about 3700 bytes at most"
    )]
    Inject {
        /// Bytes of the frame.
        length: usize,
        /// What the kernel answered.
        detail: String,
    },
    /// A capture for the kernel's programs whose frames they do not read.
    #[error(
        "the kernel's programs read Ethernet frames alone, and the capture has frames of type {link:?}: replay it \
         without --kernel"
    )]
    NotEthernet {
        /// What the frames are.
        link: capture::LinkType,
    },
    /// A map could not be read or written.
    #[error("cannot read the kernel's flow counters: {detail}")]
    Map {
        /// What the kernel answered.
        detail: String,
    },
    /// A file could not be opened or read.
    #[error("cannot read `{file}`")]
    Read {
        /// Which file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{file}` is no capture that netanom reads: {detail}")]
    Format {
        /// Which file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file is no log.
    #[error(
        "`{file}` is no access log that netanom reads: {detail}; it reads the common and the combined format, HAProxy's, \
         and JSON lines of nginx, Apache, Caddy, Traefik and HAProxy, plain or compressed by gzip or zstd"
    )]
    NoLog {
        /// Which file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file cannot be followed.
    #[error("cannot follow `{file}`: {detail}")]
    Follow {
        /// Which file, or pattern.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file is damaged after its first packets.
    #[error(
        "`{file}` is damaged at byte {byte}: {detail}; only what comes before was read: capture or copy it anew"
    )]
    Damaged {
        /// Which file.
        file: String,
        /// Where, after decompression.
        byte: u64,
        /// What is wrong there.
        detail: String,
    },
}
