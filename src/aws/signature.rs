//! Signs requests that are not the SDK's own.

use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use super::credentials::of_credentials;
use super::error::AwsError;
use super::session::Session;

impl Session {
    /// Returns the headers that identify the sender of a request, as names and values. They are
    /// valid for some minutes, for these bytes at this address only.
    pub async fn signature(
        &self,
        service: &str,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, AwsError> {
        let unsigned =
            |error: &dyn std::fmt::Display| AwsError::Credentials { detail: error.to_string() };
        let provider = self.config.credentials_provider().ok_or(AwsError::NoCredentials)?;
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|error| of_credentials(&error))?.into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region())
            .name(service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| unsigned(&error))?;
        let request =
            SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body));
        let request = request.map_err(|error| unsigned(&error))?;
        let signed = sign(request, &parameters.into()).map_err(|error| unsigned(&error))?;
        let headers = signed.output().headers();
        Ok(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_signed_with_what_it_says() {
        let session = Session::for_tests("http://127.0.0.1:1");
        let sign = async |body: &[u8]| {
            let url = "https://search.example/mailtrace-meta/_doc/1?refresh=true";
            let headers = [("content-type", "application/json")];
            session.signature("es", "PUT", url, &headers, body).await.unwrap()
        };
        let signed = sign(b"{}").await;
        let value = |name: &str| {
            let header = signed.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
            header.unwrap_or_else(|| panic!("{name}: {signed:?}")).1.clone()
        };
        let authorization = value("authorization");
        assert!(authorization.contains("/us-east-1/es/aws4_request"), "{authorization}");
        assert!(authorization.contains("content-type;host;x-amz-content-sha256;x-amz-date"));
        // SHA-256 of `{}`.
        let sum = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(value("x-amz-content-sha256"), sum);
        assert_ne!(sign(b"[]").await, signed);
    }
}
