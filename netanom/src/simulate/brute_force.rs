//! Password guessing over SSH: connections of the same short shape, one login after the other refused.

use std::time::Duration;

use rand::RngExt;

use super::chance::Rng;
use super::conversation::{Conversation, Path, Side};
use super::pace::Pace;
use super::scenario::Scenario;
use super::speech;
use super::timeline::{Exchange, Exchanges};

const PORT: u16 = 22;

pub(super) fn exchanges(scenario: &Scenario) -> Exchanges {
    let mut rng = scenario.rng();
    let path = Path {
        loss: 0.0,
        ..Path::internet(&mut rng)
    };
    let guessing = Guessing {
        pace: Pace::of(scenario),
        guesses: rng.random_range(1..=6),
        path,
        typical: 30,
        rng,
        scenario: scenario.clone(),
    };
    Box::new(guessing)
}

struct Guessing {
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    path: Path,
    /// Passwords that are tried on one connection; OpenSSH allows six.
    guesses: usize,
    /// Packets that the connection before took of the attacker; the pace makes room for as many.
    typical: usize,
}

impl Iterator for Guessing {
    type Item = Exchange;

    fn next(&mut self) -> Option<Exchange> {
        let at = self.pace.next_of(self.typical, &mut self.rng);
        let (source, target) = (
            self.scenario.any_source(&mut self.rng),
            self.scenario.target(),
        );
        let mut ssh = Conversation::open(&mut self.rng, source, (target, PORT), self.path, at);
        greet(&mut ssh, "libssh2_1.11.0");
        for _ in 0..self.guesses {
            ssh.think(Duration::from_millis(4));
            let length = 100 + 8 * ssh.rng().random_range(0..4);
            ssh.say(Side::Client, speech::ssh_packet(length));
            // A server takes its time to refuse: hashing, and the delay of PAM.
            ssh.think(Duration::from_millis(700));
            ssh.say(Side::Server, speech::ssh_packet(84));
        }
        ssh.close(if self.guesses > 3 {
            Side::Server
        } else {
            Side::Client
        });
        self.typical = ssh.packets_of_client();
        Some(ssh.finish())
    }
}

/// Identification, key exchange and the request for the user authentication service, as OpenSSH does them.
pub(super) fn greet(ssh: &mut Conversation<'_>, software: &str) {
    ssh.say(Side::Client, speech::ssh_banner(software));
    ssh.think(Duration::from_millis(8));
    ssh.say(Side::Server, speech::ssh_banner("OpenSSH_9.6"));
    let (asked, offered) = (
        1200 + 8 * ssh.rng().random_range(0..45),
        1080 + 8 * ssh.rng().random_range(0..10),
    );
    ssh.say(Side::Client, speech::ssh_packet(asked));
    ssh.say(Side::Server, speech::ssh_packet(offered));
    ssh.say(Side::Client, speech::ssh_packet(48));
    ssh.think(Duration::from_millis(5));
    ssh.say(Side::Server, speech::ssh_packet(508));
    ssh.say(Side::Client, speech::ssh_packet(16));
    ssh.say(Side::Client, speech::ssh_packet(44));
    ssh.say(Side::Server, speech::ssh_packet(44));
}
