//! Alerts to a syslog server or daemon (RFC 5424), when they begin, worsen and end.
//!
//! By UDP (RFC 5426) a message is a datagram, of which a receiver takes 2,048 bytes at least if it follows the RFC's advice: what
//! is longer is cut, as nobody says whether it came. By TCP messages are framed by their length (RFC 6587, 3.4.1), so that none
//! is cut; the connection is made when there is something to say and kept.

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use super::format::Format;
use super::news::{News, Told};
use super::{Sink, SinkError};
use crate::alert::{Alert, Severity};

/// Bytes of a datagram (RFC 5426, 3.2: receivers should take 2,048).
const DATAGRAM: usize = 2048;
/// For a connection, and for each write.
const LIMIT: Duration = Duration::from_secs(10);
/// Where daemons listen on Linux.
const LOCAL: &str = "/dev/log";

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogTarget {
    /// A host and a port by UDP; 514 is usual.
    Udp(String),
    /// A host and a port by TCP; 601 is usual.
    Tcp(String),
    /// A socket of this machine.
    Unix(PathBuf),
}

impl std::str::FromStr for SyslogTarget {
    type Err = String;

    /// From `udp://host:514`, `tcp://host:601`, `unix:///dev/log`, or nothing for the last one.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is none of udp://HOST:PORT, tcp://HOST:PORT and unix:///PATH");
        if text.is_empty() {
            return Ok(Self::Unix(PathBuf::from(LOCAL)));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let has_port = rest
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match scheme {
            "udp" if has_port => Ok(Self::Udp(rest.to_owned())),
            "tcp" if has_port => Ok(Self::Tcp(rest.to_owned())),
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            _ => Err(wrong()),
        }
    }
}

/// What is said of an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyslogText {
    /// A sentence, with the numbers as structured data.
    #[default]
    Plain,
    /// JSON.
    Json(Format),
}

/// Sends alerts to a syslog.
#[derive(Debug)]
pub struct Syslog {
    target: SyslogTarget,
    text: SyslogText,
    /// Of the messages, without spaces.
    host: String,
    stream: Option<TcpStream>,
    told: Told,
}

impl Syslog {
    /// One that sends there.
    #[must_use]
    pub fn new(target: SyslogTarget, text: SyslogText) -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            target,
            text,
            host: word(host.trim()),
            stream: None,
            told: Told::default(),
        }
    }

    fn send(&mut self, message: &str) -> io::Result<()> {
        match &self.target {
            SyslogTarget::Udp(to) => {
                let to = resolved(to)?;
                let from: SocketAddr = if to.is_ipv4() {
                    ([0, 0, 0, 0], 0).into()
                } else {
                    ([0_u16; 8], 0).into()
                };
                UdpSocket::bind(from)?.send_to(cut(message).as_bytes(), to)?;
            }
            SyslogTarget::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_write_timeout(Some(LIMIT))?;
                socket.send_to(message.as_bytes(), path)?;
            }
            SyslogTarget::Tcp(to) => {
                let framed = format!("{} {message}", message.len());
                let kept = self.stream.take();
                let stream = match kept.filter(is_open) {
                    Some(stream) => stream,
                    None => connected(to)?,
                };
                (&stream).write_all(framed.as_bytes())?;
                self.stream = Some(stream);
            }
        }
        Ok(())
    }
}

/// Whether the other side has not closed it: a write would still seem to go well once.
fn is_open(stream: &TcpStream) -> bool {
    let is_quiet = |stream: &TcpStream| match stream.peek(&mut [0]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    };
    stream.set_nonblocking(true).is_ok()
        && is_quiet(stream)
        && stream.set_nonblocking(false).is_ok()
}

fn resolved(to: &str) -> io::Result<SocketAddr> {
    let mut addresses = to.to_socket_addrs()?;
    addresses
        .next()
        .ok_or_else(|| io::Error::other("the name has no address"))
}

