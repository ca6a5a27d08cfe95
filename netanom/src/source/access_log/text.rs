//! Lines of text: common and combined (Apache's mod_log_config, nginx, Traefik, with a virtual host in front or further
//! parts behind), and HAProxy's HTTP log with or without syslog's head.

use std::borrow::Cow;

use super::clock;
use super::token::{Token, tokens};
use super::{LineError, client, request_line, size, status};
use crate::feature::access::Request;

/// The request of a line.
pub(super) fn parse(line: &str) -> Result<Request<'_>, LineError> {
    let parts = tokens(line);
    let bracket = parts
        .iter()
        .position(|part| matches!(part, Token::Bracket(text) if clock::looks_like_one(text)));
    let Some((place, Some(Token::Bracket(time)))) = bracket.map(|place| (place, parts.get(place)))
    else {
        return Err(LineError::Layout);
    };
    let (before, after) = (&parts[..place], &parts[place + 1..]);
    match after {
        [Token::Quoted(_), ..] => common(before, time, after),
        [Token::Word(_), ..] => haproxy(before, time, after),
        _ => Err(LineError::Layout),
    }
}

/// `client ident user [time] "request" status size "referrer" "agent"`, in front of which a virtual host may stand.
fn common<'a>(
    before: &[Token<'a>],
    time: &str,
    after: &[Token<'a>],
) -> Result<Request<'a>, LineError> {
    let client = match before {
        // A user's name may have a space, but the second word is then the identity, which is no address.
        [Token::Word(_), Token::Word(second), _, _] if client(second).is_ok() => client(second)?,
        [Token::Word(first), ..] => client(first)?,
        _ => return Err(LineError::Client),
    };
    let word = |place: usize| match after.get(place) {
        Some(Token::Word(word)) => Some(*word),
        _ => None,
    };
    let quoted = |place: usize| match after.get(place) {
        Some(Token::Quoted("-") | Token::Word(_) | Token::Bracket(_)) | None => "",
        Some(Token::Quoted(text)) => text,
    };
    let Some(Token::Quoted(line)) = after.first() else {
        return Err(LineError::Request);
    };
    let (method, target, is_old) = request_line(line);
    Ok(Request {
        client,
        at: clock::of_text(time)?,
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(target),
        is_old,
        status: status(word(1).ok_or(LineError::Status)?)?,
        bytes: size(word(2).unwrap_or("-"))?,
        referrer: Cow::Borrowed(quoted(3)),
        agent: Cow::Borrowed(quoted(4)),
    })
}

/// `client:port [time] frontend backend/server timers status size … "request"`; its manual, 8.2.3. What it captures of
/// headers stands in braces without a name, and is left out.
fn haproxy<'a>(
    before: &[Token<'a>],
    time: &str,
    after: &[Token<'a>],
) -> Result<Request<'a>, LineError> {
    // Its addresses of IPv6 stand without brackets, so the port is taken off first.
    let Some(Token::Word(who)) = before.last() else {
        return Err(LineError::Client);
    };
    let (who, _port) = who.rsplit_once(':').ok_or(LineError::Client)?;
    let Some(Token::Quoted(line)) = after.last() else {
        return Err(LineError::Request);
    };
    let word = |place: usize| match after.get(place) {
        Some(Token::Word(word)) => Some(*word),
        _ => None,
    };
    let (method, target, is_old) = request_line(line);
    Ok(Request {
        client: client(who)?,
        at: clock::of_text(time)?,
        method: Cow::Borrowed(method),
        target: Cow::Borrowed(target),
        is_old,
        status: status(word(3).ok_or(LineError::Status)?)?,
        // A `+` says that logging did not wait for the end.
        bytes: size(word(4).unwrap_or("-").trim_start_matches('+'))?,
        referrer: Cow::Borrowed(""),
        agent: Cow::Borrowed(""),
    })
}
