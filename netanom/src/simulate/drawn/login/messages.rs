//! Protocols of messages in place of lines: brokers, databases, caches, shares, desktops, directories.

use rand::RngExt;

use super::super::super::chance::{self, Rng};
use super::super::talk::Talk;
use super::{Login, empty, refuse};

/// MQTT 3.1.1: CONNECT and CONNACK.
pub(super) fn mqtt(rng: &mut Rng) -> Login {
    let mut login = empty(rng, 1883, 1);
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 20, 150);
        talk.beginning(&[0x10]);
        talk.varying(*chance::pick(rng, &[0.0, 0.1, 0.3]));
    }
    refuse(rng, &mut login.refused, 4, 4);
    login.refused.beginning(&[0x20, 2, 0, 5]);
    login.accepted.answers(rng, 4, 11);
    if rng.random() {
        login.accepted.asks(rng, 10, 80);
        login.accepted.answers(rng, 5, 8);
    }
    login.work.asks(rng, 20, 900);
    login.work.varying(chance::magnitude(rng, 0.05, 0.8));
    if rng.random() {
        login.work.answers(rng, 4, 4);
    }
    if rng.random() {
        login.parting.asks(rng, 2, 2);
    }
    login
}

/// The MySQL protocol: the server greets, the client answers with a hash.
pub(super) fn mysql(rng: &mut Rng) -> Login {
    let mut login = empty(rng, 3306, 1);
    login.opening.answers(rng, 70, 120);
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 80, 300);
        if rng.random_bool(0.3) {
            // Another method of authentication is asked for.
            talk.answers(rng, 25, 60);
            talk.asks(rng, 24, 40);
        }
    }
    refuse(rng, &mut login.refused, 60, 100);
    login.accepted.answers(rng, 11, 30);
    rows(rng, &mut login.work);
    login.parting.asks(rng, 5, 5);
    login
}

/// The PostgreSQL protocol, perhaps with SCRAM.
pub(super) fn postgres(rng: &mut Rng) -> Login {
    let mut login = empty(rng, 5432, 1);
    if rng.random() {
        login.opening.asks(rng, 8, 8);
        login.opening.answers(rng, 1, 1);
    }
    login.opening.asks(rng, 35, 120);
    let steps = rng.random_range(1..=2);
    for talk in [&mut login.refused, &mut login.accepted] {
        for _ in 0..steps {
            talk.answers(rng, 9, 100);
            talk.asks(rng, 20, 120);
        }
    }
    refuse(rng, &mut login.refused, 80, 150);
    login.accepted.answers(rng, 250, 450);
    rows(rng, &mut login.work);
    login.parting.asks(rng, 5, 5);
    login
}

/// A query and its rows.
fn rows(rng: &mut Rng, work: &mut Talk) {
    work.asks(rng, 20, 600);
    work.varying(chance::magnitude(rng, 0.1, 1.0));
    work.answers(rng, 20, 20_000);
    work.varying(chance::magnitude(rng, 0.2, 1.8));
    work.taking(rng, 0.000_1, 0.5);
}

/// RESP: any number of tries on a connection.
pub(super) fn redis(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 500);
    let mut login = empty(rng, 6379, tries);
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 20, 60);
        talk.varying(0.15);
    }
    refuse(rng, &mut login.refused, 30, 90);
    login.refused.taking(rng, 0.000_03, 0.01);
    login.accepted.answers(rng, 5, 5);
    login.work.asks(rng, 20, 300);
    login.work.varying(0.5);
    login.work.answers(rng, 4, 3000);
    login.work.varying(1.2);
    login.work.taking(rng, 0.000_03, 0.01);
    login
}

/// SMB 2 and 3: negotiation, then NTLM in two steps.
pub(super) fn smb(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 3);
    let mut login = empty(rng, 445, tries);
    login.opening.asks(rng, 70, 250);
    login.opening.answers(rng, 200, 500);
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 130, 240);
        talk.answers(rng, 250, 400);
        talk.asks(rng, 350, 700);
    }
    refuse(rng, &mut login.refused, 73, 80);
    login.accepted.answers(rng, 73, 300);
    login.accepted.asks(rng, 100, 200);
    login.accepted.answers(rng, 80, 90);
    login.work.asks(rng, 100, 500);
    login.work.varying(0.4);
    login.work.answers(rng, 80, 60_000);
    login.work.varying(1.5);
    login
}

/// Remote desktops: RDP with network authentication, or VNC.
pub(super) fn desktop(rng: &mut Rng) -> Login {
    let port = *chance::pick(rng, &[3389, 5900]);
    let mut login = empty(rng, port, 1);
    if login.port == 5900 {
        login.opening.answers(rng, 12, 12);
        login.opening.asks(rng, 12, 12);
        login.opening.answers(rng, 2, 6);
        login.opening.asks(rng, 1, 1);
    } else {
        login.opening.asks(rng, 19, 50);
        login.opening.answers(rng, 19, 19);
        login.opening.asks(rng, 180, 520);
        login.opening.answers(rng, 700, 2000);
        login.opening.asks(rng, 80, 350);
        login.opening.answers(rng, 51, 280);
    }
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 80, 200);
        talk.answers(rng, 16, 400);
        talk.asks(rng, 16, 700);
    }
    refuse(rng, &mut login.refused, 4, 100);
    login.accepted.answers(rng, 24, 500);
    login.work.asks(rng, 6, 60);
    login.work.varying(0.3);
    login.work.answers(rng, 100, 60_000);
    login.work.varying(1.8);
    login
}

/// LDAP: a bind with a password.
pub(super) fn directory(rng: &mut Rng) -> Login {
    let tries = chance::count(rng, 1, 50);
    let mut login = empty(rng, 389, tries);
    for talk in [&mut login.refused, &mut login.accepted] {
        talk.asks(rng, 40, 110);
        talk.varying(0.1);
    }
    refuse(rng, &mut login.refused, 14, 110);
    login.accepted.answers(rng, 14, 14);
    login.work.asks(rng, 60, 300);
    login.work.varying(0.4);
    login.work.answers(rng, 14, 6000);
    login.work.varying(1.2);
    login.parting.asks(rng, 7, 7);
    login
}
