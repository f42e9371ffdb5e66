//! Checks which endpoints may be used.

use super::error::AwsError;

/// Refuses a text that is not an endpoint, and an endpoint that would get mail data in the clear.
///
/// The scheme may be in any case. The check requires encryption instead of forbidding `http`, so
/// that anything not known to be private is refused.
pub(crate) fn check(url: &str) -> Result<(), AwsError> {
    let not_an_endpoint = || AwsError::NotAnEndpoint { url: url.to_owned() };
    let (scheme, rest) = url.split_once("://").ok_or_else(not_an_endpoint)?;
    let authority = rest.split_once(['/', '?', '#']).map_or(rest, |it| it.0);
    let is_odd = |it: char| it.is_whitespace() || it.is_control() || it == '\\';
    if authority.is_empty() || url.contains(is_odd) {
        return Err(not_an_endpoint());
    }
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(()),
        "http" if is_loopback(authority) => Ok(()),
        "http" => Err(AwsError::InsecureEndpoint { url: url.to_owned() }),
        _ => Err(not_an_endpoint()),
    }
}

/// True if an authority is this machine.
fn is_loopback(authority: &str) -> bool {
    // After the last `@`, as URLs have it: `http://localhost@evil.example` goes to the latter.
    let host = authority.rsplit_once('@').map_or(authority, |it| it.1);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split_once(']').map_or(address, |it| it.0),
        None => host.split_once(':').map_or(host, |it| it.0),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_spoken_to_in_the_clear() {
        for url in [
            "https://logs.example.com",
            "HTTPS://logs.example.com/x",
            "http://127.0.0.1:5000",
            "Http://localhost:5000/x",
            "http://[::1]:5000",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in [
            "http://logs.example.com",
            "HTTP://logs.example.com",
            "Http://127.1:80",
            "http://127.0.0.1.example.com:80",
            "http://localhost@evil.example",
            "hTTp://10.0.0.1",
        ] {
            let insecure = AwsError::InsecureEndpoint { url: url.to_owned() };
            assert_eq!(check(url), Err(insecure), "{url}");
        }
        for url in [
            "",
            "logs.example.com",
            "http:/x",
            "http://",
            "https:///x",
            "ftp://x",
            "file:///etc/passwd",
            "http://127.0.0.1\\@evil.example",
            "https://a b",
            " https://a",
        ] {
            assert_eq!(check(url), Err(AwsError::NotAnEndpoint { url: url.to_owned() }), "{url}");
        }
    }
}
