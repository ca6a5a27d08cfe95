//! The kernel's counts of an interface, without the rest of the sensor.

use std::time::Duration;

use netanom::source::kernel::{KernelSettings, KernelSource};
use netanom::source::{Direction, Interface, Stop, Watchlist, XdpMode};
use netanom_common::packet::Tunnels;
use nix::net::if_::if_nametoindex;

use crate::namespace::Namespace;

pub(crate) const TICK: Duration = Duration::from_millis(20);

/// Watches `v0` of the namespace.
pub(crate) fn watch(namespace: &Namespace, direction: Direction) -> KernelSource {
    namespace.inside(|| {
        // /sys shows the interfaces of the namespace that it was mounted in, so the name is looked up here.
        let settings = KernelSettings {
            interfaces: Watchlist::of(&Interface {
                name: "v0".to_owned(),
                index: if_nametoindex("v0").unwrap(),
            }),
            mode: XdpMode::Auto,
            direction,
            tunnels: Tunnels::Inner.into(),
            capacity: 16_384,
            tick: TICK,
        };
        KernelSource::open(&settings, Stop::default()).unwrap()
    })
}
