//! HTTPS, so that a token does not cross the network for everyone to see.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls::pki_types::pem};

/// A certificate with its key.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// They cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("cannot read `{file}` of `http.{setting}`, which is to be in PEM")]
    File {
        /// Which.
        file: String,
        /// What names it.
        setting: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The certificate and the key do not fit, or are of a kind that is not known.
    #[error("cannot use the certificate `{certificate}` with the key `{key}`")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's.
        key: String,
        /// Why.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// [`TlsError`] with the file and the cause.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let failed = |file: &Path, setting| {
            let file = file.display().to_string();
            move |source| TlsError::File {
                file,
                setting,
                source,
            }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed(certificate, "certificate"))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(failed(key, "key"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, secret)
            });
        let mut config = config.map_err(|source| TlsError::Pair {
            certificate: certificate.display().to_string(),
            key: key.display().to_string(),
            source,
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(super) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: T,
    ) -> io::Result<TlsStream<T>> {
        self.0.accept(stream).await
    }
}
