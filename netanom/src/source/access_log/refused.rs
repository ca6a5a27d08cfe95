//! What could not be read of a log: how many lines for which reason, and the first of each.

use serde::Serialize;

/// Why a line is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineError {
    /// It has more bytes than any request.
    TooLong,
    /// Its parts are not where a log's are.
    Layout,
    /// It begins like JSON and is none.
    Json,
    /// The client is missing or no address.
    Client,
    /// The time is missing or none.
    Time,
    /// The time is more than a day ahead.
    Future,
    /// The status is missing or none.
    Status,
    /// The size is none.
    Size,
    /// There is no request in it.
    Request,
}

impl LineError {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::TooLong,
        Self::Layout,
        Self::Json,
        Self::Client,
        Self::Time,
        Self::Future,
        Self::Status,
        Self::Size,
        Self::Request,
    ];

    /// The name in metrics and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Layout => "layout",
            Self::Json => "json",
            Self::Client => "client",
            Self::Time => "time",
            Self::Future => "future",
            Self::Status => "status",
            Self::Size => "size",
            Self::Request => "request",
        }
    }

    /// What is wrong, for people.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::TooLong => "more than 65,536 bytes",
            Self::Layout => "no client, [time] and \"request\" in a row, and no JSON object",
            Self::Json => "no whole JSON object",
            Self::Client => "no address of a client (names are not read: HostnameLookups Off)",
            Self::Time => "no time that can be read",
            Self::Future => "a time that is more than a day ahead",
            Self::Status => "no status",
            Self::Size => "a size that is no number",
            Self::Request => "no request (method and path)",
        }
    }
}

/// Examples of each reason that are kept.
const EXAMPLES: usize = 3;
/// Characters of a line that are shown.
const SHOWN: usize = 100;

/// A line that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its number in its file, from 1.
    pub line: u64,
    /// Why.
    pub reason: &'static str,
    /// Its beginning, with what a terminal must not see escaped.
    pub text: String,
}

/// Lines that were refused, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    counts: [u64; LineError::ALL.len()],
    examples: Vec<Example>,
}

impl Refused {
    pub(super) fn note(&mut self, error: LineError, line: u64, bytes: &[u8]) {
        let count = &mut self.counts[error as usize];
        *count += 1;
        if *count <= EXAMPLES as u64 {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
            self.examples.push(Example {
                line,
                reason: error.name(),
                text: text
                    .chars()
                    .take(SHOWN)
                    .flat_map(char::escape_debug)
                    .collect(),
            });
        }
    }

    /// Every reason with its number of lines.
    pub fn iter(&self) -> impl Iterator<Item = (LineError, u64)> + '_ {
        LineError::ALL.into_iter().zip(self.counts)
    }

    /// Lines under all reasons.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The first lines of each reason.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }
}
