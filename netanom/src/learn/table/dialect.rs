//! What tables are written in, made to rows of UTF-8 with one delimiter: UTF-16 of spreadsheets, logs of
//! Zeek, JSON lines.

mod json;

use std::io::{self, BufRead, BufReader, Cursor, Read};

use self::json::JsonLines;
use super::bounds::LONGEST;

/// A table as the CSV reader takes it. Every line of the file is one here, so that errors name the right one.
pub(super) struct Dialect<'a> {
    pub(super) input: Box<dyn BufRead + Send + 'a>,
    pub(super) delimiter: u8,
    /// A quote makes one field of what holds delimiters.
    pub(super) has_quotes: bool,
    /// Lines that were put in front of those of the file.
    pub(super) added: u64,
}

/// Bytes that are looked at: the names of some thousand columns.
const HEAD: usize = 1 << 16;

/// How Zeek's logs begin.
const ZEEK: &[u8] = b"#separator ";

impl<'a> Dialect<'a> {
    /// Looks at the beginning of a file.
    pub(super) fn of(input: impl Read + Send + 'a) -> io::Result<Self> {
        let mut input = headed(input);
        match input.fill_buf()? {
            [0xff, 0xfe, ..] => Self::of_text(utf16(input, u16::from_le_bytes)),
            [0xfe, 0xff, ..] => Self::of_text(utf16(input, u16::from_be_bytes)),
            // Without a mark: every other byte of an English header is zero, which no UTF-8 has.
            [1..=255, 0, 1..=255, 0, ..] => Self::of_text(utf16(input, u16::from_le_bytes)),
            [0, 1..=255, 0, 1..=255, ..] => Self::of_text(utf16(input, u16::from_be_bytes)),
            _ => Self::of_text(input),
        }
    }

    fn of_text(input: impl Read + Send + 'a) -> io::Result<Self> {
        let mut input = headed(input);
        // A byte order mark, as spreadsheets write it.
        if input.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
            input.consume("\u{feff}".len());
        }
        let first = input.fill_buf()?;
        if first.starts_with(ZEEK) {
            let zeek = Lines::of(Zeek::of(input)?);
            return Ok(Self {
                delimiter: zeek.inner.separator,
                input: Box::new(BufReader::new(zeek)),
                has_quotes: false,
                added: 0,
            });
        }
        if JsonLines::<BufReader<io::Empty>>::is_it(first) {
            let lines = Lines::of(JsonLines::of(input)?);
            return Ok(Self {
                input: Box::new(BufReader::new(lines)),
                delimiter: b',',
                has_quotes: true,
                added: 1,
            });
        }
        let line = first.split(|byte| *byte == b'\n').next().unwrap_or(first);
        let (delimiter, is_dos) = (delimiter(line), line.ends_with(b"\r"));
        Ok(Self {
            delimiter,
            input: match is_dos {
                true => Box::new(BufReader::new(Lines::of(Dos(input)))),
                false => Box::new(input),
            },
            has_quotes: true,
            added: 0,
        })
    }
}

/// With the first of it in one piece, however few bytes come at once: enough for a header.
fn headed<R: Read + Send>(mut input: R) -> BufReader<impl Read + Send> {
    let mut head = Vec::new();
    let read = input.by_ref().take(HEAD as u64).read_to_end(&mut head);
    // What came before an error is read first, so that the error names the line.
    let rest = Rest {
        error: read.err(),
        input,
    };
    BufReader::with_capacity(HEAD, Cursor::new(head).chain(rest))
}

/// What follows, unless it could not be read.
struct Rest<R> {
    error: Option<io::Error>,
    input: R,
}

impl<R: Read> Read for Rest<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.input.read(buffer),
        }
    }
}

/// Comma, semicolon or tab, whichever the first line has most of.
fn delimiter(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    let mut best = b',';
    for other in [b';', b'\t'] {
        if count(other) > count(best) {
            best = other;
        }
    }
    best
}

/// What gives one line after the other, each with its end; `None` after the last.
trait Line {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// Lines as a reader.
struct Lines<L> {
    inner: L,
    line: Cursor<Vec<u8>>,
}

impl<L: Line> Lines<L> {
    fn of(inner: L) -> Self {
        let line = Cursor::new(Vec::new());
        Self { inner, line }
    }
}

impl<L: Line> Read for Lines<L> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.line.position() == self.line.get_ref().len() as u64 {
            match self.inner.next()? {
                Some(line) => self.line = Cursor::new(line),
                None => return Ok(0),
            }
        }
        self.line.read(buffer)
    }
}

