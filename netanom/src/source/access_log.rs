//! Access logs of web servers and proxies: common and combined, HAProxy's text, and JSON lines of nginx, Apache, Caddy,
//! Traefik and HAProxy. Each line says by itself what it is, so nothing has to be configured.
//!
//! What cannot be read is counted under a reason and told with its first examples. It is never fatal: a log holds what
//! strangers sent.

mod clock;
mod json;
mod refused;
mod text;
mod token;

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::Path;

use super::SourceError;
use super::capture::open_decompressed;
use super::records::{Line, LineCutter, Lines};
use crate::feature::access::Request;
use crate::flow::Timestamp;

pub use refused::{Example, LineError, Refused};

/// Lines of a file's beginning among which one has to be of an access log.
const TRIED: usize = 50;
/// Bytes of a file's beginning that are looked at.
const BEGINNING: usize = 256 * 1024;

/// Reads lines, and keeps account of what it could not read.
#[derive(Clone, Debug, Default)]
pub struct AccessLog {
    /// Lines that were read or refused; empty ones are none.
    pub lines: u64,
    /// What was refused.
    pub refused: Refused,
    /// Lines that stood in one more pair of quotes.
    pub quoted: u64,
    /// Lines that are later than this are refused: one wrong date would end every incident.
    pub latest: Option<Timestamp>,
    /// Line of the file, from 1.
    number: u64,
}

impl AccessLog {
    /// The request of a line, or none of what is no request.
    pub fn read<'a>(&mut self, line: Line<'a>) -> Option<Request<'a>> {
        self.number += 1;
        let bytes = match line {
            Line::Whole(bytes) => bytes.trim_ascii(),
            Line::TooLong(bytes) => {
                self.lines += 1;
                self.refused.note(LineError::TooLong, self.number, bytes);
                return None;
            }
        };
        if bytes.is_empty() {
            return None;
        }
        self.lines += 1;
        let (inside, is_quoted) = unquoted(bytes);
        let read = parse(inside).and_then(|request| match self.latest {
            Some(latest) if request.at > latest => Err(LineError::Future),
            _ => Ok(request),
        });
        match read {
            Ok(request) => {
                self.quoted += u64::from(is_quoted);
                Some(request)
            }
            Err(error) => {
                self.refused.note(error, self.number, bytes);
                None
            }
        }
    }

    /// Begins another file: line numbers start anew.
    pub fn begin(&mut self) {
        self.number = 0;
    }
}

/// The request of one line without its end.
///
/// # Errors
/// What is missing in it.
pub fn parse(line: &[u8]) -> Result<Request<'_>, LineError> {
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(line) if line.starts_with('{') => json::parse(line),
        Cow::Borrowed(line) => text::parse(line),
        // What is no UTF-8 is shown by a sign for it; servers escape such bytes.
        Cow::Owned(line) if line.starts_with('{') => json::parse(&line),
        Cow::Owned(line) => text::parse(&line).map(Request::into_owned),
    }
}

/// Some tools that copy logs put each line into quotes, and so begin it with one and end it with two.
fn unquoted(line: &[u8]) -> (&[u8], bool) {
    match line.strip_prefix(b"\"") {
        Some(rest) if !rest.starts_with(b"\"") => {
            let inside = match rest.strip_suffix(b"\"") {
                Some(inside) if inside.ends_with(b"\"") => inside,
                _ => rest,
            };
            (inside, true)
        }
        _ => (line, false),
    }
}

/// A client as servers write it: an address, in brackets or not, with a port or not.
fn client(text: &str) -> Result<IpAddr, LineError> {
    let plain = |text: &str| text.parse::<IpAddr>().ok();
    let with_port = || {
        let (address, port) = text.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        plain(address.trim_start_matches('[').trim_end_matches(']'))
    };
    let found = plain(text)
        .or_else(|| plain(text.strip_prefix('[')?.strip_suffix(']')?))
        .or_else(with_port);
    match found {
        // As a socket of both versions sees IPv4 (RFC 4291, 2.5.5.2).
        Some(IpAddr::V6(address)) => Ok(address.to_canonical()),
        Some(address) => Ok(address),
        None => Err(LineError::Client),
    }
}

/// A status; 0 where the server gave none (`-`, HAProxy's `-1`).
fn status(text: &str) -> Result<u16, LineError> {
    match text {
        "-" | "-1" | "0" | "000" => Ok(0),
        _ => match text.parse() {
            Ok(status @ 100..=999) => Ok(status),
            _ => Err(LineError::Status),
        },
    }
}

