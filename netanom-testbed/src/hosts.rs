//! Who attacks whom, in everything that is simulated here.
//!
//! All hosts have addresses of RFC 2544's test networks, which are nobody's. The documentation addresses are where
//! `simulate` puts the Internet, so the office and its attacker are elsewhere.

use netanom::simulate::Mode;

/// The people in the office.
const CLIENTS: &str = "198.18.0.0/27";
/// The office's server, which is attacked.
pub(crate) const SERVER: &str = "198.18.1.10";
/// Who attacks it.
pub(crate) const ATTACKER: &str = "198.19.66.6";
/// Amplification has many senders: the abused servers.
const REFLECTORS: &str = "198.19.66.0/25";

/// Who sends in a mode.
pub(crate) fn source(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => CLIENTS,
        Mode::Amplification => REFLECTORS,
        _ => ATTACKER,
    }
}
