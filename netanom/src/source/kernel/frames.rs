//! What the frames of an interface begin with, and so which programs count them.
//!
//! XDP sees the bytes that the driver hands over. Where the driver takes VLAN tags out of what comes in and keeps them
//! beside the frame, which most drivers do unless told otherwise, XDP would count it without a VLAN, and what leaves with
//! one: every conversation would be two flows. TCX sees the tags. So it does where frames have no Ethernet header.

use super::load::{EGRESS, EGRESS_IP, INGRESS, INGRESS_IP};
use crate::source::{Interface, SourceError, XdpMode, ethtool, netlink};

/// What the frames of an interface begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// An Ethernet header, with the VLAN tags behind it.
    Ethernet,
    /// An Ethernet header; of what comes in a VLAN tag may be beside the frame.
    TagsBeside,
    /// IP.
    Ip,
}

impl Frames {
    /// Those of an interface.
    pub(super) fn of(interface: &Interface) -> Result<Self, SourceError> {
        let number = netlink::link_layer(interface.index).map_err(|error| SourceError::Attach {
            interface: interface.name.clone(),
            detail: format!("the kernel does not tell its link layer ({error})"),
        })?;
        let frames = Self::of_link_layer(number).ok_or_else(|| SourceError::LinkLayer {
            interface: interface.name.clone(),
            link: name(number),
        })?;
        if frames == Self::Ip {
            return Ok(frames);
        }
        match ethtool::takes_tags_out(&interface.name) {
            Ok(false) => Ok(Self::Ethernet),
            // It was renamed or removed at this moment.
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Err(SourceError::Attach {
                interface: interface.name.clone(),
                detail: error.to_string(),
            }),
            // One that cannot be asked may do so.
            _ => Ok(Self::TagsBeside),
        }
    }

    /// By the number of the link layer (`ARPHRD_…`, include/uapi/linux/if_arp.h); `None` for those that are not read.
    fn of_link_layer(number: u16) -> Option<Self> {
        match number {
            // The loopback's frames have an Ethernet header of zeros.
            1 | 772 => Some(Self::Ethernet),
            // PPP: the kernel has taken its header off (drivers/net/ppp/ppp_generic.c). IP in IP over either version,
            // SIT, GRE over either version, raw IP of mobile modems, 6LoWPAN, none: tun and WireGuard.
            512 | 768 | 769 | 776 | 778 | 823 | 519 | 825 | 0xfffe => Some(Self::Ip),
            _ => None,
        }
    }

    /// Whether XDP counts what comes in. Who asks for XDP by its mode gets it, without the tags.
    pub(super) fn by_xdp(self, mode: XdpMode) -> bool {
        match self {
            Self::Ethernet => true,
            Self::TagsBeside => mode != XdpMode::Auto,
            Self::Ip => false,
        }
    }

    /// The TCX program for what comes in.
    pub(super) fn ingress(self) -> &'static str {
        if self == Self::Ip {
            INGRESS_IP
        } else {
            INGRESS
        }
    }

    /// The TCX program for what leaves.
    pub(super) fn egress(self) -> &'static str {
        if self == Self::Ip { EGRESS_IP } else { EGRESS }
    }
}

/// What a link layer is called that is not read.
fn name(number: u16) -> String {
    let name = match number {
        24 => "IEEE 1394",
        32 => "InfiniBand",
        280 => "CAN bus",
        513 => "Cisco HDLC",
        774 => "FDDI",
        801..=803 => "IEEE 802.11 of a monitor",
        804 | 805 => "IEEE 802.15.4",
        820 => "Phonet",
        824 => "netlink messages",
        826 => "vsock messages",
        _ => return format!("link layer {number}"),
    };
    format!("{name} (link layer {number})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_layers_that_begin_with_ip_are_told_from_ethernet() {
        for ethernet in [1, 772] {
            assert_eq!(Frames::of_link_layer(ethernet), Some(Frames::Ethernet));
        }
        // tun and WireGuard, ppp, ipip, ip6tnl, sit, gre, ip6gre, mobile modems, 6LoWPAN.
        for ip in [0xfffe, 512, 768, 769, 776, 778, 823, 519, 825] {
            assert_eq!(Frames::of_link_layer(ip), Some(Frames::Ip), "{ip}");
        }
    }

    #[test]
    fn other_link_layers_are_refused_by_name() {
        for (number, expected) in [
            (280, "CAN bus (link layer 280)"),
            (803, "IEEE 802.11 of a monitor (link layer 803)"),
            (824, "netlink messages (link layer 824)"),
            (4242, "link layer 4242"),
        ] {
            assert_eq!(Frames::of_link_layer(number), None);
            assert_eq!(name(number), expected);
        }
    }

    #[test]
    fn tags_beside_the_frame_are_for_tcx_unless_xdp_is_asked_for() {
        let modes = [XdpMode::Auto, XdpMode::Native, XdpMode::Generic];
        let by_xdp = |frames: Frames| modes.map(|mode| frames.by_xdp(mode));
        assert_eq!(by_xdp(Frames::Ethernet), [true, true, true]);
        assert_eq!(by_xdp(Frames::TagsBeside), [false, true, true]);
        assert_eq!(by_xdp(Frames::Ip), [false, false, false]);
    }

    #[test]
    fn the_loopback_has_whole_frames() {
        let loopback = Interface::named("lo").unwrap();
        assert_eq!(Frames::of(&loopback).unwrap(), Frames::Ethernet);
    }
}
