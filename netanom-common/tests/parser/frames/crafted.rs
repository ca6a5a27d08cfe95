//! One frame for each way through the parser. What it makes of each stands in `tests/parser.rs`.

use super::{Extension, FrameBuilder, frame};
use Extension::{Authentication, Fragment, Raw};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The TCP header's offset in a frame without tags, options and extension headers.
const IN_IPV4: usize = 14 + 20;
const IN_IPV6: usize = 14 + 40;

/// Makes a function of each frame, and the list of all.
macro_rules! crafted {
    ($($name:ident = $frame:expr;)*) => {
        $(pub(crate) fn $name() -> Vec<u8> { $frame.build() })*

        /// Every frame, with its name.
        pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
            vec![$((stringify!($name), $name())),*]
        }
    };
}

crafted! {
    // Ethernet and VLAN.
    one_tag = frame().vlan(5).ipv4().tcp(443, SYN, 0);
    priority_tag = frame().tag(0x8100, 0x6000).ipv4().tcp(443, SYN, 0);
    tag_with_priority_bits = frame().tag(0x8100, 0xf005).ipv4().tcp(443, SYN, 0);
    qinq = frame().tag(0x88a8, 7).vlan(5).ipv6().udp(53).payload(20);
    old_qinq = frame().tag(0x9100, 7).vlan(5).ipv4().udp(53).payload(20);
    three_tags = frame().tag(0x88a8, 7).vlan(5).vlan(6).ipv4().tcp(443, SYN, 0);
    arp = frame().other(0x0806, &[0; 28]).padded(60);
    tagged_arp = frame().vlan(5).other(0x0806, &[0; 28]).padded(60);
    spanning_tree = frame().other(38, &[0x42, 0x42, 3]).padded(60);
    empty_ethernet = frame().other(0x0800, &[]);

    // IPv4.
    ipv4_tcp = frame().ipv4().tcp(443, ACK, 0).payload(100);
    ipv4_tcp_answer = frame().ipv4().tcp(443, ACK, 0).payload(1000).answer();
    ipv4_options = frame().ipv4_options(12).tcp(443, ACK, 0).payload(10);
    most_ipv4_options = frame().ipv4_options(40).udp(53).payload(10);
    first_fragment = frame().ipv4_fragment(0, true).udp(53).payload(72);
    later_fragment = frame().ipv4_fragment(10, false).protocol(17, &[]).payload(30);
    last_empty_fragment = frame().ipv4_fragment(10, false).protocol(6, &[]);
    // What `nmap -f` sends: fragments of eight bytes.
    tiny_first_fragment = frame().ipv4_fragment(0, true).protocol(6, &tcp_header()[..8]);
    tiny_second_fragment = frame().ipv4_fragment(1, true).protocol(6, &tcp_header()[8..16]);
    tiny_third_fragment = frame().ipv4_fragment(2, false).protocol(6, &tcp_header()[16..]);
    first_fragment_of_sixteen_bytes = frame().ipv4_fragment(0, true).protocol(6, &tcp_header()[..16]);
    rest_behind_eight_bytes = frame().ipv4_fragment(1, false).protocol(6, &tcp_header()[8..]).payload(100);
    last_within_the_longest_header = frame().ipv4_fragment(7, false).protocol(6, &[1; 4]).payload(20);
    first_fragment_of_four_bytes = frame().ipv4_fragment(0, true).protocol(6, &tcp_header()[..4]);
    second_fragment_of_four_bytes = frame().ipv4_fragment(1, false).protocol(6, &tcp_header()[8..12]);
    tiny_first_fragment_of_sctp = frame().ipv4_fragment(0, true).protocol(132, &[0x9c, 0x40, 0x0f, 0x1c, 0, 0, 0, 1]);
    ipv6_in_an_ipv4_frame = frame().ipv4().tcp(443, SYN, 0).with(14, 0x65);
    ipv4_header_of_16_bytes = frame().ipv4().tcp(443, SYN, 0).with(14, 0x44);
    total_shorter_than_the_header = frame().ipv4().tcp(443, SYN, 0).with(17, 19);
    total_shorter_than_the_tcp_header = frame().ipv4().tcp(443, SYN, 0).with(17, 39);
    total_shorter_than_the_udp_header = frame().ipv4().udp(53).with(17, 27);
    total_beyond_the_frame = frame().ipv4().tcp(443, ACK, 0).payload(100).with(16, 0x40);
    // With segmentation offload the length does not fit and is 0.
    total_of_zero = frame().ipv4().tcp(443, ACK, 0).payload(1400).with(16, 0).with(17, 0);
    total_of_zero_with_options = frame().ipv4_options(8).tcp(443, ACK, 0).with(16, 0).with(17, 0);
    padded_acknowledgment = frame().ipv4().tcp(443, ACK, 0).padded(60);

    // IPv6.
    ipv6_tcp = frame().ipv6().tcp(443, ACK, 0).payload(100);
    ipv6_tcp_answer = frame().ipv6().tcp(443, ACK, 0).payload(1000).answer();
    hop_by_hop = frame().ipv6_with(&[Raw(0, 8)]).icmpv6(143).payload(20);
    routing = frame().ipv6_with(&[Raw(43, 24)]).tcp(443, SYN, 0);
    destination_options = frame().ipv6_with(&[Raw(60, 16)]).udp(53).payload(9);
    mobility = frame().ipv6_with(&[Raw(135, 8)]).udp(53).payload(9);
    authentication = frame().ipv6_with(&[Authentication(12)]).tcp(443, SYN, 0);
    ipv6_first_fragment = frame().ipv6_with(&[Fragment(0, true)]).udp(53).payload(72);
    ipv6_later_fragment = frame().ipv6_with(&[Fragment(10, false)]).protocol(17, &[]).payload(30);
    ipv6_tiny_first_fragment = frame().ipv6_with(&[Fragment(0, true)]).protocol(6, &tcp_header()[..8]);
    ipv6_tiny_second_fragment = frame().ipv6_with(&[Fragment(1, true)]).protocol(6, &tcp_header()[8..16]);
    // The order that RFC 8200 4.1 recommends; each of the headers that are followed once.
    all_extensions = frame()
        .ipv6_with(&[Raw(0, 8), Raw(60, 8), Raw(43, 8), Fragment(0, true), Authentication(12), Raw(60, 8)])
        .tcp(443, SYN, 0);
    eight_extensions = frame().ipv6_with(&[Raw(60, 8); 8]).tcp(443, SYN, 0);
    extension_beyond_the_packet = frame().ipv6_with(&[Raw(60, 8)]).tcp(443, SYN, 0).with(IN_IPV6 + 1, 4);
    no_next_header = frame().ipv6().protocol(59, &[]).payload(8);
    ipv4_in_an_ipv6_frame = frame().ipv6().tcp(443, SYN, 0).with(14, 0x45);
    payload_shorter_than_the_tcp_header = frame().ipv6().tcp(443, SYN, 0).with(19, 19);
    payload_of_zero = frame().ipv6().tcp(443, ACK, 0).payload(1400).with(18, 0).with(19, 0);

    // Transport.
    tcp_options = frame().ipv4().tcp(443, SYN, 20);
    most_tcp_options = frame().vlan(5).ipv6().tcp(443, SYN, 40).payload(5);
    every_tcp_flag = frame().ipv4().tcp(443, 0xff, 0);
    tcp_header_of_16_bytes = frame().ipv4().tcp(443, SYN, 0).with(IN_IPV4 + 12, 0x40);
    tcp_header_beyond_the_packet = frame().ipv4().tcp(443, SYN, 0).payload(3).with(IN_IPV4 + 12, 0x60);
    udp_without_payload = frame().ipv4().udp(9);
    ping = frame().ipv4().icmp(8).payload(56);
    pong = frame().ipv4().icmp(0).payload(56).answer();
    unreachable = frame().ipv4().icmp(3).payload(28).answer();
    time_exceeded = frame().ipv4().icmp(11).payload(28).answer();
    router_advertisement = frame().ipv4().icmp(9);
    redirect = frame().ipv4().icmp(5);
    ping_v6 = frame().ipv6().icmpv6(128).payload(56);
    pong_v6 = frame().ipv6().icmpv6(129).payload(56).answer();
    unreachable_v6 = frame().ipv6().icmpv6(1).payload(48).answer();
    time_exceeded_v6 = frame().ipv6().icmpv6(3).payload(48).answer();
    neighbour_solicitation = frame().ipv6().icmpv6(135).payload(24);
    packet_too_big = frame().ipv6().icmpv6(2).payload(24);
    sctp = frame().ipv4().sctp(3868).payload(16);
    sctp_answer = frame().ipv6().sctp(3868).payload(16).answer();
    esp = frame().ipv4().protocol(50, &[0; 8]).payload(64);
    gre = frame().ipv4().protocol(47, &[0, 0, 8, 0]).payload(20);

    // MPLS.
    one_label = frame().other(0x8847, &labelled(1, &inner()));
    six_labels = frame().vlan(5).other(0x8848, &labelled(6, &inner_v6()));
    seven_labels = frame().other(0x8847, &labelled(7, &inner()));
    pseudowire = frame().other(0x8847, &labelled(1, &[0; 40]));

    // PPPoE and 802.2.
    pppoe_ipv4 = frame().other(0x8864, &in_pppoe(0x0021, &inner()));
    pppoe_ipv6 = frame().vlan(5).other(0x8864, &in_pppoe(0x0057, &inner_v6()));
    pppoe_mpls = frame().other(0x8864, &in_pppoe(0x0281, &labelled(2, &inner())));
    pppoe_link_control = frame().other(0x8864, &in_pppoe(0xc021, &[9, 0, 0, 8, 0, 0, 0, 0])).padded(60);
    pppoe_compressed = frame().other(0x8864, &in_pppoe(0x00fd, &[1; 40]));
    macsec = frame().other(0x88e5, &[0; 60]);
    tagged_macsec = frame().vlan(5).other(0x88e5, &[0; 60]);
    pppoe_other_code = frame().other(0x8864, &in_pppoe(0x0021, &inner())).with(15, 1);
    pppoe_discovery = frame().other(0x8863, &[0x11, 9, 0, 0, 0, 0]).padded(60);
    snap_ipv4 = frame().other(55, &in_snap([0, 0, 0], 0x0800, &inner()));
    snap_ipv6_on_a_vlan = frame().vlan(5).other(97, &in_snap([0, 0, 0], 0x86dd, &inner_v6()));
    snap_of_a_bridge = frame().other(55, &in_snap([0, 0, 0xf8], 0x0800, &inner()));
    snap_of_another_organisation = frame().other(60, &in_snap([0, 0, 0x0c], 0x2000, &[0; 52]));
    snap_arp = frame().other(36, &in_snap([0, 0, 0], 0x0806, &[0; 28])).padded(60);
    short_802_2 = frame().other(3, &[0xfe, 0xfe, 3]);

    // Tunnels.
    ipv4_in_ipv4 = frame().ipv4().protocol(4, &inner()).answer();
    ipv6_in_ipv4 = frame().vlan(5).ipv4().protocol(41, &inner_v6());
    ipv4_in_ipv6 = frame().ipv6_with(&[Raw(60, 8)]).protocol(4, &inner());
    gre_plain = frame().ipv4().protocol(47, &[&[0, 0, 8, 0], &inner()[..]].concat());
    gre_all_fields = frame().ipv6().protocol(47, &[&[0xb0, 0, 0x86, 0xdd][..], &[0; 12], &inner_v6()].concat());
    gre_routing = frame().ipv4().protocol(47, &[&[0x40, 0, 8, 0], &inner()[..]].concat());
    gre_version_1 = frame().ipv4().protocol(47, &[&[0x20, 1, 8, 0, 0, 0, 0, 0], &inner()[..]].concat());
    gre_ethernet = frame().ipv4().protocol(47, &[&[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &inner_frame()[..]].concat());
    gre_mpls = frame().ipv4().protocol(47, &[&[0, 0, 0x88, 0x47], &labelled(2, &inner())[..]].concat());
    vxlan = frame().ipv4().protocol(17, &over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &inner_frame()));
    vxlan_without_its_flag = frame().ipv4().protocol(17, &over_udp(4789, &[0, 0, 0, 0, 0, 0, 1, 0], &inner_frame()));
    vxlan_arp = frame().ipv4().protocol(17, &over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &arp()));
    vxlan_nonsense = frame().ipv4().protocol(17, &over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &[0x11; 30]));
    vxlan_empty = frame().ipv4().protocol(17, &over_udp(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &[]));
    geneve_options = frame().ipv6().protocol(17, &over_udp(6081, &[[2, 0, 0x65, 0x58, 0, 0, 1, 0], [1; 8]].concat(), &inner_frame()));
    geneve_ipv6 = frame().ipv4().protocol(17, &over_udp(6081, &[0, 0, 0x86, 0xdd, 0, 0, 1, 0], &inner_v6()));
    geneve_version_1 = frame().ipv4().protocol(17, &over_udp(6081, &[0x40, 0, 8, 0, 0, 0, 1, 0], &inner()));
    vxlan_on_linux_port = frame().ipv4().protocol(17, &over_udp(8472, &[8, 0, 0, 0, 0, 0, 1, 0], &inner_frame()));
    vxlan_gpe_ipv4 = frame().ipv4().protocol(17, &over_udp(4790, &[0x0c, 0, 0, 1, 0, 0, 1, 0], &inner()));
    vxlan_gpe_ipv6 = frame().ipv6().protocol(17, &over_udp(4790, &[0x0c, 0, 0, 2, 0, 0, 1, 0], &inner_v6()));
    vxlan_gpe_ethernet = frame().ipv4().protocol(17, &over_udp(4790, &[0x0c, 0, 0, 3, 0, 0, 1, 0], &inner_frame()));
    vxlan_gpe_service_header = frame().ipv4().protocol(17, &over_udp(4790, &[0x0c, 0, 0, 4, 0, 0, 1, 0], &[0; 24]));
    vxlan_with_a_reserved_bit = frame().ipv4().protocol(17, &over_udp(4789, &[0x0c, 0, 0, 0, 0, 0, 1, 0], &inner_frame()));
    erspan_1 = frame().ipv4().protocol(47, &[&[0, 0, 0x88, 0xbe], &inner_frame()[..]].concat());
    erspan_2 = frame().ipv4().protocol(47, &in_erspan(0x88be, &[0x10, 9, 0, 100, 0, 0, 0, 3], &inner_frame()));
    erspan_2_of_another_version = frame().ipv4().protocol(47, &in_erspan(0x88be, &[0x30, 9, 0, 100, 0, 0, 0, 3], &inner_frame()));
    erspan_3 = frame().ipv6().protocol(47, &in_erspan(0x22eb, &[0x20, 9, 0, 100, 0, 0, 0, 1, 0, 0, 0, 0], &inner_frame()));
    erspan_3_with_a_subheader = frame().ipv4().protocol(47, &in_erspan(0x22eb, &[&[0x20, 9, 0, 100, 0, 0, 0, 1, 0, 0, 0, 1][..], &[7; 8]].concat(), &inner_frame()));
    erspan_3_of_ip = frame().ipv4().protocol(47, &in_erspan(0x22eb, &[0x20, 9, 0, 100, 0, 0, 0, 1, 0, 0, 0x08, 0], &inner_v6()));
    erspan_3_of_another_kind = frame().ipv4().protocol(47, &in_erspan(0x22eb, &[0x20, 9, 0, 100, 0, 0, 0, 1, 0, 0, 0x04, 0], &inner_frame()));
    gtp_u = frame().ipv4().protocol(17, &over_udp(2152, &[0x30, 255, 0, 47, 0, 0, 0, 1], &inner()));
    gtp_u_with_a_sequence_number = frame().ipv4().protocol(17, &over_udp(2152, &[0x32, 255, 0, 51, 0, 0, 0, 1, 0, 9, 0, 0x85], &inner()));
    gtp_u_extensions = frame().ipv6().protocol(17, &over_udp(2152, &[&[0x34, 255, 0, 63, 0, 0, 0, 1, 0, 0, 0, 0x85], &[1, 0x10, 9, 0x40][..], &[2, 0, 0, 0, 0, 0, 0, 0]].concat(), &inner_v6()));
    gtp_u_empty_extension = frame().ipv4().protocol(17, &over_udp(2152, &[0x34, 255, 0, 63, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0], &inner()));
    gtp_u_four_extensions = frame().ipv4().protocol(17, &over_udp(2152, &[&[0x34, 255, 0, 63, 0, 0, 0, 1, 0, 0, 0, 0x85][..], &[1, 0, 0, 0x85].repeat(3), &[1, 0, 0, 0]].concat(), &inner()));
    gtp_u_echo = frame().ipv4().protocol(17, &over_udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0], &[14, 0]));
    gtp_u_ethernet = frame().ipv4().protocol(17, &over_udp(2152, &[0x30, 255, 0, 60, 0, 0, 0, 1], &inner_frame()));
    two_tunnels = frame().ipv4().protocol(41, &packet_of(frame().ipv6().protocol(47, &[&[0, 0, 8, 0], &inner()[..]].concat())));
    three_tunnels = frame().ipv4().protocol(4, &packet_of(frame().ipv4().protocol(4, &packet_of(frame().ipv4().protocol(4, &inner())))));
    first_fragment_of_a_tunnel = frame().ipv4_fragment(0, true).protocol(4, &inner());
    later_fragment_of_a_tunnel = frame().ipv4_fragment(10, false).protocol(4, &inner());
    fragment_in_a_tunnel = frame().ipv4().protocol(4, &packet_of(frame().ipv4_fragment(0, true).udp(53).payload(72)));
    // ICMP errors.
    port_unreachable = frame().ipv4().protocol(1, &quoting([3, 3], &inner()[..28]));
    fragmentation_needed = frame().ipv4_options(8).protocol(1, &quoting([3, 4], &inner()));
    time_exceeded_on_the_way = frame().vlan(5).ipv4().protocol(1, &quoting([11, 0], &packet_of(frame().ipv4_options(12).sctp(3868))));
    port_unreachable_v6 = frame().ipv6_with(&[Raw(0, 8)]).protocol(58, &quoting([1, 4], &inner_v6()));
    too_big_v6 = frame().ipv6().protocol(58, &quoting([2, 0], &packet_of(frame().ipv6_with(&[Raw(60, 8), Fragment(0, true)]).tcp(8080, ACK, 0))));
    parameter_problem_v6 = frame().ipv6().protocol(58, &quoting([4, 1], &packet_of(frame().ipv6().icmpv6(128))));
    unreachable_ping = frame().ipv4().protocol(1, &quoting([3, 1], &packet_of(frame().ipv4().icmp(8))));
    unreachable_protocol = frame().ipv4().protocol(1, &quoting([3, 2], &packet_of(frame().ipv4().protocol(50, &[0; 8]))));
    unreachable_tunnel = frame().ipv4().protocol(1, &quoting([3, 1], &packet_of(frame().ipv4().protocol(4, &inner()))));
    error_in_a_tunnel = frame().ipv4().protocol(47, &[&[0, 0, 8, 0], &error()[..]].concat());
    error_in_two_tunnels = frame().ipv4().protocol(4, &packet_of(frame().ipv4().protocol(4, &error())));
    short_quote = frame().ipv4().protocol(1, &quoting([3, 3], &inner()[..27]));
    quote_without_a_header = frame().ipv4().protocol(1, &quoting([3, 3], &inner()[..19]));
    quote_of_a_later_fragment = frame().ipv4().protocol(1, &quoting([11, 1], &packet_of(frame().ipv4_fragment(10, false).protocol(17, &[]).payload(30))));
    quote_of_another_version = frame().ipv4().protocol(1, &quoting([3, 3], &inner_v6()));
    quote_in_a_first_fragment = frame().ipv4_fragment(0, true).protocol(1, &quoting([3, 3], &inner()));
    redirect_with_a_quote = frame().ipv4().protocol(1, &quoting([5, 1], &inner()));
    source_quench_with_a_quote = frame().ipv4().protocol(1, &quoting([4, 0], &inner()));
    authentication_in_ipv4 = frame().ipv4().protocol(51, &[6, 4, 0, 0]).payload(20);
}

