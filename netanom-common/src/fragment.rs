//! Later fragments of an IP packet join the flow of the first one, which alone shows the ports.
//!
//! The kernel and user space remember first fragments in a bounded table each; [`join`] is what both do with it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::flow::ports;
use crate::packet::{Packet, Portion, RawAddress};

/// Packets of which fragments are remembered at most: those of 0.4 s at 10,000 fragmented packets a second, many times
/// longer than the fragments of one packet are apart.
pub const REMEMBERED: usize = 4096;

/// What names a fragmented packet (RFC 791 3.2, RFC 8200 4.5), on its VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FragmentKey {
    source: RawAddress,
    destination: RawAddress,
    identification: u32,
    /// Outer VLAN in bits 20 to 31, inner VLAN in bits 8 to 19, IP protocol in bits 0 to 7.
    tags: u32,
}

/// What the first fragment shows and later ones do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FragmentFlow {
    source_port: u16,
    destination_port: u16,
    /// Behind further IPv6 extension headers, which later fragments do not show either.
    protocol: u32,
}

/// Where first fragments are remembered. It may forget the oldest at any time.
pub trait FragmentTable {
    /// Remembers a first fragment, in place of one with the same key.
    fn remember(&mut self, key: &FragmentKey, flow: &FragmentFlow);

    /// What was remembered last under the key.
    fn recall(&self, key: &FragmentKey) -> Option<FragmentFlow>;
}

/// Gives a later fragment the ports and the protocol of its first one. Without one it keeps port 0.
#[inline(always)]
pub fn join<T: FragmentTable>(packet: &mut Packet, table: &mut T) {
    if packet.fragment.portion == Portion::Whole {
        return;
    }
    let key = FragmentKey {
        source: packet.source,
        destination: packet.destination,
        identification: packet.fragment.identification,
        tags: u32::from(packet.outer_vlan & 0x0fff) << 20
            | u32::from(packet.inner_vlan & 0x0fff) << 8
            | u32::from(packet.fragment.protocol),
    };
    if packet.fragment.portion == Portion::First {
        let (source_port, destination_port) = ports(packet);
        let flow = FragmentFlow {
            source_port,
            destination_port,
            protocol: u32::from(packet.protocol),
        };
        table.remember(&key, &flow);
    } else if let Some(flow) = table.recall(&key) {
        packet.source_port = flow.source_port;
        packet.destination_port = flow.destination_port;
        packet.protocol = flow.protocol as u8;
    }
}
