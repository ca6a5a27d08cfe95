//! The parts of a line of text: words, `[brackets]` and `"quotes"`.

/// Parts of a line that are looked at; HAProxy's longest lines have about forty.
const MOST: usize = 64;

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Up to the next space.
    Word(&'a str),
    /// What stands in brackets.
    Bracket(&'a str),
    /// What stands in quotes.
    Quoted(&'a str),
}

/// The parts in their order; what is open at the line's end ends there.
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut found = Vec::with_capacity(12);
    let mut rest = line.trim_start();
    while !rest.is_empty() && found.len() < MOST {
        let (token, after) = match rest.as_bytes()[0] {
            b'[' => {
                let inside = &rest[1..];
                let end = inside.find(']').unwrap_or(inside.len());
                (Token::Bracket(&inside[..end]), inside.get(end + 1..))
            }
            b'"' => {
                let inside = &rest[1..];
                let end = closing_quote(inside);
                (Token::Quoted(&inside[..end]), inside.get(end + 1..))
            }
            _ => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (Token::Word(&rest[..end]), rest.get(end..))
            }
        };
        found.push(token);
        rest = after.unwrap_or_default().trim_start();
    }
    found
}

/// A quote that no backslash escapes and that a space or the end follows: some servers do not escape quotes inside.
fn closing_quote(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut is_escaped = false;
    for (place, byte) in bytes.iter().enumerate() {
        let is_last = bytes.get(place + 1).is_none_or(|next| *next == b' ');
        match byte {
            b'"' if !is_escaped && is_last => return place,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    bytes.len()
}