fn connected(to: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&resolved(to)?, LIMIT)?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// As much as a datagram has room for, in whole characters.
fn cut(message: &str) -> &str {
    let end = (0..=message.len().min(DATAGRAM))
        .rev()
        .find(|end| message.is_char_boundary(*end));
    &message[..end.unwrap_or_default()]
}

impl Sink for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let Some(news) = self.told.news(alert) else {
            return Ok(());
        };
        let message = message(alert, news, &self.host, self.text);
        self.send(&message).map_err(|source| {
            self.told.forget(alert);
            let target = match &self.target {
                SyslogTarget::Udp(to) => format!("the syslog at udp://{to}"),
                SyslogTarget::Tcp(to) => format!("the syslog at tcp://{to}"),
                SyslogTarget::Unix(path) => format!("the syslog at {}", path.display()),
            };
            SinkError::Write { target, source }
        })
    }
}

/// The message: `<PRI>1 TIME HOST netanom - begins [netanom@32473 …] text`. 32473 is the number of enterprises in examples
/// (RFC 5612): ours has none.
fn message(alert: &Alert, news: News, host: &str, text: SyslogText) -> String {
    // Facility 10: security and authorisation.
    let priority = 10 * 8
        + match (news, alert.severity) {
            // Informational, notice, warning, critical.
            (News::Ends, _) => 6,
            (_, Severity::Low) => 5,
            (_, Severity::Medium) => 4,
            (_, Severity::High) => 2,
        };
    let about = match news {
        News::Begins => "begins",
        News::Worsens => "worsens",
        News::Ends => "ends",
    };
    let mut data = String::from("[netanom@32473");
    let mut add = |name: &str, value: &str| {
        data += &format!(" {name}=\"{}\"", quoted(value));
    };
    add("id", &alert.id);
    add("class", alert.class.name());
    add("severity", alert.severity.name());
    add("state", alert.state.name());
    for (name, party) in [("source", &alert.source), ("target", &alert.target)] {
        let prefix = party.prefix.map(|prefix| prefix.to_string());
        if let Some(who) = party.ip.map(|ip| ip.to_string()).or(prefix) {
            add(name, &who);
        }
    }
    add("packets", &alert.packets.to_string());
    data.push(']');
    let told = match text {
        SyslogText::Plain => alert.summary.clone(),
        SyslogText::Json(format) => format.of(alert, news == News::Begins).to_string(),
    };
    // Of UTF-8 the mark says that it is (RFC 5424, 6.4).
    format!(
        "<{priority}>1 {} {host} netanom - {about} {data} \u{feff}{told}",
        alert.last_seen
    )
}