/// A packet to port 8080, from the server to the client: what is in the tunnels.
fn inner() -> Vec<u8> {
    packet_of(frame().ipv4().tcp(8080, ACK, 0).payload(7).answer())
}

fn inner_v6() -> Vec<u8> {
    packet_of(frame().ipv6_with(&[Raw(0, 8)]).udp(8080).payload(9))
}

/// A TCP header with options, 24 bytes long.
fn tcp_header() -> Vec<u8> {
    packet_of(frame().ipv4().tcp(443, SYN, 4)).split_off(20)
}

/// A packet in a PPPoE session, under a protocol of PPP.
fn in_pppoe(protocol: u16, packet: &[u8]) -> Vec<u8> {
    let ([high, low], [a, b]) = (
        ((packet.len() + 2) as u16).to_be_bytes(),
        protocol.to_be_bytes(),
    );
    [&[0x11, 0, 0, 7, high, low, a, b], packet].concat()
}

/// A packet behind 802.2 and SNAP.
fn in_snap([a, b, c]: [u8; 3], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let [high, low] = ether_type.to_be_bytes();
    [&[0xaa, 0xaa, 3, a, b, c, high, low], packet].concat()
}

/// A mirrored frame behind GRE with a sequence number and the header of ERSPAN.
fn in_erspan(ether_type: u16, header: &[u8], frame: &[u8]) -> Vec<u8> {
    let [high, low] = ether_type.to_be_bytes();
    [&[0x10, 0, high, low, 0, 0, 0, 1], header, frame].concat()
}

/// An Ethernet frame with a tag, which does not count.
fn inner_frame() -> Vec<u8> {
    frame().vlan(9).ipv4().tcp(8080, SYN, 0).build()
}

/// An ICMP message with its type and code that quotes a packet.
fn quoting([kind, code]: [u8; 2], quote: &[u8]) -> Vec<u8> {
    [&[kind, code, 0, 0, 0, 0, 0, 0], quote].concat()
}

fn error() -> Vec<u8> {
    packet_of(frame().ipv4().protocol(1, &quoting([3, 3], &inner())))
}

/// A frame without its Ethernet header.
fn packet_of(frame: FrameBuilder) -> Vec<u8> {
    frame.build().split_off(14)
}

/// A packet under MPLS labels.
fn labelled(count: u8, packet: &[u8]) -> Vec<u8> {
    let labels = (1..=count).flat_map(|label| [0, 1, label << 4 | u8::from(label == count), 64]);
    labels.chain(packet.iter().copied()).collect()
}

/// A UDP header, the tunnel's own, and what it carries.
fn over_udp(port: u16, header: &[u8], carried: &[u8]) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    let length = (8 + header.len() + carried.len()) as u8;
    [&[0xc0, 0, high, low, 0, length, 0, 0], header, carried].concat()
}
