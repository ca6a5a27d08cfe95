//! Lines of text files, however long, broken or hostile: bounded, counted, never fatal.

use std::io::{self, Read};

/// A longer line is skipped and counted. Servers take requests of 8 KiB by default (Apache's `LimitRequestLine`, nginx's
/// `large_client_header_buffers`); an address, a referrer and an agent together stay below this.
pub const LONGEST_LINE: usize = 64 * 1024;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// Cuts what it is given into lines. What has no end yet waits for the rest.
#[derive(Debug, Default)]
pub struct LineCutter {
    begun: Vec<u8>,
    /// Whether the line that was begun is too long, and its rest is to be skipped.
    is_too_long: bool,
    /// Bytes of the line that was begun.
    length: u64,
}

/// A line, or that there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// Of more than [`LONGEST_LINE`] bytes: its beginning.
    TooLong(&'a [u8]),
}

/// Bytes of a line that is too long which are kept to tell of it.
const SHOWN: usize = 256;

impl LineCutter {
    /// Takes in `bytes` and gives each line that they end.
    pub fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.length == 0 && line.len() <= LONGEST_LINE {
                take(Line::Whole(trimmed(line)));
            } else {
                self.keep(line);
                self.end(take);
            }
            bytes = rest;
        }
        self.keep(bytes);
    }

    /// Gives what was begun and has no end, as at the end of a file that will not grow.
    pub fn finish(&mut self, take: &mut dyn FnMut(Line<'_>)) {
        if self.length > 0 {
            self.end(take);
        }
    }

    /// Bytes of a line whose end has not come yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.length
    }

    /// Forgets what was begun.
    pub fn clear(&mut self) {
        self.begun.clear();
        (self.length, self.is_too_long) = (0, false);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.is_too_long {
            return;
        }
        if self.begun.len() + bytes.len() > LONGEST_LINE {
            let room = SHOWN.saturating_sub(self.begun.len()).min(bytes.len());
            self.begun.extend_from_slice(&bytes[..room]);
            self.begun.truncate(SHOWN);
            self.is_too_long = true;
            return;
        }
        self.begun.extend_from_slice(bytes);
    }

    fn end(&mut self, take: &mut dyn FnMut(Line<'_>)) {
        if self.is_too_long {
            take(Line::TooLong(&self.begun));
        } else {
            take(Line::Whole(trimmed(&self.begun)));
        }
        self.clear();
    }
}

/// Without the carriage return of files from Windows.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The lines of something that ends.
pub struct Lines {
    input: Box<dyn Read + Send>,
    cutter: LineCutter,
    chunk: Vec<u8>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("cutter", &self.cutter)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// Reads from here.
    #[must_use]
    pub fn of(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            cutter: LineCutter::default(),
            chunk: vec![0; CHUNK],
        }
    }

    /// Reads on and gives the lines that ended; false when there is no more.
    ///
    /// # Errors
    /// When the file cannot be read or decompressed any further.
    pub fn next(&mut self, take: &mut dyn FnMut(Line<'_>)) -> io::Result<bool> {
        let read = loop {
            match self.input.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => {
                self.cutter.finish(take);
                Ok(false)
            }
            Ok(read) => {
                self.cutter.feed(&self.chunk[..read], take);
                Ok(true)
            }
            Err(error) => {
                self.cutter.finish(take);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(parts: &[&[u8]]) -> Vec<String> {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        let mut take = |line: Line<'_>| match line {
            Line::Whole(line) => lines.push(String::from_utf8_lossy(line).into_owned()),
            Line::TooLong(line) => lines.push(format!("too long: {}", line.len())),
        };
        for part in parts {
            cutter.feed(part, &mut take);
        }
        cutter.finish(&mut take);
        lines
    }

    #[test]
    fn a_line_may_come_in_pieces_and_the_last_one_without_an_end() {
        assert_eq!(
            cut(&[b"a", b"b\r", b"\n\ncd\ne", b"f"]),
            ["ab", "", "cd", "ef"]
        );
    }

    #[test]
    fn a_line_that_never_ends_takes_no_more_memory_than_a_long_one() {
        let mut cutter = LineCutter::default();
        let mut ended = Vec::new();
        for _ in 0..1000 {
            cutter.feed(&[b'x'; 10_000], &mut |line| ended.push(format!("{line:?}")));
            assert!(cutter.begun.capacity() <= 2 * LONGEST_LINE);
        }
        assert!(ended.is_empty());
        assert_eq!(cutter.pending(), 10_000_000);
        let mut lines = Vec::new();
        cutter.feed(b"\nnext\n", &mut |line| match line {
            Line::TooLong(start) => lines.push(start.len()),
            Line::Whole(line) => lines.push(line.len()),
        });
        assert_eq!(lines, [SHOWN, 4]);
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_they_are_cut(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400),
            size in 1_usize..50,
        ) {
            let parts: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(cut(&parts), cut(&[&bytes]));
        }
    }
}