/// RFC 5424, 6.3.3: these three are escaped.
fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// As a field of the head: printable ASCII without spaces, or a dash for nothing.
fn word(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(255)
        .collect();
    if kept.is_empty() {
        "-".to_owned()
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use expect_test::expect;

    use super::*;
    use crate::alert::State;
    use crate::sink::store::tests::alert;

    #[test]
    fn a_message_is_as_rfc_5424_has_it() {
        let mut alert = alert(1);
        alert.summary = "two\" [of] them".to_owned();
        expect![[r#"<84>1 2023-11-14T22:13:31.000000Z gate netanom - begins [netanom@32473 id="a1" class="port_scan" severity="medium" state="active" source="192.0.2.1" target="198.51.100.1" packets="240"] BOMtwo" [of] them"#]]
            .assert_eq(&message(&alert, News::Begins, "gate", SyslogText::Plain).replace('\u{feff}', "BOM"));
        assert_eq!(quoted(r#"a"b\c]d"#), r#"a\"b\\c\]d"#);
        assert_eq!(word("a host\n"), "ahost");
        assert_eq!(word(""), "-");
    }

    #[test]
    fn severity_is_told_in_syslog_s_numbers_and_an_end_is_information() {
        let mut alert = alert(1);
        let priority = |alert: &Alert, news| {
            let message = message(alert, news, "h", SyslogText::Plain);
            message.split_once('>').unwrap().0.to_owned()
        };
        for (severity, expected) in [(Severity::Low, "<85"), (Severity::High, "<82")] {
            alert.severity = severity;
            assert_eq!(priority(&alert, News::Begins), expected);
        }
        assert_eq!(priority(&alert, News::Ends), "<86");
    }

    #[test]
    fn by_udp_and_by_a_socket_each_message_is_a_datagram_of_json_where_that_is_asked_for() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(LIMIT)).unwrap();
        let to = SyslogTarget::Udp(receiver.local_addr().unwrap().to_string());
        let mut sink = Syslog::new(to, SyslogText::Json(Format::Eve));
        let mut long = alert(1);
        long.summary = "ä".repeat(4000);
        sink.emit(&long).unwrap();
        let mut bytes = [0; 5000];
        let (length, _) = receiver.recv_from(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!((2047..=2048).contains(&length), "{length}");
        assert!(text.contains("\u{feff}{\"alert\":"), "{text}");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let receiver = UnixDatagram::bind(&path).unwrap();
        receiver.set_read_timeout(Some(LIMIT)).unwrap();
        Syslog::new(SyslogTarget::Unix(path), SyslogText::Plain)
            .emit(&alert(1))
            .unwrap();
        let length = receiver.recv(&mut bytes).unwrap();
        assert!(bytes[..length].starts_with(b"<84>1 2023-11-14T22:13:31"));
    }

    #[test]
    fn by_tcp_messages_are_framed_on_one_connection_and_a_closed_one_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = SyslogTarget::Tcp(listener.local_addr().unwrap().to_string());
        let mut sink = Syslog::new(to, SyslogText::Plain);
        let mut alert = alert(1);
        sink.emit(&alert).unwrap();
        // Nothing is new.
        sink.emit(&alert).unwrap();
        alert.state = State::Ended;
        sink.emit(&alert).unwrap();
        let (mut first, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        while frames(&seen).len() < 2 {
            let mut part = [0; 1024];
            let read = first.read(&mut part).unwrap();
            seen.extend(&part[..read]);
        }
        let told = frames(&seen);
        assert!(told[0].contains("- begins ["), "{told:?}");
        assert!(told[1].contains("- ends ["), "{told:?}");

        drop(first);
        let other = crate::sink::store::tests::alert(2);
        sink.emit(&other).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        drop(sink);
        let mut seen = Vec::new();
        second.read_to_end(&mut seen).unwrap();
        assert!(frames(&seen)[0].contains("id=\"a2\""));
        drop(listener);
    }

    /// Messages by their lengths, whole ones alone.
    fn frames(mut bytes: &[u8]) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(space) = bytes.iter().position(|byte| *byte == b' ') {
            let length: usize = std::str::from_utf8(&bytes[..space])
                .unwrap()
                .parse()
                .unwrap();
            let Some(frame) = bytes.get(space + 1..space + 1 + length) else {
                break;
            };
            frames.push(String::from_utf8(frame.to_vec()).unwrap());
            bytes = &bytes[space + 1 + length..];
        }
        frames
    }

    #[test]
    fn a_target_is_read_from_its_url_and_nonsense_is_told() {
        let read = |text: &str| text.parse::<SyslogTarget>();
        assert_eq!(
            read("udp://[::1]:514"),
            Ok(SyslogTarget::Udp("[::1]:514".to_owned()))
        );
        assert_eq!(
            read("tcp://log.lan:601"),
            Ok(SyslogTarget::Tcp("log.lan:601".to_owned()))
        );
        assert_eq!(read(""), Ok(SyslogTarget::Unix("/dev/log".into())));
        for wrong in [
            "log.lan",
            "udp://log.lan",
            "udp://:514",
            "http://a:1",
            "unix://a",
            "tcp://a:x",
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains("tcp://HOST:PORT"), "{wrong}: {error}");
        }
    }
}
