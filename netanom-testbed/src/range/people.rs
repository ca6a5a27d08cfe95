//! What people and their devices do: each habit is a shell script of real clients, with pauses drawn from the seed.

use std::fmt::Write;
use std::path::Path;

use super::network::Addresses;
use super::servers::{APPS, DEVICES, FILES, PROXY, WEB};
use crate::random::Random;

/// One person's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Browse,
    Crawl,
    Download,
    /// Films: a segment every few seconds.
    Film,
    /// A page whose server thinks before it answers.
    Apps,
    /// An API that is asked again and again.
    Poll,
    /// A load balancer's question whether a server is up: a connection each, at times without a request.
    Health,
    Proxy,
    /// As much as a team's test puts on a server: several connections, and all requests answered.
    Load,
    Type,
    Copy,
    Backup,
    Ftp,
    /// A person who mistypes a password or two.
    Mistype,
    Names,
    Messages,
    Bulk,
    Ping,
    /// A part of `people.py`.
    Program(&'static str),
}

/// Who does it, where, for how long.
pub(super) struct Person<'a> {
    pub(super) addresses: &'a Addresses,
    /// Its address.
    pub(super) own: &'a str,
    pub(super) seconds: f64,
    pub(super) folder: &'a Path,
}

impl Habit {
    /// The script for a shell in the users' namespace.
    pub(super) fn script(self, person: &Person<'_>, random: &mut Random) -> String {
        let &Person {
            addresses,
            own,
            seconds,
            folder,
        } = person;
        let at = folder.display();
        let server = |host| addresses.server(host);
        let (web, apps, files, devices) =
            (server(WEB), server(APPS), server(FILES), server(DEVICES));
        let curl = format!("curl -s -m 30 -o /dev/null --interface {own}");
        let ssh = format!(
            "ssh -q -b {own} -i {at}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
             -o IdentitiesOnly=yes root@{}",
            random.pick(&[&web, &files])
        );
        let host = random.pick(&[&web, &web, &apps]).to_string();
        let think = |random: &mut Random| random.magnitude(0.3, 6.0);
        match self {
            Self::Browse => steps(seconds, random, think, |random| {
                let things = random.between(1, 12);
                let mut page = format!("{curl} http://{host}/page{};", random.between(0, 59));
                let _ = write!(
                    page,
                    " curl -s -m 30 --interface {own} --parallel --parallel-max {}",
                    random.between(1, 6)
                );
                for _ in 0..things {
                    let _ = write!(
                        page,
                        " -o /dev/null http://{host}/thing{}",
                        random.between(0, 59)
                    );
                }
                page
            }),
            Self::Crawl => {
                let pause = random.magnitude(0.02, 0.8);
                steps(
                    seconds,
                    random,
                    |random| random.real(0.5, 1.5) * pause,
                    |random| {
                        let pages = random.between(1, 15);
                        let urls: Vec<String> = (0..pages)
                            .map(|_| {
                                format!("-o /dev/null http://{host}/page{}", random.between(0, 70))
                            })
                            .collect();
                        format!("{curl} {}", urls.join(" "))
                    },
                )
            }
            Self::Download => steps(seconds, random, think, |random| {
                let rate = random.between(100, 4000);
                format!("{curl} --limit-rate {rate}k http://{web}/download")
            }),
            Self::Film => {
                let every = random.real(1.0, 4.0);
                steps(
                    seconds,
                    random,
                    |_| every,
                    |random| format!("{curl} http://{web}/segment{}", random.between(0, 7)),
                )
            }
            Self::Apps => steps(seconds, random, think, |random| {
                let form = random.pick(&["", "-d name=value -d other=thing"]);
                format!("{curl} {form} http://{apps}/run/think")
            }),
            Self::Poll => {
                let every = random.magnitude(0.1, 3.0);
                steps(
                    seconds,
                    random,
                    |random| random.real(0.9, 1.1) * every,
                    |_| format!("{curl} http://{web}/api"),
                )
            }
            Self::Health => {
                let every = random.magnitude(0.3, 4.0);
                let port = *random.pick(&[80, 80, 22]);
                let connect = format!(
                    "python3 -c \"import socket; socket.create_connection(('{web}', {port}), 2, ('{own}', 0)).close()\""
                );
                let ask = format!("{curl} -I http://{web}/");
                let which = random.pick(&[connect, ask.clone(), ask]).clone();
                steps(seconds, random, |_| every, |_| which.clone())
            }
            Self::Proxy => {
                let proxy = server(PROXY);
                steps(
                    seconds,
                    random,
                    |random| random.magnitude(0.05, 1.5),
                    |random| {
                        format!(
                            "{curl} -x http://{proxy}:8888 http://{web}/thing{}",
                            random.between(0, 59)
                        )
                    },
                )
            }
            Self::Load => steps(seconds, random, think, |random| {
                let (connections, requests) = (random.between(1, 6), random.between(20, 200));
                let keep = random.pick(&["-k", ""]);
                format!(
                    "ab -q -r -B {own} {keep} -c {connections} -n {requests} http://{web}/page{} > /dev/null",
                    random.between(0, 30)
                )
            }),
            Self::Type => {
                let typed = steps(
                    seconds,
                    random,
                    |random| random.magnitude(0.05, 0.6),
                    |random| {
                        (*random.pick(&["printf l", "printf s", "printf ' '", "echo", "printf x"]))
                            .to_owned()
                    },
                );
                format!("( {typed} ) | {ssh} -tt sh > /dev/null")
            }
            Self::Copy => steps(seconds, random, think, |random| {
                let size = random.between(1, 3000);
                let out = format!("head -c {size}k /dev/zero | {ssh} 'cat > /dev/null'");
                let back = format!("{ssh} 'head -c {size}k /dev/zero' > /dev/null");
                random
                    .pick(&[out, back, format!("{ssh} uptime > /dev/null")])
                    .clone()
            }),
            Self::Backup => steps(seconds, random, think, |random| {
                let name = random.between(0, 1_000_000);
                format!("rsync -a --address={own} {at}/www/ rsync://{files}/backup/{name}/")
            }),
            Self::Ftp => steps(seconds, random, think, |random| {
                format!("{curl} ftp://{files}/page{}", random.between(0, 59))
            }),
            Self::Mistype => {
                let tries = random.between(1, 3);
                let ask = random
                    .pick(&[
                        format!("{curl} -u me:wrong http://{apps}/private"),
                        format!("{curl} -u me:wrong ftp://{files}/"),
                    ])
                    .clone();
                let mut left = tries;
                steps(
                    seconds.min(12.0),
                    random,
                    |random| random.real(1.5, 5.0),
                    |_| {
                        let now = if left > 0 {
                            ask.clone()
                        } else {
                            "true".to_owned()
                        };
                        left = left.saturating_sub(1);
                        now
                    },
                )
            }
            Self::Names => steps(
                seconds,
                random,
                |random| random.magnitude(0.02, 3.0),
                |random| {
                    let kind = random.pick(&["A", "AAAA", "MX"]);
                    let zone = random.pick(&["example", "example", "test"]);
                    format!(
                        "dig +tries=1 +time=2 -b {own} @{devices} {kind} host{}.{zone} > /dev/null",
                        random.between(0, 500)
                    )
                },
            ),
            Self::Messages => steps(
                seconds,
                random,
                |random| random.magnitude(0.2, 3.0),
                |random| {
                    format!(
                        "mosquitto_pub -A {own} -h {devices} -t home/{} -m {}",
                        random.between(0, 20),
                        random.between(0, 1000)
                    )
                },
            ),
            Self::Bulk => {
                let rate = random.between(2, 40);
                let udp = random.pick(&["", "-u"]);
                let reverse = random.pick(&["", "-R"]);
                format!(
                    "sleep {:.2}; iperf3 {udp} {reverse} -B {own} -c {} -b {rate}M -t {} > /dev/null",
                    random.real(0.0, 3.0),
                    server(PROXY),
                    (seconds * 0.7).ceil()
                )
            }
            Self::Ping => {
                let every = random.pick(&["1", "0.5", "2"]);
                format!(
                    "ping -q -I {own} -i {every} -w {} {web} > /dev/null",
                    seconds.ceil()
                )
            }
            Self::Program(habit) => format!(
                "python3 {at}/people.py {habit} {own} {} {seconds:.1} {}",
                addresses.servers,
                random.between(0, 1 << 30)
            ),
        }
    }
}

/// Steps with pauses before them, for so long as the pauses alone take.
fn steps(
    seconds: f64,
    random: &mut Random,
    mut pause: impl FnMut(&mut Random) -> f64,
    mut step: impl FnMut(&mut Random) -> String,
) -> String {
    let mut script = String::new();
    let mut passed = 0.0;
    while passed < seconds {
        let wait = pause(random).max(0.02);
        let _ = writeln!(script, "sleep {wait:.3}; {}", step(random));
        passed += wait;
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_fill_the_time_and_no_more() {
        let script = steps(3.0, &mut Random::new(1, 0), |_| 1.0, |_| "true".to_owned());
        assert_eq!(script, "sleep 1.000; true\n".repeat(3));
    }
}
