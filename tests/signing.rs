//! What is signed, and what a signature shows: of a store, and of an export.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use minisign::KeyPair;

use crate::support::{Ran, import, mailtrace, on, run, skip, synth, wrapped};

/// A directory with a key pair and a store.
struct Case {
    dir: tempfile::TempDir,
    store: PathBuf,
}

impl Case {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let log = synth(dir.path(), 300, seed, "ndjson");
        import(&store, &log.path).expect(0);
        let it = Self { dir, store };
        it.write_keys(&KeyPair::generate_unencrypted_keypair().unwrap());
        it
    }

    fn write_keys(&self, pair: &KeyPair) {
        fs::write(self.path("key"), pair.sk.to_box(None).unwrap().into_string()).unwrap();
        fs::write(self.path("key.pub"), pair.pk.to_box().unwrap().into_string()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn sign(&self, out: &str) -> Ran {
        on(&self.store, &["sign", "--key", &self.text("key"), "--out", &self.text(out)])
    }

    fn check(&self, store: &Path, statement: &str) -> Ran {
        let (statement, key) = (self.text(statement), self.text("key.pub"));
        on(store, &["verify", "--signed-head", &statement, "--public-key", &key])
    }

    fn export(&self, out: &str) -> Ran {
        on(&self.store, &["export", "--out", &self.text(out), "--sign-key", &self.text("key")])
    }

    fn check_bundle(&self, bundle: &str, rest: &[&str]) -> Ran {
        run(mailtrace().args(["verify", "--bundle", &self.text(bundle)]).args(rest))
    }

    fn check_signed(&self, bundle: &str) -> Ran {
        self.check_bundle(bundle, &["--public-key", &self.text("key.pub")])
    }
}

#[test]
fn a_signed_head_is_found_for_as_long_as_the_store_has_what_it_had() {
    let case = Case::new(101);
    let signed = case.sign("head.txt").expect(0);
    let statement = fs::read_to_string(case.path("head.txt")).unwrap();
    assert!(signed.stdout.starts_with(&statement), "{signed:#?}");
    let head = on(&case.store, &["status", "--format", "json"]).json()["head"].clone();
    let head = head.as_str().unwrap();
    assert!(statement.contains(&format!("\nhead: {head}\nrecords: 300\n")), "{statement}");

    let told = case.check(&case.store, "head.txt").expect(0).stdout;
    assert!(told.contains(" file:head.txt hashed"), "{told}");
    assert!(told.contains("300 records then, 0 added since"), "{told}");
    let more = synth(case.dir.path(), 100, 102, "ndjson");
    import(&case.store, &more.path).expect(0);
    let told = case.check(&case.store, "head.txt").expect(0).stdout;
    assert!(told.contains("300 records then, 100 added since"), "{told}");

    let other = Case::new(103);
    case.check(&other.store, "head.txt").expect(2);
    let ran = other.check(&case.store, "absent.txt");
    ran.expect_error(&["absent.txt"]);
    // Under another's key, and when a letter of it is another one.
    other.sign("head.txt").expect(0);
    fs::copy(other.path("head.txt"), case.path("theirs.txt")).unwrap();
    fs::copy(other.path("head.txt.minisig"), case.path("theirs.txt.minisig")).unwrap();
    case.check(&case.store, "theirs.txt").expect_error(&["theirs.txt", "was signed with the key"]);
    fs::write(case.path("head.txt"), statement.replace("300", "301")).unwrap();
    case.check(&case.store, "head.txt").expect_error(&["head.txt", "does not match"]);
}

#[test]
fn nothing_is_overwritten_and_nothing_damaged_signed() {
    let case = Case::new(104);
    case.sign("head.txt").expect(0);
    let statement = fs::read(case.path("head.txt")).unwrap();
    case.sign("head.txt").expect_error(&["head.txt already exists"]);
    fs::remove_file(case.path("head.txt")).unwrap();
    case.sign("head.txt").expect_error(&["head.txt.minisig already exists"]);
    fs::write(case.path("head.txt"), statement).unwrap();
    let file = case.store.join("archive/00000001.ndjson.zst");
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    case.sign("later.txt").expect_error(&["damaged", "not signed"]);
    assert!(!case.path("later.txt").exists());
    let empty = case.path("nothing");
    let arguments = ["sign", "--key", &case.text("key"), "--out", &case.text("later.txt")];
    on(&empty, &arguments).expect_error(&[empty.to_str().unwrap()]);
}

/// A kill between the two files, and in the middle of one: the same command does it again.
#[test]
fn a_signing_that_was_killed_is_done_again() {
    let case = Case::new(107);
    case.sign("before.txt").expect(0);
    let signature = fs::read(case.path("before.txt.minisig")).unwrap();
    let leftover = case.path(".head.txt.aB3dE6.tmp");
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("statement"), "").unwrap();
    fs::write(leftover.join("signature.copy"), &signature).unwrap();
    fs::write(case.path("head.txt.minisig"), &signature).unwrap();
    case.sign("head.txt").expect(0);
    case.check(&case.store, "head.txt").expect(0);
    assert!(!leftover.exists());
    // Without a leftover nobody knows whose it is.
    fs::remove_file(case.path("head.txt")).unwrap();
    case.sign("head.txt").expect_error(&["head.txt.minisig already exists"]);
    let hidden = fs::read_dir(case.dir.path()).unwrap().map(|it| it.unwrap().file_name());
    let hidden: Vec<_> = hidden.filter(|it| it.as_encoded_bytes().starts_with(b".")).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn a_secret_key_that_others_may_read_is_warned_of() {
    let case = Case::new(108);
    for (mode, is_warned) in [(0o644, true), (0o640, true), (0o600, false)] {
        fs::set_permissions(case.path("key"), fs::Permissions::from_mode(mode)).unwrap();
        let (statement, bundle) = (format!("{mode:o}.txt"), format!("{mode:o}"));
        for ran in [case.sign(&statement).expect(0), case.export(&bundle).expect(0)] {
            assert_eq!(
                ran.stderr.contains("others can read the secret key"),
                is_warned,
                "{ran:#?}"
            );
        }
    }
}

#[test]
fn a_key_with_a_password_takes_it_from_a_file_and_never_waits_for_nobody() {
    let case = Case::new(105);
    case.write_keys(&KeyPair::generate_encrypted_keypair(Some("pass word".to_owned())).unwrap());
    let (key, out, password) = (case.text("key"), case.text("head.txt"), case.text("password"));
    let arguments = ["sign", "--key", &key, "--out", &out];
    let mut command = wrapped(&["setsid", "-w"]);
    command.arg("--store").arg(&case.store).args(arguments).stdin(Stdio::null());
    run(&mut command).expect_error(&["no password for this secret key", "--password-file"]);
    let arguments = [&arguments[..], &["--password-file", &password]].concat();
    on(&case.store, &arguments).expect_error(&["cannot open", &password]);
    fs::write(&password, "word\n").unwrap();
    on(&case.store, &arguments).expect_error(&["does not open"]);
    fs::write(&password, "pass word\r\n").unwrap();
    on(&case.store, &arguments).expect(0);
    case.check(&case.store, "head.txt").expect(0);
}

#[test]
fn a_signed_bundle_cannot_be_made_anew_by_somebody_else() {
    let case = Case::new(106);
    for bundle in ["bundle", "bundle.zip"] {
        assert!(case.export(bundle).expect(0).stdout.contains("SHA256SUMS.minisig"));
        let told = case.check_signed(bundle).expect(0).stdout;
        assert!(told.contains("signed with the key"), "{told}");
        let told = case.check_bundle(bundle, &[]).expect(0).stdout;
        assert!(told.contains("not checked"), "{told}");
        let json = case.check_bundle(bundle, &["--format", "json"]).expect(0).json();
        assert_eq!(json["signature"]["checked"], false);
        let imported = case.path(&format!("{bundle}-store"));
        import(&imported, &case.path(bundle)).expect(0);
    }
    on(&case.store, &["export", "--out", &case.text("unsigned")]).expect(0);
    let json = case.check_bundle("unsigned", &["--format", "json"]).expect(0).json();
    assert!(json["signature"].is_null());
    let told = case.check_signed("unsigned").expect(2).stdout;
    assert!(told.contains("SHA256SUMS.minisig: is missing"), "{told}");
    // The same bundle of other content, sound in itself, with the signature of the first.
    let other = Case::new(107);
    on(&other.store, &["export", "--out", &case.text("forged")]).expect(0);
    let signature = "SHA256SUMS.minisig";
    fs::copy(case.path("bundle").join(signature), case.path("forged").join(signature)).unwrap();
    case.check_bundle("forged", &[]).expect(0);
    let told = case.check_signed("forged").expect(2).stdout;
    assert!(told.contains("does not match"), "{told}");
    fs::write(case.path("forged").join(signature), "\u{1b}[31mnot a signature").unwrap();
    let told = case.check_bundle("forged", &[]).expect(2).stdout;
    assert!(told.contains("is not a minisign signature"), "{told}");
}

/// What a key, a signature or a statement must be is decided by the program that made the formats.
#[test]
fn minisign_itself_agrees() {
    let case = Case::new(108);
    let minisign = |arguments: &[&str]| {
        let mut command = Command::new("minisign");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().map(|it| it.success())
    };
    let (key, public) = (case.text("key"), case.text("key.pub"));
    match minisign(&["-G", "-W", "-f", "-p", &public, "-s", &key]) {
        Err(_) => return skip("minisign"),
        // Versions before 0.11 know no keys without a password.
        Ok(false) => return skip("minisign 0.11"),
        Ok(true) => {}
    }
    case.sign("head.txt").expect(0);
    case.check(&case.store, "head.txt").expect(0);
    assert!(minisign(&["-V", "-m", &case.text("head.txt"), "-p", &public]).unwrap());
    case.export("bundle").expect(0);
    let sums = case.text("bundle/SHA256SUMS");
    assert!(minisign(&["-V", "-m", &sums, "-p", &public]).unwrap());
    fs::remove_file(case.path("bundle/SHA256SUMS.minisig")).unwrap();
    assert!(minisign(&["-S", "-m", &sums, "-s", &key]).unwrap());
    case.check_signed("bundle").expect(0);
    fs::write(case.path("head.txt"), "changed").unwrap();
    assert!(!minisign(&["-V", "-m", &case.text("head.txt"), "-p", &public]).unwrap());
}