/// Lines that end in CR LF: the CSV reader takes the LF for the beginning of the next line, and counts one less.
struct Dos<R>(R);

impl<R: BufRead> Line for Dos<R> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if read_line(&mut self.0, &mut line)? == 0 {
            return Ok(None);
        }
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            line.push(b'\n');
        }
        Ok(Some(line))
    }
}

/// Reads a line with its end, if it is none that no table has.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let read = input.take(LONGEST + 1).read_until(b'\n', line)?;
    if read as u64 > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(read)
}

/// UTF-16 in parts of a few thousand units; what is no UTF-16 becomes U+FFFD.
struct Utf16<R> {
    input: R,
    unit: fn([u8; 2]) -> u16,
    /// The first half of a pair, until the second comes.
    half: Option<u16>,
}

fn utf16<R: Read>(input: R, unit: fn([u8; 2]) -> u16) -> Lines<Utf16<R>> {
    let half = None;
    Lines::of(Utf16 { input, unit, half })
}

impl<R: Read> Line for Utf16<R> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(1 << 13).read_to_end(&mut bytes)?;
        let mut units: Vec<u16> = self.half.take().into_iter().collect();
        units.extend(bytes.as_chunks().0.iter().map(|pair| (self.unit)(*pair)));
        if units.is_empty() {
            return Ok(None);
        }
        // High surrogates (RFC 2781, 2.1); at the very end one stays alone.
        let is_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        if !bytes.is_empty() && units.last().is_some_and(is_half) {
            self.half = units.pop();
        }
        Ok(Some(String::from_utf16_lossy(&units).into_bytes()))
    }
}

/// A log of Zeek: lines that begin with `#` say what the others are.
///
/// The labelled logs of IoT-23 have three names in the last field, with blanks between them, and three values in each
/// row's.
struct Zeek<R> {
    input: R,
    separator: u8,
    /// Fields that hold several, with two blanks or more between them.
    crowded: Vec<usize>,
    /// The names, until the first row: what stands between would make the CSV reader count one less.
    header: Vec<u8>,
}

impl<R: BufRead> Zeek<R> {
    fn of(mut input: R) -> io::Result<Self> {
        let first = input.fill_buf()?;
        let line = first.split(|byte| *byte == b'\n').next().unwrap_or(first);
        let said = line.strip_prefix(ZEEK).unwrap_or_default().trim_ascii_end();
        let code = said
            .strip_prefix(b"\\x")
            .and_then(|code| str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        Ok(Self {
            separator: code.or(said.first().copied()).unwrap_or(b'\t'),
            input,
            crowded: Vec::new(),
            header: Vec::new(),
        })
    }
}

impl<R: BufRead> Line for Zeek<R> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if read_line(&mut self.input, &mut line)? == 0 {
            return Ok(None);
        }
        if let Some(names) = line.strip_prefix(b"#fields") {
            let names = names.get(1..).unwrap_or_default();
            let fields = names.split(|byte| *byte == self.separator);
            let crowded = fields.enumerate().filter(|(_, name)| has_several(name));
            self.crowded = crowded.map(|(place, _)| place).collect();
            self.header = self.spread(names);
            return Ok(Some(Vec::new()));
        }
        if line.starts_with(b"#") {
            // The line counts, and the CSV reader leaves it out.
            return Ok(Some(b"\n".to_vec()));
        }
        let row = match self.crowded.is_empty() {
            true => line,
            false => self.spread(&line),
        };
        let mut lines = std::mem::take(&mut self.header);
        lines.extend(row);
        Ok(Some(lines))
    }
}

impl<R> Zeek<R> {
    /// The line with a separator in place of the blanks in crowded fields.
    fn spread(&self, line: &[u8]) -> Vec<u8> {
        let fields = line.split(|byte| *byte == self.separator);
        let spread = fields.enumerate().map(|(place, field)| {
            if !self.crowded.contains(&place) {
                return field.to_vec();
            }
            let text = String::from_utf8_lossy(field);
            let parts: Vec<&str> = text.split("  ").map(str::trim).collect();
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts
                .join(&char::from(self.separator).to_string())
                .into_bytes()
        });
        let mut line = spread.collect::<Vec<_>>().join(&self.separator);
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        line
    }
}

fn has_several(name: &[u8]) -> bool {
    name.trim_ascii().windows(2).any(|pair| pair == b"  ")
}
