//! Mail: mailboxes that are looked into, and letters that the office's server hands over, some days many at once.

use std::time::Duration;

use rand::RngExt;

use super::office::Office;
use crate::flow::Timestamp;
use crate::simulate::chance;
use crate::simulate::conversation::{Conversation, Path, Side};
use crate::simulate::packet::{Payload, Planned};
use crate::simulate::speech;

/// A mailbox that somebody's program looks into by POP3 (RFC 1939), most times for nothing.
pub(super) fn fetched(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (client, server) = (office.any_client(), office.server);
    let path = Path::local(&mut office.rng);
    let mut pop = Conversation::open(&mut office.rng, client, (server, 110), path, at);
    answer(
        &mut pop,
        "+OK POP3 server ready <1896.697170952@mail.example.com>",
    );
    for (asked, answered) in [
        ("USER someone", "+OK"),
        (
            "PASS secret of twenty five",
            "+OK maildrop locked and ready",
        ),
        ("STAT", "+OK 2 320"),
    ] {
        pop.say(Side::Client, speech::line(asked));
        answer(&mut pop, answered);
    }
    for letter in 0..pop.rng().random_range(0..3_u8) {
        pop.say(Side::Client, speech::line(&format!("RETR {letter}")));
        let length = chance::size(pop.rng(), 8000, 1.3, 3_000_000);
        pop.think(Duration::from_millis(4));
        pop.say(
            Side::Server,
            Payload::headed(*b"+OK message follows\r\n", length),
        );
    }
    pop.say(Side::Client, speech::line("QUIT"));
    answer(&mut pop, "+OK bye");
    pop.close(Side::Server);
    pop.into_packets()
}

/// Letters of the server to one relay by SMTP (RFC 5321), a connection each: one, or what a list has to send.
pub(super) fn sent(office: &mut Office, at: Timestamp) -> Vec<Planned> {
    let (server, relay) = (office.server, office.any_far_host());
    let path = Path::internet(&mut office.rng);
    let letters = chance::size(&mut office.rng, 3, 1.2, 60);
    let pause = chance::time(&mut office.rng, Duration::from_millis(150), 1.2);
    let (mut packets, mut start) = (Vec::new(), at);
    for _ in 0..letters {
        packets.extend(letter(Conversation::open(
            &mut office.rng,
            server,
            (relay, 25),
            path,
            start,
        )));
        start = office.later(start, pause);
    }
    packets
}

fn letter(mut smtp: Conversation<'_>) -> Vec<Planned> {
    answer(&mut smtp, "220 relay.example.net ESMTP");
    for (asked, answered) in [
        (
            "EHLO mail.example.com",
            "250-relay.example.net\r\n250-PIPELINING\r\n250-SIZE 35882577\r\n250 8BITMIME",
        ),
        ("MAIL FROM:<someone@example.com>", "250 2.1.0 Ok"),
        ("RCPT TO:<somebody@example.net>", "250 2.1.5 Ok"),
        ("DATA", "354 End data with <CR><LF>.<CR><LF>"),
    ] {
        smtp.say(Side::Client, speech::line(asked));
        answer(&mut smtp, answered);
    }
    let length = chance::size(smtp.rng(), 6000, 1.3, 3_000_000);
    smtp.say(Side::Client, Payload::headed(*b"From: ", length));
    smtp.think(Duration::from_millis(60));
    smtp.say(Side::Server, speech::line("250 2.0.0 Ok: queued"));
    smtp.say(Side::Client, speech::line("QUIT"));
    answer(&mut smtp, "221 2.0.0 Bye");
    smtp.close(Side::Server);
    smtp.into_packets()
}

/// A line of the server, after the little time that it takes.
fn answer(conversation: &mut Conversation<'_>, text: &str) {
    conversation.think(Duration::from_millis(3));
    conversation.say(Side::Server, speech::line(text));
}
