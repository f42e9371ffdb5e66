//! Chromium and the driver that Debian has for it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::support::skip;

/// How long a page may take to show what is waited for: other tests run beside this one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hears of whatever a page must not do. It comes into each page before the page's own script.
const WATCH: &str = "
    window.misdeeds = [];
    addEventListener('securitypolicyviolation', (it) => misdeeds.push(`CSP: ${it.violatedDirective} ${it.blockedURI}`));
    addEventListener('error', (it) => misdeeds.push(`error: ${it.message}`));
    for (const dialog of ['alert', 'confirm', 'prompt', 'print', 'open']) {
        window[dialog] = (text) => { misdeeds.push(`${dialog}: ${text}`); };
    }
";

/// A running chromedriver. It ends with this.
pub(super) struct Browser {
    child: Child,
    /// It writes there now and then.
    _stdout: BufReader<ChildStdout>,
    address: String,
    profiles: tempfile::TempDir,
}

/// How a browser is set.
#[derive(Clone, Copy, Default)]
pub(super) struct Settings {
    pub(super) is_without_script: bool,
    pub(super) is_dark: bool,
}

impl Browser {
    /// Starts it, or says that there is none.
    pub(super) fn start() -> Option<Self> {
        let is_there = |name: &str| Command::new(name).arg("--version").output().is_ok();
        if !is_there("chromium") || !is_there("chromedriver") {
            skip("chromium and chromium-driver");
            return None;
        }
        let mut child =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "chromedriver said nothing");
            let started = line.trim().trim_end_matches('.').split_once("successfully on port ");
            if let Some((_, port)) = started {
                break port.to_owned();
            }
        };
        let profiles = tempfile::tempdir().unwrap();
        Some(Self { child, _stdout: stdout, address: format!("http://127.0.0.1:{port}"), profiles })
    }

    /// Opens a window of a fresh browser, which reaches nothing but this machine.
    pub(super) async fn open(&self, name: &str, settings: Settings) -> Eyes {
        let mut wanted = DesiredCapabilities::chrome();
        let profile = format!("--user-data-dir={}", self.profiles.path().join(name).display());
        let mut arguments = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1280,1600",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            &profile,
        ];
        if settings.is_without_script {
            arguments.push("--blink-settings=scriptEnabled=false");
        }
        if settings.is_dark {
            arguments.push("--blink-settings=preferredColorScheme=0");
        }
        for argument in arguments {
            wanted.add_arg(argument).unwrap();
        }
        let driver = WebDriver::new(self.address.as_str(), wanted).await.unwrap();
        if !settings.is_without_script {
            let watch = json!({"source": WATCH});
            driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", watch).await.unwrap();
        }
        Eyes { driver, origin: String::new() }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A window, and somebody before it.
pub(super) struct Eyes {
    pub(super) driver: WebDriver,
    origin: String,
}

impl Eyes {
    /// Opens the address that the server printed.
    pub(super) async fn enter(&mut self, url: &str) {
        url.split_inclusive('/').take(3).collect::<String>().clone_into(&mut self.origin);
        self.driver.goto(url).await.unwrap();
        self.see("main").await;
    }

    pub(super) async fn go(&self, page: &str) {
        let page = page.trim_start_matches("./");
        self.driver.goto(format!("{}{page}", self.origin)).await.unwrap();
        self.see("main").await;
    }

    /// Waits for an element.
    pub(super) async fn see(&self, selector: &str) -> WebElement {
        let query = self.driver.query(By::Css(selector.to_owned()));
        query.wait(PATIENCE, Duration::from_millis(50)).first().await.unwrap()
    }

