//! The times of access logs: that of the common format, RFC 3339, and numbers since the Unix epoch.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::LineError;
use crate::flow::Timestamp;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Whether a text in brackets may be a time: it begins with a day or a year.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.len() >= 19 && text.as_bytes()[0].is_ascii_digit()
}

/// `17/May/2015:10:05:03 +0000`, HAProxy's `06/Feb/2009:12:14:14.655` (its local time, taken for UTC), or RFC 3339.
pub(super) fn of_text(text: &str) -> Result<Timestamp, LineError> {
    let text = text.trim_matches(['[', ']', ' ']);
    common(text)
        .or_else(|| text.parse().ok())
        .or_else(|| of_number(text.parse().ok()?))
        .ok_or(LineError::Time)
}

/// Seconds, milliseconds, microseconds or nanoseconds since the epoch, by their size: each is of 1973 or later.
pub(super) fn of_number(number: f64) -> Option<Timestamp> {
    let nanos = match number {
        n if !n.is_finite() || n <= 0.0 => return None,
        n if n < 1e11 => n * 1e9,
        n if n < 1e14 => n * 1e6,
        n if n < 1e17 => n * 1e3,
        n => n,
    };
    // 2⁶³ nanoseconds end in the year 2262.
    (nanos < 9.2e18).then(|| Timestamp::from_nanos(nanos as u64))
}

fn common(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| i8::try_from(number(from, to)?).ok();
    let month = text.get(3..6)?;
    let month = MONTHS.iter().position(|known| *known == month)? as i8 + 1;
    let rest = text.get(20..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("", rest.trim_start()),
    };
    let nanos = match fraction {
        "" => 0,
        digits => format!("{:0<9.9}", digits).parse().ok()?,
    };
    let moment = DateTime::new(
        number(7, 11)?,
        month,
        small(0, 2)?,
        small(12, 14)?,
        small(15, 17)?,
        // A leap second counts as the one before it.
        small(18, 20)?.min(59),
        nanos,
    )
    .ok()?;
    let moment = offset(zone)?.to_timestamp(moment).ok()?;
    u64::try_from(moment.as_nanosecond())
        .ok()
        .map(Timestamp::from_nanos)
}

/// `+0330`; UTC where none is written.
fn offset(zone: &str) -> Option<Offset> {
    if zone.is_empty() {
        return Some(Offset::UTC);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits = zone[1..].replace(':', "");
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4)?.parse().ok()?;
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}
