//! A real TCP connection through the sensor's interface: one flow, counted to the byte, with the right initiator.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use netanom::source::kernel::KernelSource;
use netanom::source::{Direction, FlowSource};
use netanom_common::flow::{DirectionCounters, FlowCounters, FlowKey, Side};
use netanom_common::packet::{protocol, tcp};

use crate::namespace::{Namespace, Pair};
use crate::watch::{TICK, watch};

/// Turns of asking and answering. With so little on the way nothing is dropped and sent again, so that bytes are exact;
/// an answer still leaves as one frame of several segments.
const TURNS: usize = 40;
const ASKED: usize = 3000;
const ANSWERED: usize = 14_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// Ethernet, IPv4, TCP with time stamps; a SYN has 8 bytes of options more.
const HEADERS: u64 = 14 + 20 + 20 + 12;
const SYN_OPTIONS: u64 = 8;

#[test]
fn a_connection_from_outside_is_one_flow_that_the_other_end_opened() {
    let test = "a_connection_from_outside_is_one_flow_that_the_other_end_opened";
    let Some(pair) = Pair::with_addresses(test) else {
        return;
    };
    let mut source = watch(&pair.sensor, Direction::Both);
    converse(&pair.sender, &pair.sensor, "10.9.0.1");
    let (key, flow) = only_tcp_flow(&mut source);

    let initiator = flow.initiator(&key);
    assert_eq!(key.address(initiator).to_string(), "10.9.0.2");
    check(&flow, initiator);
    assert_eq!(flow.egress, flow.sent_by(initiator.other()).total);
}

#[test]
fn a_connection_to_outside_is_one_flow_that_this_end_opened() {
    let test = "a_connection_to_outside_is_one_flow_that_this_end_opened";
    let Some(pair) = Pair::with_addresses(test) else {
        return;
    };
    let mut source = watch(&pair.sensor, Direction::Both);
    converse(&pair.sensor, &pair.sender, "10.9.0.2");
    let (key, flow) = only_tcp_flow(&mut source);

    let initiator = flow.initiator(&key);
    assert_eq!(key.address(initiator).to_string(), "10.9.0.1");
    check(&flow, initiator);
    assert_eq!(flow.egress, flow.sent_by(initiator).total);
}

/// The client asks, the server answers, in turns; then both close.
fn converse(client: &Namespace, server: &Namespace, address: &str) {
    let listener = server.inside(|| TcpListener::bind((address, 0)).unwrap());
    let target = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = prepared(listener.accept().unwrap().0);
            for _ in 0..TURNS {
                stream.read_exact(&mut [0; ASKED]).unwrap();
                stream.write_all(&[2; ANSWERED]).unwrap();
            }
        });
        client.inside(|| {
            let mut stream = prepared(TcpStream::connect_timeout(&target, PATIENCE).unwrap());
            for _ in 0..TURNS {
                stream.write_all(&[1; ASKED]).unwrap();
                stream.read_exact(&mut [0; ANSWERED]).unwrap();
            }
        });
    });
}

fn prepared(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What the next windows bring, until the connection is over on both sides.
fn only_tcp_flow(source: &mut KernelSource) -> (FlowKey, FlowCounters) {
    let mut flow: Option<(FlowKey, FlowCounters)> = None;
    for _ in 0..PATIENCE.as_millis() / TICK.as_millis() {
        let window = source.next_window().unwrap().unwrap();
        for (key, counters) in window.flows {
            assert_eq!(key.protocol(), protocol::TCP, "{key:?}");
            let (first, sum) = flow.get_or_insert((key, FlowCounters::default()));
            assert_eq!(key, *first);
            sum.merge(&counters);
        }
        if let Some((key, sum)) = &flow
            && [&sum.low, &sum.high]
                .iter()
                .all(|sent| sent.flag(tcp::FIN) > 0)
        {
            // The last acknowledgment may be in the next window.
            let last = source.next_window().unwrap().unwrap();
            let mut sum = *sum;
            last.flows
                .iter()
                .for_each(|(_, counters)| sum.merge(counters));
            return (*key, sum);
        }
    }
    panic!("the connection did not end: {flow:?}");
}

fn check(flow: &FlowCounters, initiator: Side) {
    let (asked, answered) = (flow.sent_by(initiator), flow.sent_by(initiator.other()));
    for (sent, payload) in [(asked, ASKED), (answered, ANSWERED)] {
        assert_eq!(sent.payload_bytes, (TURNS * payload) as u64, "{sent:?}");
        assert_eq!(
            (
                sent.flag(tcp::SYN),
                sent.flag(tcp::FIN),
                sent.flag(tcp::RST)
            ),
            (1, 1, 0)
        );
        assert_eq!(sent.total.bytes, bytes_of(sent), "{sent:?}");
    }
    // Only the opening SYN acknowledges nothing.
    assert_eq!(u64::from(asked.flag(tcp::ACK)), asked.total.packets - 1);
}

/// All that TCP sends beside its payload is headers of known lengths, also when one frame becomes several packets.
fn bytes_of(sent: &DirectionCounters) -> u64 {
    sent.payload_bytes + sent.total.packets * HEADERS + SYN_OPTIONS
}
