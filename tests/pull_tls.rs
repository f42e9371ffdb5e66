//! Pulls over TLS, from whom only the named authorities vouch for.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::moto::Moto;
use crate::pulling::{GROUP, HOUR_MS, minutely, service};
use crate::support::{Ran, mailtrace, run};

/// Makes an authority and a certificate by it, and speaks TLS in front of a server. Ends with the
/// process that holds the other end of its standard input.
const PROGRAM: &str = r#"
import datetime, http.server, ipaddress, os, ssl, sys, threading, urllib.request
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

place, behind = sys.argv[1:]
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

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['content-length']))
        passed = {key: value for key, value in self.headers.items()
            if key.lower() not in ('host', 'content-length', 'connection')}
        with urllib.request.urlopen(urllib.request.Request(behind, body, passed)) as answer:
            body = answer.read()
            self.send_response(answer.status)
            self.send_header('content-type', answer.headers['content-type'])
            self.send_header('content-length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)
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

/// TLS in front of a server, until it is dropped.
struct Tls {
    child: Child,
    dir: TempDir,
    endpoint: String,
}

impl Tls {
    fn in_front_of(endpoint: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let mut child = Command::new(Moto::environment().join("bin/python"))
            .args(["-c", PROGRAM])
            .arg(dir.path())
            .arg(endpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let endpoint = format!("https://localhost:{}", port.trim());
        Self { child, dir, endpoint }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Pulls with a bundle that the environment names, or the profile.
    fn pull(&self, environment: Option<&str>, profile: Option<&str>) -> Ran {
        let mut config = "[profile mail]\nregion = us-east-1\naws_access_key_id = A\n\
            aws_secret_access_key = s\n"
            .to_owned();
        config.extend(profile.map(|it| format!("ca_bundle = {}\n", self.path(it))));
        fs::write(self.path("config"), config).unwrap();
        let mut command = mailtrace();
        command.env("HOME", self.dir.path()).env("AWS_CONFIG_FILE", self.path("config"));
        command.envs(environment.map(|it| ("AWS_CA_BUNDLE", self.path(it))));
        command.args(["pull", "--profile", "mail", "--log-group", GROUP, "--recheck"]);
        command.args(["--endpoint-url", &self.endpoint, "--store", &self.path("store")]);
        run(&mut command)
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[test]
fn the_authorities_that_are_named_are_trusted_and_no_others() {
    let service = service(minutely(3, HOUR_MS));
    let tls = Tls::in_front_of(&service.endpoint());
    tls.pull(Some("ca.pem"), None).expect(0);
    tls.pull(None, Some("ca.pem")).expect(0);
    // The environment goes first.
    tls.pull(Some("ca.pem"), Some("other.pem")).expect(0);
    let asked = service.lock().requests.len();
    tls.pull(None, Some("other.pem")).expect_error(&["not trusted", "AWS_CA_BUNDLE"]);
    assert_eq!(service.lock().requests.len(), asked);
}
