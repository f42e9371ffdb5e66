//! How the services are reached: HTTP, and TLS for all but this machine.

use aws_sdk_sts::config::SharedHttpClient;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// A client for every service of a session, for STS and single sign-on too.
///
/// It trusts the certificate authorities that the system trusts. The SDK's own client does the
/// same with aws-lc, which takes four times as long to compile as ring.
pub(super) fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}
