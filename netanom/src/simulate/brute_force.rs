//! Password guessing: connections of the same short shape, one login after the other refused.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};
use super::conversation::{Conversation, Path, Side};
use super::pace::Pace;
use super::scenario::Scenario;
use super::speech;
use super::timeline::{Exchange, Exchanges};

/// Whose passwords are guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Ssh,
    /// Lines in clear text, each answered by a line, as mail servers speak, too.
    Ftp,
}

pub(super) fn exchanges(scenario: &Scenario, service: Service) -> Exchanges {
    let mut rng = scenario.rng();
    let path = Path {
        loss: 0.0,
        ..Path::internet(&mut rng)
    };
    let guessing = Guessing {
        service,
        pace: Pace::of(scenario),
        // What OpenSSH allows at most, and about what FTP servers do.
        guesses: rng.random_range(1..=6),
        refusal: Duration::from_millis(match service {
            Service::Ssh => 700,
            // From those that answer at once to those that wait against just this.
            Service::Ftp => *chance::pick(&mut rng, &[1, 20, 200, 1000, 3000]),
        }),
        greeting: rng.random_range(10..=250),
        path,
        typical: 30,
        rng,
        scenario: scenario.clone(),
    };
    Box::new(guessing)
}

struct Guessing {
    service: Service,
    scenario: Scenario,
    rng: Rng,
    pace: Pace,
    path: Path,
    /// Passwords that are tried on one connection.
    guesses: usize,
    /// Time that the server takes to refuse: hashing, and the delay of PAM.
    refusal: Duration,
    /// Bytes that an FTP server says of itself.
    greeting: usize,
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
        let port = match self.service {
            Service::Ssh => 22,
            Service::Ftp => 21,
        };
        let mut guess = Conversation::open(&mut self.rng, source, (target, port), self.path, at);
        match self.service {
            Service::Ssh => ssh(&mut guess, self.guesses, self.refusal),
            Service::Ftp => ftp(&mut guess, self.guesses, self.refusal, self.greeting),
        }
        self.typical = guess.packets_of_client();
        Some(guess.finish())
    }
}

fn ssh(ssh: &mut Conversation<'_>, guesses: usize, refusal: Duration) {
    greet(ssh, "libssh2_1.11.0");
    for _ in 0..guesses {
        ssh.think(Duration::from_millis(4));
        let length = 100 + 8 * ssh.rng().random_range(0..4);
        ssh.say(Side::Client, speech::ssh_packet(length));
        ssh.think(refusal);
        ssh.say(Side::Server, speech::ssh_packet(84));
    }
    ssh.close(if guesses > 3 {
        Side::Server
    } else {
        Side::Client
    });
}

/// RFC 959 4.1.1 and 4.2.
fn ftp(ftp: &mut Conversation<'_>, guesses: usize, refusal: Duration, greeting: usize) {
    ftp.think(Duration::from_millis(3));
    ftp.say(
        Side::Server,
        speech::line(&format!("220 {:->greeting$}", " FTP server ready")),
    );
    for _ in 0..guesses {
        ftp.think(Duration::from_millis(1));
        ftp.say(Side::Client, speech::line("USER admin"));
        ftp.think(Duration::from_millis(1));
        ftp.say(
            Side::Server,
            speech::line("331 Please specify the password."),
        );
        let letters = ftp.rng().random_range(4..=14);
        ftp.think(Duration::from_millis(1));
        ftp.say(
            Side::Client,
            speech::line(&format!("PASS {}", "x".repeat(letters))),
        );
        ftp.think(refusal);
        ftp.say(Side::Server, speech::line("530 Login incorrect."));
    }
    match ftp.rng().random_range(0..3) {
        0 => {
            ftp.say(Side::Client, speech::line("QUIT"));
            ftp.say(Side::Server, speech::line("221 Goodbye."));
            ftp.close(Side::Server);
        }
        1 => ftp.reset(Side::Client),
        _ => ftp.close(Side::Client),
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
