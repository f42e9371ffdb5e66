//! HTTP clients for the services, with TLS except to this machine.

use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_sts::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::AwsError;

/// Creates a client for every service of a session, including STS and single sign-on.
///
/// It trusts the certificate authorities of `bundle`, or else the system's. The SDK's own client
/// does the same with aws-lc, which takes four times as long to compile as ring.
pub(super) fn http_client(bundle: Option<&CaBundle>) -> Result<SharedHttpClient, AwsError> {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    // Without a bundle the client loads the system's authorities itself.
    let Some(bundle) = bundle else { return Ok(builder.build_https()) };
    let trusted = TrustStore::empty().with_pem_certificate(bundle.pem.as_bytes());
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|error| bundle.unusable(error.to_string()))?;
    Ok(builder.tls_context(context).build_https())
}

/// Certificates of authorities to trust instead of the system's.
#[derive(Debug)]
pub(super) struct CaBundle {
    path: PathBuf,
    named_by: &'static str,
    /// The certificates that can be an authority's, at least one.
    pem: String,
}

impl CaBundle {
    /// Reads a PEM file. `named_by` is the setting that names it.
    ///
    /// # Errors
    ///
    /// [`AwsError::CaBundle`] if the file cannot be read or has no certificate: falling back to the
    /// system's would trust others than the user said.
    pub(super) fn read(path: &Path, named_by: &'static str) -> Result<Self, AwsError> {
        let mut bundle = Self { path: path.to_owned(), named_by, pem: String::new() };
        let bytes = fs::read(path).map_err(|error| bundle.unusable(error.to_string()))?;
        let mut authorities = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|error| bundle.unusable(error.to_string()))?;
            // The HTTP client panics at a certificate that is not an authority's.
            if authorities.add(certificate.clone()).is_ok() {
                bundle.pem.push_str(&to_pem(&certificate));
            }
        }
        if authorities.is_empty() {
            return Err(bundle.unusable("it contains no CA certificate in PEM".to_owned()));
        }
        Ok(bundle)
    }

    fn unusable(&self, detail: String) -> AwsError {
        let path = self.path.display().to_string();
        AwsError::CaBundle { named_by: self.named_by, path, detail }
    }
}

fn to_pem(certificate: &[u8]) -> String {
    const LINE: usize = 64;
    let encoded = STANDARD.encode(certificate);
    let lines = encoded.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    let body = lines.map(|it| format!("{it}\n")).collect::<String>();
    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let check = |content: &[u8], expect: &str| {
            let path = dir.path().join("ca.pem");
            fs::write(&path, content).unwrap();
            let error = CaBundle::read(&path, "AWS_CA_BUNDLE").unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
            assert!(error.contains("AWS_CA_BUNDLE") && error.contains(expect), "{error}");
        };
        check(b"", "no CA certificate");
        check(b"not a certificate", "no CA certificate");
        check(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no CA certificate",
        );
        check(b"-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n", "");
        let missing = CaBundle::read(&dir.path().join("none.pem"), "ca_bundle").unwrap_err();
        assert!(missing.to_string().contains("none.pem"), "{missing}");
    }
}
