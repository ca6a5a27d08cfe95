//! What attackers do: each attack is a call of a real tool, with its numbers drawn from the seed.

use std::path::Path;

use netanom::alert::Class;

use super::network::Addresses;
use super::servers::{APPS, DEVICES, FILES, WEB};
use crate::random::Random;

/// A kind of attack with the bounds of its numbers; rates are in packets a second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attack {
    /// hping3 with these options, at a rate between two.
    Flood(Flood, f64, f64),
    /// nmap with these options on one host.
    Scan(&'static str),
    /// nmap with these options on many hosts.
    Sweep(&'static str),
    /// masscan of these ports over all hosts.
    Masscan(&'static str, f64, f64),
    /// Log-ins with wrong passwords: at least and at most so many.
    Guess(Guess, u64, u64),
    /// slowhttptest in one of its modes, with between so many connections.
    SlowHttp(&'static str, u64, u64),
    /// Requests by a tool over so many connections.
    HttpFlood(&'static str, u64, u64),
}

/// Where a flood goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flood {
    SynOpen,
    SynClosed,
    SynPorts,
    SynForged,
    UdpOpen,
    UdpClosed,
    UdpPorts,
    UdpForged,
    Icmp,
    IcmpForged,
}

/// How log-ins are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    HydraSsh,
    HydraFtp,
    HydraBasic,
    HydraForm,
    MedusaSsh,
    MedusaFtp,
    NcrackSsh,
    NcrackFtp,
}

/// An attack as it is run, and what its flows are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) script: String,
    pub(super) class: Class,
    pub(super) protocol: u8,
    /// The only target of an attack whose sources are forged.
    pub(super) forged_at: Option<String>,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;

impl Attack {
    /// Draws the numbers; `seconds` is how long it may last.
    #[rustfmt::skip]
    pub(super) fn draw(self, addresses: &Addresses, folder: &Path, seconds: f64, random: &mut Random) -> Plan {
        let at = folder.display();
        let server = |host| addresses.server(host);
        let web_or_apps = server(*random.pick(&[WEB, WEB, APPS]));
        let plan = |class, protocol, script: String| Plan { script, class, protocol, forged_at: None };
        match self {
            Self::Flood(flood, low, high) => flood.draw(addresses, random.magnitude(low, high), random),
            Self::Scan(options) => {
                let target = server(*random.pick(&[WEB, APPS, FILES, DEVICES, 40, 200]));
                let protocol = if options.contains("-sU") { UDP } else { TCP };
                plan(Class::PortScan, protocol, format!("nmap -n -Pn {options} {target}"))
            }
            Self::Sweep(options) => {
                let first = random.between(1, 40);
                let last = random.between(60, 250);
                let protocol = if options.contains("-sU") { UDP } else { TCP };
                plan(Class::PortScan, protocol, format!("nmap -n -Pn {options} {}{first}-{last}", addresses.servers))
            }
            Self::Masscan(ports, low, high) => {
                let rate = random.magnitude(low, high);
                plan(Class::PortScan, TCP, format!(
                    "masscan --interface up0 --wait 1 --seed {} --rate {rate:.0} -p{ports} {}0/24",
                    random.between(1, 1 << 30), addresses.servers))
            }
            Self::Guess(guess, low, high) => {
                #[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
                let tries = random.magnitude(low as f64, high as f64).round();
                let tasks = random.between(1, 8);
                let words = format!("i=0; while [ $i -lt {tries} ]; do echo wrong$i; i=$((i+1)); done > {at}/words; ");
                let (ssh, ftp, apps) = (server(*random.pick(&[WEB, FILES])), server(FILES), server(APPS));
                let who = random.pick(&["admin", "root", "oracle"]);
                let pause = random.pick(&["", "", "-W 1", "-W 2"]);
                let hydra = format!("hydra -I -l {who} -P {at}/words -t {tasks} {pause}");
                let medusa = format!("medusa -u {who} -P {at}/words -t {tasks}");
                let ncrack = format!("ncrack --user {who} -P {at}/words");
                plan(Class::BruteForce, TCP, words + &match guess {
                    Guess::HydraSsh => format!("{hydra} ssh://{ssh}"),
                    Guess::HydraFtp => format!("{hydra} ftp://{ftp}"),
                    Guess::HydraBasic => format!("{hydra} http-get://{apps}/private"),
                    Guess::HydraForm => format!("{hydra} {apps} http-post-form '/run/login:user=^USER^&word=^PASS^:wrong password'"),
                    Guess::MedusaSsh => format!("{medusa} -h {ssh} -M ssh"),
                    Guess::MedusaFtp => format!("{medusa} -h {ftp} -M ftp"),
                    Guess::NcrackSsh => format!("{ncrack} ssh://{ssh}"),
                    Guess::NcrackFtp => format!("{ncrack} ftp://{ftp}"),
                })
            }
            Self::SlowHttp(mode, low, high) => {
                let connections = random.between(low, high);
                let rate = (connections / random.between(2, 12)).max(5);
                let path = if mode == "-X" { "download" } else { "page3" };
                plan(Class::SlowHttp, TCP, format!(
                    "slowhttptest {mode} -c {connections} -r {rate} -i {} -l {} -x {} -p 3 -u http://{web_or_apps}/{path}",
                    random.between(1, 8), seconds.ceil(), random.between(8, 60)))
            }
            Self::HttpFlood(tool, low, high) => {
                let connections = random.between(low, high);
                let url = format!("http://{web_or_apps}/{}", random.pick(&["page1", "page20", "thing5", "run/think"]));
                let time = seconds.ceil();
                plan(Class::HttpFlood, TCP, match tool {
                    "ab" => format!("ab -q -r -s 5 -t {time} -n 1000000 -c {connections} {url}"),
                    "ab -k" => format!("ab -q -r -k -s 5 -t {time} -n 1000000 -c {connections} {url}"),
                    "siege" => format!("siege -b -q -t {time}S -c {connections} {url}"),
                    "wrk" => format!("wrk -t 1 -d {time}s -c {connections} {url}"),
                    // Some requests a second over new connections each, as a bot that is one of many sends them.
                    _ => format!("for j in $(seq {connections}); do while :; do curl -s -m 5 -o /dev/null {url}?$j; done & done; wait"),
                })
            }
        }
    }
}

impl Flood {
    #[rustfmt::skip]
    fn draw(self, addresses: &Addresses, rate: f64, random: &mut Random) -> Plan {
        let pause = (1_000_000.0 / rate).round().max(1.0);
        let target = addresses.server(*random.pick(&[WEB, APPS, FILES]));
        let closed = random.between(2000, 40_000);
        let size = random.pick(&[0, 0, 18, 64, 120, 512, 1000]);
        let first = random.between(1, 20_000);
        let (class, protocol, options) = match self {
            Self::SynOpen => (Class::SynFlood, TCP, "-S -p 80".to_owned()),
            Self::SynForged => (Class::SynFlood, TCP, "-S -p 80 --rand-source".to_owned()),
            Self::SynClosed => (Class::SynFlood, TCP, format!("-S -p {closed}")),
            Self::SynPorts => (Class::SynFlood, TCP, format!("-S -p ++{first}")),
            Self::UdpOpen => (Class::UdpFlood, UDP, format!("-2 -p 53 -d {size}")),
            Self::UdpClosed => (Class::UdpFlood, UDP, format!("-2 -p {closed} -d {size}")),
            Self::UdpPorts => (Class::UdpFlood, UDP, format!("-2 -p ++{first} -d {size}")),
            Self::UdpForged => (Class::UdpFlood, UDP, format!("-2 -p {closed} --rand-source -d {size}")),
            Self::Icmp => (Class::IcmpFlood, ICMP, format!("-1 -d {size}")),
            Self::IcmpForged => (Class::IcmpFlood, ICMP, format!("-1 --rand-source -d {size}")),
        };
        let target = if matches!(self, Self::SynOpen | Self::SynForged) {
            addresses.server(*random.pick(&[WEB, APPS]))
        } else if self == Self::UdpOpen {
            addresses.server(DEVICES)
        } else {
            target
        };
        let forged = matches!(self, Self::SynForged | Self::UdpForged | Self::IcmpForged);
        Plan {
            script: format!("hping3 -q -n -i u{pause} {options} {target}"),
            class,
            protocol,
            forged_at: forged.then_some(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_flood_names_its_only_target() {
        let mut random = Random::new(1, 0);
        let addresses = Addresses::draw(&mut random);
        let attack = Attack::Flood(Flood::SynForged, 100.0, 100.0);
        let plan = attack.draw(&addresses, Path::new("x"), 5.0, &mut random);
        let target = plan.forged_at.unwrap();
        assert!(plan.script.ends_with(&target), "{}", plan.script);
        assert!(plan.script.contains("-i u10000 "), "{}", plan.script);
    }

    #[test]
    fn a_scan_of_udp_is_labelled_by_that_protocol() {
        let addresses = Addresses::draw(&mut Random::new(1, 0));
        let protocol = |options| {
            Attack::Scan(options)
                .draw(&addresses, Path::new("x"), 5.0, &mut Random::new(1, 0))
                .protocol
        };
        assert_eq!((protocol("-sU -F"), protocol("-sS -F")), (UDP, TCP));
    }
}
