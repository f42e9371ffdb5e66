//! TLS for a server without a proxy in front.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};

/// The reason why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file contains no certificate, or no key.
    #[error("cannot read {what} from {}", .path.display())]
    Unreadable {
        /// The certificate or the key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: pem::Error,
    },
    /// They do not match, or their kind is not supported.
    #[error("the certificate in {} cannot be used with its key", .path.display())]
    Unfit {
        /// The certificate's file.
        path: PathBuf,
        /// The cause.
        source: Error,
    },
}

/// Returns an acceptor for a certificate, followed by its chain, and its key, both in PEM.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let unreadable = |what, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Unreadable { what, path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("a certificate", certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable("a key", key))?;
    let unfit = |source| TlsError::Unfit { path: certificate.to_owned(), source };
    // `ServerConfig::builder()` takes the process's default provider, and panics where crate
    // features leave that open.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    // Connections speak HTTP/1 only, so a client must not negotiate h2.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
