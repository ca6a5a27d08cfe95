//! Who may ask over HTTP, as the configuration says, and what to warn of.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};

use crate::config::Http;
use crate::http::{Access, Token};

/// Bytes of a token's file at most; more than a header may have is no token.
const MOST: u64 = 4096;

/// What HTTP asks of who asks it.
///
/// # Errors
/// When the file of the token cannot be read or holds none.
pub(super) fn access(settings: &Http, address: SocketAddr) -> anyhow::Result<Access> {
    let token = match settings.token_file.as_str() {
        "" => None,
        file => Some(token(Path::new(file))?),
    };
    let others_reach = !address.ip().is_loopback();
    let is_open = token.is_none() && settings.open_to_all;
    let is_closed = others_reach && token.is_none() && !is_open;
    if others_reach && is_open {
        log::warn!(
            "{address} is no loopback address, and `http.open_to_all` is set: everyone who reaches it can read everything"
        );
    } else if is_closed {
        log::warn!(
            "{address} is no loopback address: it shows /metrics, /livez and /readyz; for the page, alerts and all else set \
             `http.token_file`, or `http.open_to_all = true`"
        );
    } else if others_reach && settings.certificate.is_empty() {
        log::warn!(
            "{address} is no loopback address, and without `http.certificate` the token is sent as it stands: whoever can \
             listen to the network can take it"
        );
    }
    Ok(Access {
        token,
        guards_metrics: settings.token_for_metrics,
        is_closed,
    })
}

fn token(file: &Path) -> anyhow::Result<Token> {
    let mut text = String::new();
    let name = file.display();
    File::open(file)
        .and_then(|opened| opened.take(MOST).read_to_string(&mut text))
        .with_context(|| {
            format!("cannot read the token of `http.token_file` from `{name}`: write one there, as with `openssl rand -hex 32`")
        })?;
    let Some(token) = Token::new(&text) else {
        bail!(
            "`{name}` of `http.token_file` holds no token: one word of ASCII, as of `openssl rand -hex 32`"
        );
    };
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(token: &str, settings: Http, address: &str) -> anyhow::Result<Access> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, token).unwrap();
        let settings = Http {
            token_file: file.display().to_string(),
            ..settings
        };
        access(&settings, address.parse().unwrap())
    }

    #[test]
    fn what_others_reach_is_closed_until_there_is_a_token_or_it_is_opened_by_name() {
        let plain = Http::default();
        let closed = |settings: &Http, address: &str| {
            access(settings, address.parse().unwrap())
                .unwrap()
                .is_closed
        };
        assert!(!closed(&plain, "127.0.0.1:9710"));
        assert!(!closed(&plain, "[::1]:9710"));
        assert!(closed(&plain, "0.0.0.0:9710"));
        assert!(closed(&plain, "192.0.2.1:9710"));
        let open = Http {
            open_to_all: true,
            ..plain.clone()
        };
        assert!(!closed(&open, "0.0.0.0:9710"));
        let access = with("secret\n", open, "0.0.0.0:9710").unwrap();
        assert!(access.token.is_some() && !access.is_closed);
    }

    #[test]
    fn a_file_without_a_token_is_told() {
        let error = with("\n", Http::default(), "127.0.0.1:1").unwrap_err();
        assert!(error.to_string().contains("holds no token"), "{error}");
        let missing = Http {
            token_file: "/nonexistent/token".to_owned(),
            ..Http::default()
        };
        let error = access(&missing, "127.0.0.1:1".parse().unwrap()).unwrap_err();
        assert!(
            error.to_string().contains("`/nonexistent/token`"),
            "{error}"
        );
    }
}
