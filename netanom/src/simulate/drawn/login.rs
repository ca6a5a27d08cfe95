//! Protocols at which people, programs and attackers log in: how each greets, is asked for a password, refuses and lets in.
//!
//! An attack and its benign twin draw from the same functions, so that nothing but what they do tells them apart.

mod messages;

use rand::RngExt;

use self::messages::{desktop, directory, mqtt, mysql, postgres, redis, smb};
use super::super::chance::{self, Rng};
use super::super::conversation::Side;
use super::talk::{Ending, Length, Talk};

/// A service that asks for a password.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) port: u16,
    /// What comes before the first password.
    pub(super) opening: Talk,
    /// One password, refused.
    pub(super) refused: Talk,
    /// The right password.
    pub(super) accepted: Talk,
    /// One thing that is done once logged in; played with lengths that vary.
    pub(super) work: Talk,
    /// What is said before the end.
    pub(super) parting: Talk,
    pub(super) ending: Ending,
    /// Passwords that a server takes on one connection.
    pub(super) tries: usize,
}

type Protocol = fn(&mut Rng) -> Login;

/// With weights: what is attacked most is drawn most.
const PROTOCOLS: [(u32, Protocol); 13] = [
    (8, ssh),
    (6, ftp),
    (4, telnet),
    (3, smtp),
    (2, pop3),
    (2, imap),
    (3, mqtt),
    (2, mysql),
    (2, postgres),
    (2, redis),
    (2, smb),
    (2, desktop),
    (1, directory),
];

/// Any service.
pub(super) fn any(rng: &mut Rng) -> Login {
    let all: u32 = PROTOCOLS.iter().map(|(weight, _)| weight).sum();
    let mut drawn = rng.random_range(0..all);
    for (weight, protocol) in PROTOCOLS {
        if drawn < weight {
            return finished(rng, protocol);
        }
        drawn -= weight;
    }
    finished(rng, ssh)
}

/// A service at which mail is fetched or handed in.
pub(super) fn mail(rng: &mut Rng) -> Login {
    let protocol = *chance::pick(rng, &[pop3 as Protocol, imap, smtp]);
    finished(rng, protocol)
}

pub(super) fn secure_shell(rng: &mut Rng) -> Login {
    finished(rng, ssh)
}

pub(super) fn files(rng: &mut Rng) -> Login {
    finished(rng, ftp)
}

pub(super) fn broker(rng: &mut Rng) -> Login {
    finished(rng, mqtt)
}

/// Some services stand at other ports, and some speak TLS.
fn finished(rng: &mut Rng, protocol: Protocol) -> Login {
    let mut login = protocol(rng);
    if rng.random_bool(0.1) {
        login.port = chance::count(rng, 1024, 9999) as u16;
    }
    if login.port != 22 && rng.random_bool(0.12) {
        let mut hello = Talk::new(rng);
        hello.asks(rng, 190, 700);
        hello.answers(rng, 1200, 5000);
        hello.asks(rng, 74, 300);
        hello.turns.append(&mut login.opening.turns);
        login.opening.turns = hello.turns;
        login.port = match login.port {
            21 => 990,
            25 | 587 => 465,
            110 => 995,
            143 => 993,
            1883 => 8883,
            port => port,
        };
    }
    login
}

fn empty(rng: &mut Rng, port: u16, tries: usize) -> Login {
    let mut talk = || Talk::new(rng);
    let [opening, refused, accepted, work, parting] = std::array::from_fn(|_| talk());
    Login {
        port,
        opening,
        refused,
        accepted,
        work,
        parting,
        ending: Ending::draw(rng),
        tries,
    }
}

/// The time that a server takes to refuse: from a look-up to a delay against just this.
fn refuse(rng: &mut Rng, talk: &mut Talk, low: u32, high: u32) {
    talk.answers(rng, low, high);
    talk.taking(rng, 0.0005, 4.0);
}

