//! How a request is spelled: characters of each kind, as numbers. There are no lists of words or signatures here.

/// What the characters of a text are, after its percent signs were read once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Characters that were written as `%2F` or, by the server, as `\x2f`.
    pub(super) encoded: u32,
    /// Characters that no ordinary address has: quotes, brackets, `<>;|$*^` and the like, and control characters.
    pub(super) special: u32,
    /// Pairs of dots: steps up in a path.
    pub(super) steps_up: u32,
    /// Digits.
    pub(super) digits: u32,
    /// Characters.
    pub(super) length: u32,
    /// Longest run of one character.
    pub(super) run: u32,
}

/// Characters of a text that are looked at; servers take 8 KiB by default (Apache's `LimitRequestLine`).
const LONGEST: usize = 16 * 1024;

impl Spelling {
    /// Of a path, a query or a header.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        let mut found = Self::default();
        let (mut before, mut run) = (0, 0);
        let mut at = 0;
        while at < bytes.len() {
            let (byte, length) = decoded(&bytes[at..]);
            at += length;
            found.length += 1;
            found.encoded += u32::from(length > 1);
            found.digits += u32::from(byte.is_ascii_digit());
            found.special += u32::from(is_special(byte));
            if byte == b'.' && before == b'.' {
                found.steps_up += 1;
                before = 0;
                continue;
            }
            run = if byte == before { run + 1 } else { 1 };
            found.run = found.run.max(run);
            before = byte;
        }
        found
    }

    /// Characters that no ordinary address has, of either kind.
    pub(super) fn odd(&self) -> u32 {
        self.special + self.steps_up
    }
}

/// The first character of `bytes` and how many bytes it was written with.
fn decoded(bytes: &[u8]) -> (u8, usize) {
    let hex = |digits: &[u8]| {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
    };
    match bytes {
        [b'%', a, b, ..] => hex(&[*a, *b]).map_or((b'%', 1), |byte| (byte, 3)),
        [b'\\', b'x', a, b, ..] => hex(&[*a, *b]).map_or((b'\\', 1), |byte| (byte, 4)),
        _ => (bytes[0], 1),
    }
}

/// RFC 3986 keeps these out of addresses, or gives them no use in one that programs make.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'\''
            | b'"'
            | b'<'
            | b'>'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b';'
            | b'|'
            | b'`'
            | b'$'
            | b'*'
            | b'\\'
            | b'^'
            | 0..=31 | 127
    )
}

/// Shannon entropy of a text's bytes, in bits.
pub(super) fn entropy(text: &str) -> f64 {
    let bytes = text.as_bytes();
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let length = bytes.len() as f64;
    let used = counts.iter().filter(|count| **count > 0);
    used.map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_told_apart_after_decoding_once() {
        let found = Spelling::of("/a%2e%2e/%27x%zz11");
        assert_eq!(
            found,
            Spelling {
                encoded: 3,
                special: 1,
                steps_up: 1,
                digits: 2,
                length: 12,
                run: 2
            }
        );
    }

    #[test]
    fn a_page_of_an_ordinary_site_has_nothing_odd() {
        assert_eq!(
            Spelling::of("/blog/2015/a-long_title.html?page=2&q=a+b").odd(),
            0
        );
        assert_eq!(Spelling::of("/x?id=1' or (1=1);--").odd(), 4);
    }

    #[test]
    fn one_character_has_no_entropy_and_two_have_a_bit() {
        assert_eq!(entropy("aaaa"), 0.0);
        assert_eq!(entropy("abab"), 1.0);
    }
}
