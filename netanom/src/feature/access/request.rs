//! One line of an access log, whatever format it was written in.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::flow::Timestamp;

/// A request that a server has answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// Who asked, as the server knew it.
    pub client: IpAddr,
    /// When, as the server wrote it.
    pub at: Timestamp,
    /// The method in capitals; empty where the line holds no request, as for a TLS handshake on a plain port.
    pub method: Cow<'a, str>,
    /// Path and query as the client sent them.
    pub target: Cow<'a, str>,
    /// Whether it was sent by HTTP/1.0 or older.
    pub is_old: bool,
    /// The answer's status code, 100 to 999.
    pub status: u16,
    /// Bytes of the answer, as far as the server counts them; 0 where it does not say.
    pub bytes: u64,
    /// The page that it came from; empty without one.
    pub referrer: Cow<'a, str>,
    /// What the client calls itself; empty where it does not say.
    pub agent: Cow<'a, str>,
}

impl Request<'_> {
    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target
            .split_once(['?', '#'])
            .map_or(self.target.as_ref(), |(path, _)| path)
    }

    /// The query, empty without one.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The same with words of its own.
    #[must_use]
    pub fn into_owned(self) -> Request<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Request {
            method: own(self.method),
            target: own(self.target),
            referrer: own(self.referrer),
            agent: own(self.agent),
            client: self.client,
            at: self.at,
            is_old: self.is_old,
            status: self.status,
            bytes: self.bytes,
        }
    }
}
