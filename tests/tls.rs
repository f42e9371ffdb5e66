//! TLS in front of a server, which may ask who one is.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::moto::Moto;

/// Makes an authority and a certificate by it, and speaks TLS in front of a server. Ends with the
/// process that holds the other end of its standard input.
const PROGRAM: &str = r#"
import base64, datetime, http.server, ipaddress, json, os, ssl, sys, threading
import urllib.error, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

place, behind, who = sys.argv[1:]
now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)

def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

def certificate(subject, key, issuer, issuer_key, is_authority):
    made = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True))
    if not is_authority:
        here = [x509.DNSName('localhost'), x509.IPAddress(ipaddress.ip_address('127.0.0.1'))]
        made = made.add_extension(x509.SubjectAlternativeName(here), critical=False)
    return made.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

def write(file, content):
    with open(os.path.join(place, file), 'wb') as out:
        out.write(content)

keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
write('ca.pem', certificate('authority', keys[0], 'authority', keys[0], True))
write('other.pem', certificate('other', keys[1], 'other', keys[1], True))
write('server.pem', certificate('localhost', keys[2], 'authority', keys[0], False) +
    keys[2].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))

def is_signed(method, path, headers, body):
    key, secret, region = who.split(' ')[1:]
    kind, _, rest = headers.get('authorization', '').partition(' ')
    said = dict(part.strip().split('=', 1) for part in rest.split(',') if '=' in part)
    named = said.get('SignedHeaders', '').split(';')
    if kind != 'AWS4-HMAC-SHA256' or not {'host', 'x-amz-date'} <= set(named):
        return False
    date = headers['x-amz-date']
    scope = f'{key}/{date[:8]}/{region}/es/aws4_request'
    signer = SigV4Auth(Credentials(key, secret), 'es', region)
    url = f'https://{headers["host"]}{path}'
    signed = AWSRequest(method, url, {it: headers[it] for it in named}, body)
    signed.context['timestamp'] = date
    expected = signer.signature(signer.string_to_sign(signed, signer.canonical_request(signed)), signed)
    return said.get('Credential') == scope and said.get('Signature') == expected

def is_allowed(method, path, headers, body):
    if who.startswith('basic '):
        expected = base64.b64encode(who[len('basic '):].encode()).decode()
        return headers.get('authorization') == f'Basic {expected}'
    return not who or is_signed(method, path, headers, body)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self):
        body = self.rfile.read(int(self.headers.get('content-length', 0)))
        if not is_allowed(self.command, self.path, self.headers, body):
            return self.say(403, 'application/json', json.dumps({'message': 'not allowed here'}).encode())
        passed = {key: value for key, value in self.headers.items()
            if key.lower() not in ('host', 'content-length', 'connection', 'accept-encoding')}
        asked = urllib.request.Request(behind + self.path, body or None, passed, method=self.command)
        try:
            with urllib.request.urlopen(asked) as said:
                self.say(said.status, said.headers.get('content-type', ''), said.read())
        except urllib.error.HTTPError as said:
            self.say(said.code, said.headers.get('content-type', ''), said.read())
    def say(self, status, kind, body):
        self.send_response(status)
        self.send_header('content-type', kind)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(place, 'server.pem'))
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
os._exit(0)
"#;

/// Whom a front lets through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Anybody,
    /// Who says a user and a password, with a colon between.
    Basic(&'static str),
    /// Whose signature (SigV4, service `es`) is good for a key, its secret and a region, with spaces
    /// between.
    Signed(&'static str),
}

/// TLS in front of a server, until it is dropped.
pub(crate) struct Tls {
    child: Child,
    dir: TempDir,
    pub(crate) endpoint: String,
}

impl Tls {
    pub(crate) fn in_front_of(endpoint: &str, who: Who) -> Self {
        let dir = TempDir::new().unwrap();
        let who = match who {
            Who::Anybody => String::new(),
            Who::Basic(it) => format!("basic {it}"),
            Who::Signed(it) => format!("signed {it}"),
        };
        let mut child = Command::new(Moto::environment().join("bin/python"))
            .args(["-c", PROGRAM])
            .arg(dir.path())
            .args([endpoint, &who])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let endpoint = format!("https://localhost:{}", port.trim());
        Self { child, dir, endpoint }
    }

    /// A file beside its certificates: `ca.pem` is the authority's, `other.pem` somebody else's.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
