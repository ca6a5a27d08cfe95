//! The settings of HTTP: who may ask, and how it is kept from others.

use serde::{Deserialize, Serialize};
use toml_example::TomlExample;

/// Who may ask over HTTP. `/livez` and `/readyz` are open to everyone who reaches the address.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, TomlExample)]
#[serde(default, deny_unknown_fields)]
#[toml_example(default)]
pub struct Http {
    /// File with a token that requests have to carry (`Authorization: Bearer TOKEN`). Empty: none; then an address that is
    /// no loopback address shows /metrics, /livez and /readyz alone.
    pub token_file: String,
    /// Whether /metrics asks for the token too (`authorization: credentials_file` in Prometheus).
    pub token_for_metrics: bool,
    /// Whether everything is shown without a token to everyone who reaches the address, whatever address it is.
    pub open_to_all: bool,
    /// File with the certificate for HTTPS, and those that lead to its issuer, in PEM. Empty: plain HTTP.
    pub certificate: String,
    /// File with the certificate's key, in PEM.
    pub key: String,
}
