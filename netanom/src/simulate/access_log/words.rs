//! Words that addresses are made of.

use rand::RngExt;

use super::super::chance::{Rng, pick};

const SYLLABLES: [&str; 40] = [
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su",
    "ta", "ve", "wi", "xo", "zu", "an", "er", "in", "or", "un", "al", "es", "ic", "om", "us",
    "tra", "ple", "sti", "bro", "cru", "fla", "gre", "sho", "thu", "pri",
];

/// A word of `from` to `to` syllables.
pub(super) fn word(rng: &mut Rng, from: usize, to: usize) -> String {
    let count = rng.random_range(from..=to);
    (0..count).map(|_| *pick(rng, &SYLLABLES)).collect()
}

/// Words with something between them.
pub(super) fn words(rng: &mut Rng, count: usize, between: &str) -> String {
    let words: Vec<String> = (0..count.max(1)).map(|_| word(rng, 1, 4)).collect();
    words.join(between)
}

/// Digits and letters, as identifiers have them.
pub(super) fn token(rng: &mut Rng, length: usize) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    (0..length)
        .map(|_| char::from(*pick(rng, DIGITS)))
        .collect()
}

/// A word of another script, as browsers encode it: two or three bytes a letter (RFC 3986, 2.5).
pub(super) fn foreign(rng: &mut Rng, letters: usize) -> String {
    let first = if rng.random_bool(0.5) { 0x430 } else { 0x4e00 };
    let text: String = (0..letters)
        .filter_map(|_| char::from_u32(first + rng.random_range(0..32)))
        .collect();
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// `text` with each character that is no letter, and some that are, written by its number.
pub(super) fn encoded(rng: &mut Rng, text: &str, share: f64) -> String {
    let is_small = rng.random_bool(0.5);
    text.bytes()
        .map(|byte| match byte {
            b' ' if rng.random_bool(0.3) => "+".to_owned(),
            byte if !byte.is_ascii_alphanumeric() && byte != b'/' && rng.random_bool(share)
                || byte == b' ' =>
            {
                if is_small {
                    format!("%{byte:02x}")
                } else {
                    format!("%{byte:02X}")
                }
            }
            byte => char::from(byte).to_string(),
        })
        .collect()
}

/// What a browser calls itself.
pub(super) fn browser(rng: &mut Rng) -> String {
    let system = pick(
        rng,
        &[
            "Windows NT 10.0; Win64; x64",
            "Windows NT 6.1; WOW64",
            "Macintosh; Intel Mac OS X 10_15_7",
            "X11; Linux x86_64",
            "iPhone; CPU iPhone OS 17_4 like Mac OS X",
            "Linux; Android 14; Pixel 8",
        ],
    )
    .to_owned();
    let version = rng.random_range(30..140);
    match rng.random_range(0..4) {
        0 => format!("Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"),
        1 => format!(
            "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version}.1 Safari/605.1.15"
        ),
        2 if rng.random_bool(0.3) => format!(
            "Mozilla/4.0 (compatible; MSIE {}.0; {system})",
            version % 9 + 2
        ),
        _ => format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.{}.{} Safari/537.36",
            version * 37,
            version % 200
        ),
    }
}

/// What a program calls itself.
pub(super) fn program(rng: &mut Rng) -> String {
    let name = word(rng, 2, 3);
    let version = rng.random_range(1..20);
    match rng.random_range(0..6) {
        0 => format!("curl/{version}.{}.0", version * 3),
        1 => format!("python-requests/2.{version}.0"),
        2 => format!("{name}-client/{version}.0 (+https://{name}.example/bot)"),
        3 => format!(
            "Mozilla/5.0 (compatible; {name}bot/{version}.1; +http://{name}.example/bot.html)"
        ),
        4 => format!("Go-http-client/1.1 {name}"),
        _ => format!("okhttp/{version}.9.0"),
    }
}