/// A size, however large; 0 where the server says nothing.
fn size(text: &str) -> Result<u64, LineError> {
    match text.parse() {
        Ok(size) => Ok(size),
        Err(_) if matches!(text, "-" | "") => Ok(0),
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(u64::MAX),
        Err(_) => Err(LineError::Size),
    }
}

/// Method, target, and whether the version is 1.0 or older, of a request's first line.
fn request_line(line: &str) -> (&str, &str, bool) {
    let garbled = ("", line, false);
    let Some((method, rest)) = line.split_once(' ') else {
        return garbled;
    };
    // Longer than any method of IANA's registry.
    if method.is_empty()
        || method.len() > 20
        || !method.bytes().all(|byte| byte.is_ascii_uppercase())
    {
        return garbled;
    }
    match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => {
            (method, target, matches!(version, "HTTP/1.0" | "HTTP/0.9"))
        }
        _ => (method, rest, true),
    }
}

/// Whether a file's beginning is an access log's: one of its first lines can be read.
fn begins(beginning: &[u8]) -> Result<(), LineError> {
    let mut first = Err(LineError::Layout);
    let mut tried = 0;
    let mut take = |line: Line<'_>| {
        if let Line::Whole(line) = line
            && !line.trim_ascii().is_empty()
            && tried < TRIED
            && first.is_err()
        {
            let read = parse(unquoted(line.trim_ascii()).0).map(|_| ());
            if tried == 0 || read.is_ok() {
                first = read;
            }
            tried += 1;
        }
    };
    let mut cutter = LineCutter::default();
    cutter.feed(beginning, &mut take);
    cutter.finish(&mut take);
    first
}

/// Whether the file is an access log, plain or compressed. False also when it cannot be read: who reads it says why.
#[must_use]
pub fn is_access_log(path: &Path) -> bool {
    path.is_file() && peek(path).is_ok_and(|(beginning, _)| begins(&beginning).is_ok())
}

/// Opens a log, or standard input for `-`, and takes off the compression (gzip, zstd).
///
/// # Errors
/// When it cannot be read, is empty, or none of its first lines is of an access log.
pub fn open(path: &Path) -> Result<Lines, SourceError> {
    let (beginning, rest) = peek(path)?;
    let file = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    if beginning.is_empty() {
        return Err(SourceError::NoLog {
            file,
            detail: "it is empty".to_owned(),
        });
    }
    begins(&beginning).map_err(|error| SourceError::NoLog {
        file,
        detail: format!("{} in its first line", error.explanation()),
    })?;
    Ok(Lines::of(Box::new(std::io::Read::chain(
        std::io::Cursor::new(beginning),
        rest,
    ))))
}

/// Time of the first line that can be read; none where there is none.
#[must_use]
pub fn begins_at(path: &Path) -> Option<Timestamp> {
    let (beginning, _) = peek(path).ok()?;
    let mut first = None;
    let mut cutter = LineCutter::default();
    cutter.feed(&beginning, &mut |line| {
        if let (None, Line::Whole(line)) = (first, line) {
            let read = parse(unquoted(line.trim_ascii()).0);
            first = read.ok().map(|request| request.at);
        }
    });
    first
}

/// What a log is called whatever its rotation calls its parts: `access.log` for `access.log.2.gz` and
/// `access.log-20260101`.
#[must_use]
pub fn log_name(path: &Path) -> String {
    let name = path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let mut base = name.as_str();
    for ending in [".gz", ".zst"] {
        base = base.strip_suffix(ending).unwrap_or(base);
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((before, after)) = base.rsplit_once(['.', '-'])
        && is_number(after)
        && !before.is_empty()
    {
        base = before;
    }
    base.to_owned()
}

type Input = Box<dyn std::io::Read + Send>;

/// The beginning of a file, and what comes after it.
fn peek(path: &Path) -> Result<(Vec<u8>, Input), SourceError> {
    use std::io::Read;
    let mut input = open_decompressed(path).map_err(|error| match error {
        SourceError::Format { file, detail } => SourceError::NoLog { file, detail },
        error => error,
    })?;
    let mut beginning = Vec::new();
    let read = input
        .by_ref()
        .take(BEGINNING as u64)
        .read_to_end(&mut beginning);
    match read {
        Err(source) if beginning.is_empty() => Err(SourceError::Read {
            file: path.display().to_string(),
            source,
        }),
        _ => Ok((beginning, input)),
    }
}

#[cfg(test)]
mod tests;
