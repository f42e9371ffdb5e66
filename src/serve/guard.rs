//! Access control: decided before anything is looked up.
//!
//! A page of another site may send requests here, using a name that it makes point to this machine
//! (DNS rebinding), and other users of this machine may connect. So the requested name must be one
//! of ours, only reading is possible, and every reader needs the token.

use std::net::{IpAddr, Ipv6Addr};

use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};

use super::{AccessToken, Parameters};
use crate::limits;

/// Decides which requests are answered.
pub(super) struct Guard {
    pub(super) token: AccessToken,
    /// Allowed names besides those of the loopback.
    pub(super) hosts: Vec<Host>,
    /// The cookie's name. It contains the port because cookies ignore ports: two servers on one
    /// machine would otherwise sign each other's users out.
    pub(super) cookie: String,
    /// The prefix of all paths: empty, or such as `/mail`.
    pub(super) base_path: String,
    pub(super) is_tls: bool,
    /// Whether to trust a proxy's headers about its client.
    pub(super) is_behind_proxy: bool,
}

/// A name by which clients may address the server, and a port if only one is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Parses a name such as `mail.example`, `mail.example:8443` or `[::1]`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((address, rest)) => {
                let address: Ipv6Addr = address.parse().ok()?;
                (address.to_string(), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (name, rest) = text.split_at_checked(end)?;
                let is_sign =
                    |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_');
                if name.is_empty() || !name.bytes().all(is_sign) {
                    return None;
                }
                (name.to_ascii_lowercase(), rest)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some(digits) if digits.bytes().all(|it| it.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { name, port })
    }

    /// True if it can only be this machine. Any port will do: SSH may forward another.
    fn is_loopback(&self) -> bool {
        let address = self.name.parse::<IpAddr>();
        self.name == "localhost" || address.is_ok_and(|it| it.is_loopback())
    }

    fn allows(&self, asked: &Self) -> bool {
        self.name == asked.name && (self.port.is_none() || self.port == asked.port)
    }
}

/// A refusal, or a redirect.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: &'static str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text, headers: Vec::new() }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        // A value that no header can hold is left out, and the refusal stands without it.
        self.headers.extend(HeaderValue::from_bytes(value.as_bytes()).ok().map(|it| (name, it)));
        self
    }
}

/// A request that passed the guard.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    /// The path below the base path.
    pub(super) path: String,
    pub(super) parameters: Parameters,
}

