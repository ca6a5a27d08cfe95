//! What proves to a receiver that a body comes from this sensor and was not changed: an HMAC of it (RFC 2104) with a secret that
//! both know, in a header as many receivers of webhooks check it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header.
pub const HEADER: &str = "X-Netanom-Signature";

/// What both sides know. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// From a file's bytes, without the line's end.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.trim_ascii_end().to_vec())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of [`HEADER`] for a body: `sha256=` and the HMAC in hexadecimal.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        // A key of any length will do (RFC 2104, 2).
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        mac.update(body);
        let bytes = mac.finalize().into_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, 4.3.
    #[test]
    fn a_body_is_signed_as_the_rfc_s_test_has_it() {
        assert_eq!(
            Secret::new(b"Jefe\n").sign(b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(format!("{:?}", Secret::new(b"Jefe")), "Secret");
    }
}
