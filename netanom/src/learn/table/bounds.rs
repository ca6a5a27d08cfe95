//! How long a record of a table may be, whatever is in it: a file of zeros, a quote that is never closed.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of the longest record.
pub(super) const LONGEST: u64 = 16 << 20;
/// Columns of the widest table. The widest that are public have some thousand, and a model takes fewer.
pub(super) const MOST_COLUMNS: usize = 16_384;

/// Bytes that were read since the last record was complete.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

impl Meter {
    /// A record is complete. (What was read of the next one by then counts for that; readers are ahead by some KiB.)
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Reads until a record is too long.
pub(super) struct Bounded<R> {
    pub(super) input: R,
    pub(super) meter: Meter,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let read_now = read as u64;
        let so_far = self.meter.0.fetch_add(read_now, Ordering::Relaxed) + read_now;
        if so_far > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::learn::table::{Selection, Table};

    /// What is said of a table of which only so much is to be read.
    fn refused(input: impl Read + Send, file: &str) -> String {
        let selection = Selection {
            label: "label".to_owned(),
            ..Selection::default()
        };
        let error = Table::read_from(input, Path::new(file), &selection).unwrap_err();
        error.to_string()
    }

    /// Fails when it is read to its end.
    fn endless(beginning: &'static [u8], rest: u8) -> impl Read + Send {
        struct Guard(u64);
        impl Read for Guard {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("more than {} bytes were read", self.0)
            }
        }
        let most = 2 * LONGEST;
        beginning
            .chain(io::repeat(rest).take(most))
            .chain(Guard(most))
    }

    #[test]
    fn a_record_without_an_end_is_refused_and_not_kept() {
        let expected = "the table `t.csv` has a record of more than 16 MiB after line";
        for (beginning, rest) in [
            (&b"a,label\n1,x\n"[..], b'0'),
            // A quote that is never closed, over many lines.
            (b"a,label\n1,x\n\"", b'\n'),
            // The first line; lines that end in CR LF; a log of Zeek.
            (b"a", b','),
            (b"a,label\r\n1,", b'0'),
            (b"#separator \\x09\n#fields\ta\tlabel\n", b'0'),
        ] {
            let said = refused(endless(beginning, rest), "t.csv");
            assert!(said.starts_with(expected), "{beginning:?}: {said}");
        }
    }

    #[test]
    fn two_million_columns_are_refused_with_their_number() {
        let wide = [vec![b'a'], b",a".repeat(1_999_999), b"\n".to_vec()].concat();
        let said = refused(&wide[..], "w.csv");
        assert!(
            said.starts_with("the table `w.csv` has 2000000 columns, of at most 16384"),
            "{said}"
        );
    }

    #[test]
    fn many_records_are_together_as_long_as_they_like() {
        let row = format!("{},x\n", "1".repeat(1 << 20));
        let rows = row.repeat(20);
        let text = ["a,label\n", &rows].concat();
        let selection = Selection {
            label: "label".to_owned(),
            ..Selection::default()
        };
        let table = Table::read_from(text.as_bytes(), Path::new("t.csv"), &selection).unwrap();
        assert_eq!(table.lines.len(), 20);
    }
}
