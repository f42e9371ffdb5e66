//! Processes that are measured as wholes, and the process that measures them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::samples::Samples;

pub(crate) const SIDE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/benches/compare/duckdb_side.py");

/// `duckdb_side.py`, answering.
pub(crate) struct Side {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Side {
    pub(crate) fn start(python: &Path) -> std::io::Result<Self> {
        let mut child =
            Command::new(python).arg(SIDE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        Ok(Self { child, requests, answers })
    }

    pub(crate) fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> T {
        let mut requests = self.requests.as_ref().expect("its input");
        writeln!(requests, "{request}").expect("it takes requests");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("an answer")
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It ends where its input ends.
        self.requests = None;
        let _ended = self.child.wait();
    }
}

/// What one process took.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Usage {
    status: i32,
    wall_s: f64,
    cpu_s: Option<f64>,
    peak_bytes: Option<f64>,
}

/// What is run, again and again.
pub(crate) struct Job {
    pub(crate) argv: Vec<String>,
    /// What it makes, which is removed before it runs.
    pub(crate) makes: Option<PathBuf>,
}

impl Job {
    pub(crate) fn mailtrace<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let program = [env!("CARGO_BIN_EXE_mailtrace")].into_iter();
        Self { argv: program.chain(arguments).map(str::to_owned).collect(), makes: None }
    }

    pub(crate) fn import(source: &Path, store: &Path) -> Self {
        Self::mailtrace(["import", text(source), "--store", text(store), "-q"])
    }

    pub(crate) fn making(self, path: &Path) -> Self {
        Self { makes: Some(path.to_owned()), ..self }
    }
}

/// Our own paths, whose text we know.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Runs processes one at a time.
pub(crate) struct Stopwatch(Option<Side>);

impl Stopwatch {
    /// Without Python it sees the wall time only.
    pub(crate) fn new() -> Self {
        let side = Side::start(Path::new("python3"));
        if let Err(error) = &side {
            println!("No CPU time and no memory of processes: cannot start python3 ({error})");
        }
        Self(side.ok())
    }

    pub(crate) fn run(&mut self, job: &Job) -> Usage {
        match &job.makes {
            Some(made) if made.is_dir() => std::fs::remove_dir_all(made).expect("an old result"),
            Some(made) if made.exists() => std::fs::remove_file(made).expect("an old result"),
            _ => {}
        }
        // What the run before left to be written is not on this one's account.
        rustix::fs::sync();
        let usage = match &mut self.0 {
            Some(side) => side.ask(&json!({ "ask": "run", "argv": job.argv })),
            None => wall_only(&job.argv),
        };
        assert_eq!(usage.status, 0, "{:?} failed", job.argv);
        usage
    }

    /// Runs the jobs in turn, so that a busy minute is shared by all. The first round warms up.
    pub(crate) fn alternate<const N: usize>(
        &mut self,
        rounds: usize,
        jobs: [Option<&Job>; N],
    ) -> [Usages; N] {
        let mut usages = [const { Usages(Vec::new()) }; N];
        for round in 0..=rounds {
            for (job, usages) in jobs.iter().zip(&mut usages) {
                let usage = job.map(|it| self.run(it));
                usages.0.extend(usage.filter(|_| round > 0));
            }
        }
        usages
    }
}

fn wall_only(argv: &[String]) -> Usage {
    let started = Instant::now();
    let mut command = Command::new(&argv[0]);
    let status = command.args(&argv[1..]).stdout(Stdio::null()).status().expect("a process");
    let wall_s = started.elapsed().as_secs_f64();
    Usage { status: status.code().unwrap_or(-1), wall_s, cpu_s: None, peak_bytes: None }
}

/// What the runs of one command took.
pub(crate) struct Usages(pub(crate) Vec<Usage>);

impl Usages {
    pub(crate) fn wall(&self) -> Option<Samples> {
        self.samples(|it| Some(it.wall_s))
    }

    pub(crate) fn cpu(&self) -> Option<Samples> {
        self.samples(|it| it.cpu_s)
    }

    pub(crate) fn peak(&self) -> Option<Samples> {
        self.samples(|it| it.peak_bytes)
    }

    fn samples(&self, pick: fn(&Usage) -> Option<f64>) -> Option<Samples> {
        let values: Vec<f64> = self.0.iter().filter_map(pick).collect();
        (!values.is_empty()).then(|| Samples::new(values))
    }
}
