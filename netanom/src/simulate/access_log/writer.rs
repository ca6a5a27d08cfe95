//! Lines of the combined format, as Apache and nginx write them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::tz::TimeZone;

use crate::feature::access::Request;
use crate::flow::Timestamp;

/// Writes a line with its end.
///
/// # Errors
/// When it cannot be written.
pub fn write_line(output: &mut dyn Write, request: &Request<'_>) -> io::Result<()> {
    let or_none = |text: &str| match text {
        "" => "-".to_owned(),
        text => text.replace('"', "\\\""),
    };
    let version = if request.is_old { "1.0" } else { "1.1" };
    writeln!(
        output,
        "{} - - [{}] \"{} {} HTTP/{version}\" {} {} \"{}\" \"{}\"",
        request.client,
        clock(request.at),
        request.method,
        request.target.replace('"', "\\\""),
        request.status,
        request.bytes,
        or_none(&request.referrer),
        or_none(&request.agent)
    )
}

/// `17/May/2015:10:05:03 +0000`.
fn clock(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let moment = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or_default();
    let moment = moment.to_zoned(TimeZone::UTC);
    format!(
        "{:02}/{}/{}:{:02}:{:02}:{:02} +0000",
        moment.day(),
        MONTHS[usize::from(moment.month().unsigned_abs()) - 1],
        moment.year(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

/// A log that is being written.
pub struct LogWriter(Box<dyn Write>);

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogWriter")
    }
}

impl LogWriter {
    /// To a file, or to standard output for `-`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(match path == Path::new("-") {
            true => Box::new(BufWriter::new(io::stdout())),
            false => Box::new(BufWriter::new(File::create(path)?)),
        }))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, request: &Request<'_>) -> io::Result<()> {
        write_line(&mut self.0, request)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}
