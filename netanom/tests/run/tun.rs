//! Interfaces without an Ethernet header, live on a tun device: packets are read from the network header on.

use std::io::{Read, Write};
use std::net::UdpSocket;

use crate::driver::tun;
use crate::frames::frame;
use crate::namespace::Namespace;
use crate::sensor::{Sensor, command, wait_until};

const SYN: u8 = 0x02;

#[test]
fn a_scan_over_a_tun_device_is_counted_in_flows() {
    let test = "a_scan_over_a_tun_device_is_counted_in_flows";
    let Some(namespace) = Namespace::new(test) else {
        return;
    };
    let Some(mut device) = namespace.inside(|| tun("t0")) else {
        return crate::common::skip(test, "needs /dev/net/tun");
    };
    for command in ["ip address add 10.9.0.1/24 dev t0", "ip link set t0 up"] {
        namespace.run(&command.split(' ').collect::<Vec<_>>());
    }
    let sensor = Sensor::start(&namespace, &["-i", "t0"]);
    let log = sensor.log();
    assert!(log.contains("`t0` has no Ethernet header"), "{log}");
    assert!(
        log.contains("watching `t0`: TCX on ingress, TCX on egress"),
        "{log}"
    );

    // To a host that is not there: nothing answers.
    for port in 1..=100 {
        let packet = frame().ipv4().tcp(port, SYN, 0).build().split_off(14);
        device.write_all(&packet).unwrap();
    }
    let ipv6 = frame().ipv6().udp(53).payload(20).build().split_off(14);
    device.write_all(&ipv6).unwrap();
    namespace.inside(|| {
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.send_to(b"question", "10.9.0.2:53").unwrap();
    });
    let mut left = [0; 2048];
    let length = device.read(&mut left).unwrap();
    assert_eq!(length, 20 + 8 + 8);

    let sample = |direction: &str, of: &str| {
        format!("netanom_{of}_total{{direction=\"{direction}\",interface=\"t0\"}}")
    };
    wait_until("all packets are counted", || {
        sensor.metrics()[&sample("ingress", "packets")] >= 101.0
            && sensor.metrics()[&sample("egress", "packets")] >= 1.0
    });
    let metrics = sensor.metrics();
    assert_eq!(metrics[&sample("ingress", "packets")], 101.0);
    assert_eq!(metrics[&sample("ingress", "bytes")], 100.0 * 40.0 + 68.0);
    assert_eq!(metrics[&sample("egress", "bytes")], 36.0);
    assert_eq!(
        metrics["netanom_packets_ignored_total{reason=\"not_ip\"}"],
        0.0
    );
    assert_eq!(
        metrics["netanom_xdp_attached{interface=\"t0\",mode=\"tcx\"}"],
        1.0
    );
}

#[test]
fn a_tun_device_that_comes_later_is_watched_and_one_that_goes_is_let_go() {
    let test = "a_tun_device_that_comes_later_is_watched_and_one_that_goes_is_let_go";
    let Some(namespace) = Namespace::new(test) else {
        return;
    };
    let sensor = Sensor::spawn(&namespace, command(&namespace), &["-i", "t*"]);
    for _ in 0..2 {
        let Some(mut device) = namespace.inside(|| tun("t7")) else {
            return crate::common::skip(test, "needs /dev/net/tun");
        };
        namespace.run(&["ip", "link", "set", "t7", "up"]);
        let attached = "netanom_xdp_attached{interface=\"t7\",mode=\"tcx\"}";
        wait_until("it is watched", || {
            sensor.metrics().get(attached) == Some(&1.0)
        });
        let packet = frame().ipv4().tcp(443, SYN, 0).build().split_off(14);
        let before = sensor.packets();
        device.write_all(&packet).unwrap();
        wait_until("its packet is counted", || sensor.packets() == before + 1);
        drop(device);
        wait_until("it is let go", || {
            sensor.metrics().get(attached) != Some(&1.0)
        });
    }
}
