//! Lines of JSON. Servers differ in names and in how deep they nest; a name is known by its letters alone, so that
//! `remote_ip`, `RemoteIP` and `request.remote_ip` are one.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::clock;
use super::{LineError, client, request_line, size, status};
use crate::feature::access::Request;
use crate::flow::Timestamp;

// The names in the order in which they are believed: Traefik's, Caddy's, then those that people give in the
// configurations of nginx, Apache and HAProxy.
const CLIENT: &[&str] = &[
    "clienthost",
    "clientip",
    "remoteip",
    "remoteaddr",
    "realip",
    "clientaddr",
    "remotehost",
    "client",
    "sourceip",
    "srcip",
    "ip",
    "ci",
    "host",
];
const TIME: &[&str] = &[
    "startutc",
    "ts",
    "timeiso8601",
    "timelocal",
    "msec",
    "timestamp",
    "time",
    "acceptdate",
    "datetime",
    "date",
    "requesttime",
];
const METHOD: &[&str] = &["requestmethod", "method", "httpmethod", "verb"];
const TARGET: &[&str] = &[
    "requestpath",
    "requesturi",
    "uri",
    "path",
    "url",
    "target",
    "httpuri",
];
const QUERY: &[&str] = &["querystring", "query", "args"];
const LINE: &[&str] = &["request", "requestline", "httprequest", "req"];
const VERSION: &[&str] = &[
    "requestprotocol",
    "proto",
    "protocol",
    "serverprotocol",
    "httpversion",
];
const STATUS: &[&str] = &[
    "downstreamstatus",
    "status",
    "statuscode",
    "responsestatus",
    "httpstatus",
    "code",
    "originstatus",
    "st",
];
const SIZE: &[&str] = &[
    "downstreamcontentsize",
    "size",
    "bodybytessent",
    "bytessent",
    "bytes",
    "responsesize",
    "bytesout",
    "contentlength",
    "bytesread",
    "length",
];
const AGENT: &[&str] = &[
    "useragent",
    "httpuseragent",
    "requestuseragent",
    "agent",
    "ua",
];
const REFERRER: &[&str] = &[
    "referer",
    "referrer",
    "httpreferer",
    "httpreferrer",
    "requestreferer",
];

/// Objects within objects that are looked into.
const DEEPEST: usize = 4;

/// The request of a line.
pub(super) fn parse(line: &str) -> Result<Request<'static>, LineError> {
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|_| LineError::Json)?;
    let mut known = HashMap::new();
    collect(&object, DEEPEST, &mut known);
    let text = |names: &[&str]| names.iter().find_map(|name| words(known.get(*name)?));
    let who = text(CLIENT).ok_or(LineError::Client)?;
    let at = TIME.iter().find_map(|name| moment(known.get(*name)?));
    // What Apache calls a request is a path where its method stands apart.
    let line = text(LINE);
    let path = text(TARGET).or_else(|| line.clone().filter(|line| !line.contains(' ')));
    let (method, mut target, is_old) = match (text(METHOD), path, line) {
        (Some(method), Some(target), _) => {
            let version = text(VERSION).unwrap_or_default();
            let is_old = matches!(version.as_ref(), "HTTP/1.0" | "HTTP/0.9" | "1.0" | "0.9");
            (method.into_owned(), target.into_owned(), is_old)
        }
        (_, _, Some(line)) => {
            let (method, target, is_old) = request_line(&line);
            (method.to_owned(), target.to_owned(), is_old)
        }
        _ => return Err(LineError::Request),
    };
    if let Some(query) = text(QUERY).filter(|query| !matches!(query.as_ref(), "" | "-"))
        && !target.contains('?')
    {
        target = format!("{target}?{}", query.trim_start_matches('?'));
    }
    let header = |names| match text(names).as_deref() {
        None | Some("-") => Cow::Borrowed(""),
        Some(text) => Cow::Owned(text.to_owned()),
    };
    Ok(Request {
        client: client(who.trim())?,
        at: at.ok_or(LineError::Time)?,
        method: Cow::Owned(method),
        target: Cow::Owned(target),
        is_old,
        status: status(&text(STATUS).ok_or(LineError::Status)?)?,
        bytes: size(&text(SIZE).unwrap_or_default())?,
        referrer: header(REFERRER),
        agent: header(AGENT),
    })
}

/// Every value by the letters of its name; what comes first stays.
fn collect<'a>(
    object: &'a Map<String, Value>,
    deeper: usize,
    known: &mut HashMap<String, &'a Value>,
) {
    for (name, value) in object {
        let name: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        // What the server answered has headers with the same names.
        if let Value::Object(inside) = value
            && deeper > 0
            && !name.starts_with("resp")
        {
            collect(inside, deeper - 1, known);
        } else {
            known.entry(name).or_insert(value);
        }
    }
}

/// A value as text: of a list, as Caddy has headers, the first.
fn words(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Array(list) => words(list.first()?),
        _ => None,
    }
}

fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => clock::of_number(number.as_f64()?),
        Value::String(text) => clock::of_text(text).ok(),
        _ => None,
    }
}
