//! What people do: pages, names, files, a terminal, the printer.

use std::time::Duration;

use rand::RngExt;

use super::office::Office;
use crate::flow::Timestamp;
use crate::simulate::brute_force::greet;
use crate::simulate::chance;
use crate::simulate::conversation::{Conversation, Path, Side};
use crate::simulate::host::Host;
use crate::simulate::packet::{Payload, Planned};
use crate::simulate::speech;

const NAMES: [&str; 8] = [
    "www.example.com",
    "mail.example.com",
    "cdn.static.example.net",
    "api.example.org",
    "update.packages.example",
    "login.office.example",
    "maps.example.net",
    "a1.metrics.example",
];

/// A page over TLS: its name, one to three connections at once, several requests on each.
pub(super) fn secure_page(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.any_far_host());
    let (mut packets, known) = resolve(office, client, server, at);
    let path = Path::internet(&mut office.rng);
    for _ in 0..office.rng.random_range(1..=3) {
        let start = office.later(known, Duration::from_millis(15));
        let mut tls = Conversation::open(&mut office.rng, client, (server, 443), path, start);
        shake_hands(&mut tls);
        for _ in 0..tls.rng().random_range(1..=4) {
            let (asked, answered) = (
                chance::size(tls.rng(), 450, 0.6, 4000),
                chance::size(tls.rng(), 4000, 1.4, 500_000),
            );
            tls.say(Side::Client, speech::tls_data(asked));
            tls.think(Duration::from_millis(30));
            tls.say(Side::Server, speech::tls_data(answered));
            tls.think(Duration::from_millis(900));
        }
        end(&mut tls);
        packets.extend(tls.into_packets());
    }
    packets
}

/// A page over plain HTTP, from the Internet or from the office's server.
pub(super) fn plain_page(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let client = office.any_client();
    let own = office.rng.random_bool(0.5);
    let server = if own {
        office.server
    } else {
        office.any_far_host()
    };
    let path = if own {
        Path::local(&mut office.rng)
    } else {
        Path::internet(&mut office.rng)
    };
    let (mut packets, known) = resolve(office, client, server, at);
    let mut http = Conversation::open(&mut office.rng, client, (server, 80), path, known);
    for page in 0..http.rng().random_range(1..=8) {
        let (asked, answered) = (
            chance::size(http.rng(), 420, 0.4, 1400),
            chance::size(http.rng(), 5000, 1.2, 300_000),
        );
        http.say(
            Side::Client,
            speech::http_request(&format!("/page/{page}"), asked),
        );
        http.think(Duration::from_millis(12));
        http.say(Side::Server, speech::http_response("200 OK", answered));
        http.think(Duration::from_millis(1500));
    }
    end(&mut http);
    packets.extend(http.into_packets());
    packets
}

/// A name that is asked for and not used: prefetching, mail, trackers that are blocked.
pub(super) fn name_lookup(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.any_far_host());
    resolve(office, client, server, at).0
}

/// A short call to the office's server over TLS.
pub(super) fn server_call(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.server);
    let path = Path::local(&mut office.rng);
    let mut tls = Conversation::open(&mut office.rng, client, (server, 443), path, at);
    shake_hands(&mut tls);
    for _ in 0..tls.rng().random_range(1..=10) {
        let (asked, answered) = (
            chance::size(tls.rng(), 300, 0.5, 3000),
            chance::size(tls.rng(), 1500, 1.2, 200_000),
        );
        tls.say(Side::Client, speech::tls_data(asked));
        tls.think(Duration::from_millis(8));
        tls.say(Side::Server, speech::tls_data(answered));
        tls.think(Duration::from_millis(400));
    }
    end(&mut tls);
    tls.into_packets()
}

/// Somebody types on the office's server over SSH: each key is echoed, some lines give output.
pub(super) fn terminal(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.server);
    let path = Path::local(&mut office.rng);
    let mut ssh = Conversation::open(&mut office.rng, client, (server, 22), path, at);
    greet(&mut ssh, "OpenSSH_9.6");
    ssh.say(Side::Client, speech::ssh_packet(372));
    ssh.think(Duration::from_millis(15));
    ssh.say(Side::Server, speech::ssh_packet(28));
    let keys = chance::size(ssh.rng(), 30, 0.8, 300);
    for key in 0..keys {
        ssh.think(Duration::from_millis(160));
        ssh.say(Side::Client, speech::ssh_packet(36));
        ssh.say(Side::Server, speech::ssh_packet(36));
        if key % 14 == 13 {
            let output = chance::size(ssh.rng(), 600, 1.2, 20_000);
            ssh.think(Duration::from_millis(20));
            ssh.say(Side::Server, speech::ssh_packet(output));
            ssh.think(Duration::from_secs(2));
        }
    }
    ssh.close(Side::Client);
    ssh.into_packets()
}