impl Guard {
    pub(super) fn check<B: hyper::body::Body>(
        &self,
        request: &Request<B>,
    ) -> Result<Admitted, Refusal> {
        // First, so that a request by a rebound name learns nothing but that it is refused.
        self.check_host(request)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = "only GET and HEAD are allowed: nothing can be changed here";
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text);
            return Err(refusal.with(hyper::header::ALLOW, "GET, HEAD"));
        }
        // Nothing here reads a body, which would be in the way of the connection's next request.
        if !request.body().is_end_stream() {
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, "a request must not have a body");
            return Err(refusal.with(hyper::header::CONNECTION, "close"));
        }
        // Only browsers send it, and only they can be tricked; programs pass without.
        let sites = request.headers().get_all("sec-fetch-site");
        if sites.iter().any(|it| !matches!(it.as_bytes(), b"same-origin" | b"none")) {
            let text = "another site's page requested this: open it from here, or type its address";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
        if target.len() > limits::SERVE_TARGET_BYTES_MAX {
            let text = "the requested address is too long";
            return Err(Refusal::new(StatusCode::URI_TOO_LONG, text));
        }
        let path = self.below_base(request)?;
        // Monitoring needs no token; the answer discloses nothing.
        if path == "/healthz" {
            return Ok(Admitted { path, parameters: Parameters::default() });
        }
        let parameters = Parameters::parse(request.uri().query().unwrap_or(""));
        let is_known = self.is_known(request.headers());
        let parameters = match parameters {
            Ok(parameters) => parameters,
            // Without the token nothing is said beyond that it is missing.
            Err(_) if !is_known => return Err(Self::unknown()),
            Err(super::ParameterError::NotUtf8) => {
                let text = "the parameters are not UTF-8";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
            }
            Err(super::ParameterError::TooMany) => {
                let text = "too many parameters";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
            }
        };
        // Handled even with a valid cookie, so that the token always leaves the address.
        if let Some(token) = parameters.get("token") {
            if !self.token.is(token) {
                return Err(Self::unknown());
            }
            return Err(self.signed_in(&path, &parameters, request.headers()));
        }
        if !is_known {
            return Err(Self::unknown());
        }
        Ok(Admitted { path, parameters })
    }

    /// Checks that the requested name is ours, wherever in the request it stands.
    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let mut named = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            let text = "a request must name exactly one Host";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, text));
        };
        let text = "this Host is not served here: allow it with --host";
        let refused = || Refusal::new(StatusCode::FORBIDDEN, text);
        let host = host.to_str().ok().and_then(Host::parse).ok_or_else(refused)?;
        // A target in absolute form carries a second name, which must not differ from the checked
        // one.
        if let Some(authority) = request.uri().authority() {
            let authority = Host::parse(authority.as_str()).ok_or_else(refused)?;
            if authority != host {
                return Err(refused());
            }
        }
        let is_ours = host.is_loopback() || self.hosts.iter().any(|it| it.allows(&host));
        if is_ours { Ok(()) } else { Err(refused()) }
    }

    /// Returns the path without the base path.
    fn below_base<B>(&self, request: &Request<B>) -> Result<String, Refusal> {
        let path = request.uri().path();
        let rest = path.strip_prefix(self.base_path.as_str());
        match rest {
            Some("") if !self.base_path.is_empty() => {
                // Links are relative and resolve only below a path that ends with a slash.
                let name = self.base_path.rsplit_once('/').map_or(&*self.base_path, |it| it.1);
                let query = request.uri().query().map_or_else(String::new, |it| format!("?{it}"));
                let refusal = Refusal::new(StatusCode::SEE_OTHER, "");
                Err(refusal.with(hyper::header::LOCATION, &format!("./{name}/{query}")))
            }
            Some(rest) if rest.starts_with('/') => Ok(rest.to_owned()),
            Some("") => Ok("/".to_owned()),
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")),
        }
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let bearer = bearer.and_then(|it| it.split_once(' '));
        // Any other scheme is meant for a proxy in front, which may have passed it on.
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if let Some((_, token)) = bearer {
            return self.token.is(token.trim());
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let pairs = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        // Each comparison hashes, so the number of them is bounded.
        let ours = pairs.filter(|(name, _)| *name == self.cookie).take(COOKIES_MAX);
        ours.into_iter().any(|(_, token)| self.token.is(token))
    }

    fn unknown() -> Refusal {
        let text = "open the address with the token that mailtrace serve printed, or send `Authorization: Bearer TOKEN`";
        Refusal::new(StatusCode::UNAUTHORIZED, text)
            .with(hyper::header::WWW_AUTHENTICATE, "Bearer realm=\"mailtrace\"")
    }

    /// Redirects to the same page with the token moved from the address, where it would be seen and
    /// recorded, into a cookie.
    fn signed_in(&self, path: &str, parameters: &Parameters, headers: &HeaderMap) -> Refusal {
        let forwarded = headers.get("x-forwarded-proto").filter(|_| self.is_behind_proxy);
        let is_secure =
            self.is_tls || forwarded.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"https"));
        let secure = if is_secure { "; Secure" } else { "" };
        let base = if self.base_path.is_empty() { "/" } else { &self.base_path };
        let (cookie, token) = (&self.cookie, self.token.as_str());
        let cookie = format!("{cookie}={token}; Path={base}; HttpOnly; SameSite=Strict{secure}");
        // Relative, as a proxy may have taken away a prefix that is unknown here.
        let name = path.rsplit_once('/').map_or(path, |it| it.1);
        let rest = parameters.without("token").to_string();
        let query = if rest.is_empty() { rest } else { format!("?{rest}") };
        Refusal::new(StatusCode::SEE_OTHER, "")
            .with(hyper::header::LOCATION, &format!("./{name}{query}"))
            .with(hyper::header::SET_COOKIE, &cookie)
    }
}

/// Maximum number of cookies of our name that are tried: browsers send one for each path.
const COOKIES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_with_or_without_a_port() {
        for (text, expect) in [
            ("localhost", Some(("localhost", None))),
            ("LOCALHOST:80", Some(("localhost", Some(80)))),
            ("127.0.0.1:8025", Some(("127.0.0.1", Some(8025)))),
            ("[::1]:1", Some(("::1", Some(1)))),
            ("[0:0:0:0:0:0:0:1]", Some(("::1", None))),
            ("", None),
            (":80", None),
            ("a@localhost", None),
            ("localhost:", None),
            ("localhost:99999", None),
            ("localhost:+80", None),
            ("localhost:80:80", None),
            ("localhost/", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]x", None),
            ("local host", None),
        ] {
            let expect = expect.map(|(name, port)| Host { name: name.to_owned(), port });
            assert_eq!(Host::parse(text), expect, "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        let is_loopback = |it: &str| Host::parse(it).unwrap().is_loopback();
        for name in ["localhost:1", "127.0.0.1", "127.8.9.1:80", "[::1]"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["localhost.", "127.0.0.1.evil.example", "evil.example", "0.0.0.0", "[::]"] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn a_port_that_is_named_must_be_it() {
        let allows = |ours: &str, asked: &str| {
            Host::parse(ours).unwrap().allows(&Host::parse(asked).unwrap())
        };
        assert!(allows("mail.example", "MAIL.example:443") && allows("a:1", "a:1"));
        assert!(!allows("a:1", "a:2") && !allows("a:1", "a") && !allows("a", "b"));
    }
}