    /// Waits until a text can be read there.
    pub(super) async fn read(&self, selector: &str, text: &str) {
        let began = Instant::now();
        loop {
            let found = self.text(selector).await;
            if found.contains(text) {
                return;
            }
            let what = format!("\"{text}\" is not in {selector}, which says \"{found}\"");
            assert!(began.elapsed() < PATIENCE, "{what}, at {}", self.address().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn text(&self, selector: &str) -> String {
        match self.driver.find(By::Css(selector.to_owned())).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    pub(super) async fn count(&self, selector: &str) -> usize {
        self.driver.find_all(By::Css(selector.to_owned())).await.unwrap().len()
    }

    pub(super) async fn click(&self, selector: &str) {
        self.see(selector).await.click().await.unwrap();
    }

    /// Types on the keyboard, wherever the focus is.
    pub(super) async fn press(&self, keys: impl Into<TypingData>) {
        let keys: TypingData = keys.into();
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    pub(super) async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    pub(super) async fn address(&self) -> String {
        self.driver.current_url().await.unwrap().to_string()
    }

    /// Checks that the page did nothing that it must not do, and asked nobody else.
    pub(super) async fn expect_calm(&self, page: &str) {
        let misdeeds = self.run("return window.misdeeds").await;
        assert_eq!(misdeeds, json!([]), "{page}");
        let script = "return performance.getEntriesByType('resource').map((it) => it.name)";
        let asked = self.run(script).await;
        for name in asked.as_array().unwrap() {
            assert!(name.as_str().unwrap().starts_with(&self.origin), "{page} asked for {name}");
        }
    }

    /// Checks that nothing is wider than the window.
    pub(super) async fn expect_fit(&self, page: &str) {
        let script = "return document.documentElement.scrollWidth - innerWidth";
        let beyond = self.run(script).await.as_i64().unwrap();
        assert!(beyond <= 0, "{page} is {beyond} pixels too wide");
    }

    pub(super) async fn resize(&self, width: u32, height: u32) {
        self.driver.set_window_rect(0, 0, width, height).await.unwrap();
    }

    /// Keeps a picture of all of the page.
    pub(super) async fn picture(&self, path: &Path) {
        let script = "return Math.max(document.documentElement.scrollHeight, 600)";
        let height = self.run(script).await.as_f64().unwrap();
        let width = self.run("return innerWidth").await.as_f64().unwrap();
        let size = json!({"width": width, "height": height.min(HEIGHT_MAX), "deviceScaleFactor": 1, "mobile": false});
        let cdp = self.driver.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        let png = self.driver.screenshot_as_png().await.unwrap();
        cdp.send_raw("Emulation.clearDeviceMetricsOverride", json!({})).await.unwrap();
        fs::write(path, png).unwrap();
    }

    /// How many sheets of A4 the page takes when it is printed.
    pub(super) async fn sheets(&self) -> usize {
        let paper = json!({"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": true});
        let printed = self.driver.cdp().send_raw("Page.printToPDF", paper).await.unwrap();
        let pdf = BASE64_STANDARD.decode(printed["data"].as_str().unwrap()).unwrap();
        let text = String::from_utf8_lossy(&pdf).replace("/Type /Page", "/Type/Page");
        text.matches("/Type/Page").count() - text.matches("/Type/Pages").count()
    }

    /// What the rules of WCAG find wrong with a page.
    pub(super) async fn violations(&self, axe: &str) -> Vec<String> {
        self.driver.execute(axe, Vec::new()).await.unwrap();
        let script = "
            const done = arguments[0];
            axe.run(document, { resultTypes: ['violations'] }).then((it) => done(it.violations.flatMap((rule) =>
                rule.nodes.slice(0, 3).map((node) => `${rule.id}: ${node.target}: ${node.failureSummary}`))));
        ";
        let found = self.driver.execute_async(script, Vec::new()).await.unwrap();
        serde_json::from_value(found.json().clone()).unwrap()
    }
}

/// Pixels of the highest picture.
const HEIGHT_MAX: f64 = 6_000.0;

/// The rules of WCAG as a script, taken from npm into the tests' own directory.
pub(super) fn axe() -> Option<String> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let script = dir.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        fs::create_dir_all(&dir).unwrap();
        let quiet = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--silent"];
        let mut npm = Command::new("npm");
        npm.arg("install").args(quiet).arg("--prefix").arg(&dir).arg("axe-core@4");
        let is_there = npm.stdin(Stdio::null()).status().is_ok_and(|it| it.success());
        if !is_there || !script.exists() {
            skip("npm, and axe-core from it");
            return None;
        }
    }
    Some(fs::read_to_string(script).unwrap())
}