/// RFC 4253 and 4252. Who sends its identification first is a matter of the client.
fn ssh(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 6);
    let port = *chance::pick(rng, &[22, 22, 22, 22, 2222]);
    let mut login = empty(rng, port, tries);
    let opening = &mut login.opening;
    let server_first = rng.random();
    let banners = |opening: &mut Talk, rng: &mut Rng, side| {
        let length = Length::alike(rng, 15, 60);
        opening.say(rng, side, length, (0.000_1, 0.05));
        opening.beginning(b"SSH-2.0-");
    };
    if server_first {
        banners(opening, rng, Side::Server);
        banners(opening, rng, Side::Client);
    } else {
        banners(opening, rng, Side::Client);
        banners(opening, rng, Side::Server);
    }
    if rng.random() {
        opening.asks(rng, 400, 2000);
        opening.answers(rng, 600, 1300);
    } else {
        opening.answers(rng, 600, 1300);
        opening.asks(rng, 400, 2000);
    }
    opening.asks(rng, 40, 1300);
    opening.answers(rng, 200, 1600);
    opening.taking(rng, 0.001, 0.3);
    opening.asks(rng, 16, 80);
    opening.asks(rng, 32, 64);
    opening.answers(rng, 32, 64);
    if rng.random() {
        // The method `none`, which tells what there is.
        opening.asks(rng, 48, 100);
        opening.answers(rng, 48, 100);
        opening.taking(rng, 0.001, 0.1);
    }
    login.refused.asks(rng, 64, 160);
    login.refused.varying(*chance::pick(rng, &[0.0, 0.1]));
    refuse(rng, &mut login.refused, 48, 90);
    login.accepted.asks(rng, 64, 700);
    login.accepted.answers(rng, 28, 48);
    login.accepted.taking(rng, 0.002, 0.5);
    login.accepted.asks(rng, 48, 500);
    login.accepted.answers(rng, 100, 700);
    login.work.asks(rng, 36, 400);
    login.work.varying(chance::magnitude(rng, 0.1, 1.5));
    login.work.answers(rng, 36, 4000);
    login.work.varying(chance::magnitude(rng, 0.3, 1.8));
    login.work.taking(rng, 0.001, 5.0);
    if rng.random() {
        login.parting.asks(rng, 36, 100);
    }
    login
}

/// RFC 959.
fn ftp(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 10);
    let mut login = empty(rng, 21, tries);
    login.opening.answers(rng, 20, 600);
    login.opening.beginning(b"220");
    login.opening.taking(rng, 0.000_5, 1.0);
    if rng.random_bool(0.3) {
        login.opening.asks(rng, 6, 10);
        login.opening.answers(rng, 30, 300);
    }
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 8, 20);
        talk.beginning(b"USER ");
        talk.varying(*chance::pick(rng, &[0.0, 0.0, 0.2]));
        talk.answers(rng, 20, 60);
        talk.beginning(b"331 ");
        talk.asks(rng, 8, 24);
        talk.beginning(b"PASS ");
        talk.varying(*chance::pick(rng, &[0.0, 0.2, 0.4]));
    }
    refuse(rng, &mut login.refused, 15, 60);
    login.refused.beginning(b"530 ");
    login.accepted.answers(rng, 20, 300);
    login.accepted.beginning(b"230 ");
    for _ in 0..rng.random_range(0..4) {
        login.accepted.asks(rng, 6, 12);
        login.accepted.answers(rng, 10, 250);
    }
    login.work.asks(rng, 6, 60);
    login.work.varying(0.4);
    login.work.answers(rng, 20, 80);
    login.work.varying(0.3);
    if rng.random_bool(0.6) {
        login.parting.asks(rng, 6, 6);
        login.parting.beginning(b"QUIT\r\n");
        login.parting.answers(rng, 8, 60);
    }
    login
}