/// A large file from the Internet.
pub(super) fn download(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.any_far_host());
    let path = Path::internet(&mut office.rng);
    let (mut packets, known) = resolve(office, client, server, at);
    let mut tls = Conversation::open(&mut office.rng, client, (server, 443), path, known);
    shake_hands(&mut tls);
    let length = chance::size(tls.rng(), 700_000, 0.9, 6_000_000);
    tls.say(Side::Client, speech::tls_data(500));
    tls.think(Duration::from_millis(40));
    tls.say(Side::Server, speech::tls_data(length));
    end(&mut tls);
    packets.extend(tls.into_packets());
    packets
}

/// A backup to the office's server.
pub(super) fn upload(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.server);
    let path = Path::local(&mut office.rng);
    let mut ssh = Conversation::open(&mut office.rng, client, (server, 22), path, at);
    greet(&mut ssh, "OpenSSH_9.6");
    for _ in 0..ssh.rng().random_range(1..=5) {
        let length = chance::size(ssh.rng(), 200_000, 0.8, 2_000_000);
        ssh.say(Side::Client, speech::ssh_packet(length));
        ssh.think(Duration::from_millis(50));
        ssh.say(Side::Server, speech::ssh_packet(52));
        ssh.think(Duration::from_millis(300));
    }
    ssh.close(Side::Client);
    ssh.into_packets()
}

/// A document to the printer, in its raw language on port 9100.
pub(super) fn printing(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, printer) = (office.any_client(), office.printer);
    let path = Path::local(&mut office.rng);
    let mut job = Conversation::open(&mut office.rng, client, (printer, 9100), path, at);
    let length = chance::size(job.rng(), 80_000, 1.0, 1_000_000);
    job.say(
        Side::Client,
        Payload::headed(*b"\x1b%-12345X@PJL JOB\r\n", length),
    );
    job.think(Duration::from_secs(2));
    job.say(
        Side::Server,
        Payload::bytes(*b"@PJL USTATUS JOB\r\nEND\r\n"),
    );
    job.close(Side::Client);
    job.into_packets()
}

/// Question and answer, sometimes the question twice; and when the client knows the address.
fn resolve(
    office: &mut Office,
    client: Host,
    server: Host,
    at: Timestamp,
) -> (Vec<Planned>, Timestamp) {
    let name = *chance::pick(&mut office.rng, &NAMES);
    let (id, port) = (office.rng.random(), chance::client_port(&mut office.rng));
    let question = speech::dns_question(id, name, server.ip);
    let (asker, resolver) = ((client, port), (office.resolver, 53));
    let mut asked = at;
    let mut packets = vec![office.datagram(asked, asker, resolver, question.clone())];
    if office.rng.random_bool(0.01) {
        // Resolvers in C libraries ask again after five seconds.
        asked = asked.plus(Duration::from_secs(5));
        packets.push(office.datagram(asked, asker, resolver, question));
    }
    let cached = office.rng.random_bool(0.6);
    let answered = office.later(
        asked,
        if cached {
            Duration::from_micros(400)
        } else {
            Duration::from_millis(30)
        },
    );
    let records = office.rng.random_range(1..=4);
    packets.push(office.datagram(
        answered,
        resolver,
        asker,
        speech::dns_answer(id, name, server.ip, records),
    ));
    (packets, office.later(answered, Duration::from_micros(300)))
}

/// TLS 1.3: hello, hello with certificates, finished.
fn shake_hands(tls: &mut Conversation<'_>) {
    let (hello, certificates) = (
        tls.rng().random_range(517..=700),
        chance::size(tls.rng(), 3500, 0.3, 6000),
    );
    tls.say(Side::Client, speech::tls_handshake(1, hello));
    tls.think(Duration::from_millis(3));
    tls.say(Side::Server, speech::tls_handshake(2, certificates));
    tls.think(Duration::from_millis(2));
    tls.say(Side::Client, speech::tls_data(74));
}

/// Most connections are closed by one side; browsers break some off.
fn end(conversation: &mut Conversation<'_>) {
    match conversation.rng().random_range(0..10) {
        0 => conversation.reset(Side::Client),
        1..=3 => {
            conversation.think(Duration::from_secs(4));
            conversation.close(Side::Server);
        }
        _ => conversation.close(Side::Client),
    }
}
