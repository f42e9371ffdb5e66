//! A client of AWS's JSON 1.1 protocol, so small that what it says of a server can be trusted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// One connection that is kept.
pub(crate) struct JsonClient {
    /// As part of the signature, which nobody checks.
    service: &'static str,
    stream: BufReader<TcpStream>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl JsonClient {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { service: "logs", stream: BufReader::new(stream) })
    }

    /// Signs for another service than CloudWatch Logs.
    pub(crate) fn signed_for(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    /// Calls an action of CloudWatch Logs.
    pub(crate) fn call(&mut self, action: &str, parameters: &Value) -> io::Result<Answered> {
        let target = format!("X-Amz-Target: Logs_20140328.{action}\r\n");
        self.post("application/x-amz-json-1.1", &target, &parameters.to_string())
    }

    /// Posts a body of any kind, with more headers.
    pub(crate) fn post(&mut self, kind: &str, headers: &str, body: &str) -> io::Result<Answered> {
        self.post_to("/", kind, headers, body)
    }

    /// Posts to another path than that of the services.
    pub(crate) fn post_to(
        &mut self,
        path: &str,
        kind: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<Answered> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{headers}\
             Authorization: AWS4-HMAC-SHA256 \
             Credential=AKIAIOSFODNN7EXAMPLE/20261120/us-east-1/{}/aws4_request, \
             SignedHeaders=host, Signature=0\r\nContent-Length: {}\r\n\r\n{body}",
            self.service,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.read()
    }

    fn read(&mut self) -> io::Result<Answered> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answered { status, body })
    }
}