/// RFC 854: the options are talked over first.
fn telnet(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 5);
    let port = *chance::pick(rng, &[23, 23, 23, 2323]);
    let mut login = empty(rng, port, tries);
    for _ in 0..rng.random_range(1..=3) {
        login.opening.answers(rng, 3, 30);
        login.opening.asks(rng, 3, 40);
    }
    login.opening.answers(rng, 7, 200);
    for talk in [&mut login.refused, &mut login.accepted] {
        let by_letter = rng.random_bool(0.3);
        for letters in [5, 8] {
            if by_letter {
                // Each key is sent alone, and the name's are echoed.
                for _ in 0..letters {
                    talk.asks(rng, 1, 1);
                    if letters == 5 {
                        talk.answers(rng, 1, 1);
                    }
                }
            } else {
                talk.asks(rng, 6, 16);
                talk.varying(0.2);
            }
            talk.answers(rng, 2, 20);
        }
    }
    refuse(rng, &mut login.refused, 18, 60);
    login.accepted.answers(rng, 50, 1500);
    login.work.asks(rng, 2, 40);
    login.work.varying(0.8);
    login.work.answers(rng, 10, 2000);
    login.work.varying(1.2);
    login.work.taking(rng, 0.001, 3.0);
    login
}

/// RFC 5321 and 4954.
fn smtp(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 20);
    let port = *chance::pick(rng, &[25, 587, 587]);
    let mut login = empty(rng, port, tries);
    login.opening.answers(rng, 20, 150);
    login.opening.beginning(b"220 ");
    login.opening.taking(rng, 0.001, 3.0);
    login.opening.asks(rng, 8, 60);
    login.opening.beginning(b"EHLO ");
    login.opening.answers(rng, 80, 300);
    let steps = rng.random_range(0..=2);
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 10, 60);
        talk.beginning(b"AUTH ");
        for _ in 0..steps {
            talk.answers(rng, 8, 30);
            talk.beginning(b"334 ");
            talk.asks(rng, 10, 50);
            talk.varying(0.2);
        }
    }
    refuse(rng, &mut login.refused, 25, 90);
    login.refused.beginning(b"535 ");
    login.accepted.answers(rng, 20, 60);
    login.accepted.beginning(b"235 ");
    for _ in 0..3 {
        login.work.asks(rng, 8, 60);
        login.work.varying(0.3);
        login.work.answers(rng, 8, 80);
    }
    login.work.asks(rng, 500, 60_000);
    login.work.varying(1.0);
    login.work.answers(rng, 20, 80);
    login.work.taking(rng, 0.005, 2.0);
    login.parting.asks(rng, 6, 6);
    login.parting.answers(rng, 10, 60);
    login
}

/// RFC 1939.
fn pop3(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 5);
    let mut login = empty(rng, 110, tries);
    login.opening.answers(rng, 10, 100);
    login.opening.beginning(b"+OK");
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 8, 40);
        talk.answers(rng, 5, 50);
        talk.asks(rng, 8, 30);
        talk.varying(0.2);
    }
    refuse(rng, &mut login.refused, 20, 80);
    login.accepted.answers(rng, 5, 60);
    login.accepted.asks(rng, 6, 6);
    login.accepted.answers(rng, 8, 20);
    login.work.asks(rng, 6, 10);
    login.work.answers(rng, 20, 20_000);
    login.work.varying(1.3);
    login.parting.asks(rng, 6, 6);
    login.parting.answers(rng, 5, 40);
    login
}

/// RFC 9051.
fn imap(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 10);
    let mut login = empty(rng, 143, tries);
    login.opening.answers(rng, 20, 250);
    login.opening.beginning(b"* OK");
    if rng.random() {
        login.opening.asks(rng, 12, 20);
        login.opening.answers(rng, 60, 400);
    }
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 20, 70);
        talk.varying(*chance::pick(rng, &[0.0, 0.15]));
    }
    refuse(rng, &mut login.refused, 25, 90);
    login.accepted.answers(rng, 30, 400);
    login.accepted.asks(rng, 15, 40);
    login.accepted.answers(rng, 150, 600);
    login.work.asks(rng, 15, 120);
    login.work.varying(0.4);
    login.work.answers(rng, 60, 30_000);
    login.work.varying(1.5);
    login.parting.asks(rng, 10, 14);
    login.parting.answers(rng, 30, 70);
    login
}
