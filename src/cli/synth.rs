//! `mailtrace synth`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use flate2::write::GzEncoder;

use crate::cli::context::{CommandOutcome, Context};
use crate::render::sanitise;
use crate::synth::{Shape, SynthOptions, Writer, generate_with_audit};
use crate::time::{parse_duration_ms, parse_time_argument};

/// Write synthetic event logs of any size, to try mailtrace
///
/// The same seed gives the same bytes. The events follow WorkMail's documented fields: messages in
/// and out, groups, rules, bounces, spam, losses and delays.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace synth --out events.ndjson\n  mailtrace synth --events 1000000 --days 14 --out - | mailtrace import -"
)]
pub(crate) struct SynthArgs {
    /// How many events
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    events: u64,
    /// How many audit events among them
    ///
    /// From 100 on, one account is taken over and sends mail besides; --truth says whose and when.
    #[arg(long, default_value_t = 0, value_name = "N")]
    audit: u64,
    /// Random seed; same seed, same log
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// When the log begins
    #[arg(long, default_value = "2026-11-01T00:00:00Z", value_name = "TIME")]
    since: String,
    /// Days the log spans
    #[arg(long, default_value_t = 7, value_name = "N", conflicts_with = "span")]
    days: u32,
    /// Time the log spans, such as 90m or 12h
    #[arg(long, value_name = "DURATION")]
    span: Option<String>,
    /// The organization's alias
    #[arg(long, default_value = "acme", value_name = "ALIAS")]
    organization: String,
    /// How many users the organization has
    #[arg(long, default_value_t = 200, value_name = "N")]
    users: u64,
    /// Format of the log
    #[arg(long = "as", value_enum, default_value_t, value_name = "SHAPE")]
    shape: ShapeArg,
    /// Output file (- for standard output)
    ///
    /// .gz and .zst are compressed; with s3-export it is a directory.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Also write what became of each message, to check answers
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Overwrite existing files, also where links lead
    #[arg(long)]
    force: bool,
}

/// The shapes that the output may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ShapeArg {
    /// One FilterLogEvents record a line
    #[default]
    Ndjson,
    /// What `aws logs filter-log-events` prints
    Json,
    /// What an export task leaves in S3
    S3Export,
    /// What a subscription filter hands to Firehose
    Firehose,
    /// What `aws logs tail` prints
    Tail,
    /// What `aws logs get-query-results` prints
    InsightsJson,
    /// What the Logs Insights console exports
    InsightsCsv,
    /// The messages alone, one a line
    Raw,
}

impl From<ShapeArg> for Shape {
    fn from(arg: ShapeArg) -> Self {
        match arg {
            ShapeArg::Ndjson => Self::Ndjson,
            ShapeArg::Json => Self::Json,
            ShapeArg::S3Export => Self::S3Export,
            ShapeArg::Firehose => Self::Firehose,
            ShapeArg::Tail => Self::Tail,
            ShapeArg::InsightsJson => Self::InsightsJson,
            ShapeArg::InsightsCsv => Self::InsightsCsv,
            ShapeArg::Raw => Self::Raw,
        }
    }
}

pub(crate) fn run(args: &SynthArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let options = args.options(context)?;
    // Before any file is made or overwritten.
    options.check()?;
    let path = args.out_file();
    let name = if is_stdout(&path) { "stdout".to_owned() } else { path.display().to_string() };
    let mut made = MadeFiles::default();
    let mut truth_out = args.truth.as_deref().map(|it| made.create(it, args.force)).transpose()?;
    let output = Output::open(&path, args.shape, |it| made.create(it, args.force))?;
    let mut writer = Writer::new(output, args.shape.into());
    let result = generate_with_audit(
        &options,
        args.audit,
        |record| writer.write(record),
        |truth| match &mut truth_out {
            Some(out) => {
                serde_json::to_writer(&mut *out, truth)?;
                out.write_all(b"\n")
            }
            None => Ok(()),
        },
    );
    let (summary, take_over) = result.with_context(|| format!("cannot write {name}"))?;
    if let (Some(out), Some(take_over)) = (&mut truth_out, &take_over) {
        serde_json::to_writer(&mut *out, &serde_json::json!({"takeOver": take_over}))?;
        out.write_all(b"\n")?;
    }
    writer.finish().and_then(Output::close).with_context(|| format!("cannot write {name}"))?;
    if let (Some(mut out), Some(path)) = (truth_out, &args.truth) {
        out.flush().with_context(|| format!("cannot write {}", path.display()))?;
    }
    made.keep();
    if !context.global.quiet && !is_stdout(&path) {
        let (events, messages) = (summary.event_count, summary.message_count);
        let audit = match args.audit {
            0 => String::new(),
            count => format!(" and {count} audit events"),
        };
        let line = format!("wrote {events} events of {messages} messages{audit} to {name}");
        writeln!(anstream::stderr(), "{}", sanitise(&line))?;
    }
    Ok(CommandOutcome::Done)
}

impl SynthArgs {
    fn options(&self, context: &Context) -> anyhow::Result<SynthOptions> {
        let span_ms = match &self.span {
            Some(span) => parse_duration_ms(span).with_context(|| {
                format!("cannot read \"{span}\" as a duration: give one such as 90m")
            })?,
            None => i64::from(self.days) * 86_400_000,
        };
        Ok(SynthOptions {
            event_count: self.events,
            seed: self.seed,
            since: parse_time_argument(&self.since, context.now, &context.zone)?,
            span_ms,
            organization: self.organization.clone(),
            user_count: self.users,
        })
    }

    /// The file to write. An export task names its object after a task and a stream within the
    /// directory.
    fn out_file(&self) -> PathBuf {
        let is_directory = self.shape == ShapeArg::S3Export
            && !is_stdout(&self.out)
            && (self.out.is_dir() || self.out.extension().is_none());
        if is_directory {
            let task = format!("00000000-0000-4000-8000-{:012x}", self.seed & 0xFFFF_FFFF_FFFF);
            return self.out.join(task).join("workmail-synthetic").join("000000.gz");
        }
        self.out.clone()
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files that were made. They are removed unless all goes well: half a log is useless, and in
/// the way of the same command again.
#[derive(Default)]
struct MadeFiles(Vec<PathBuf>);

impl MadeFiles {
    fn create(&mut self, path: &Path, is_forced: bool) -> anyhow::Result<BufWriter<File>> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
        }
        // Nothing is lost by writing to a pipe, a terminal or /dev/null.
        let takes_anything = fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
        let file = match is_forced || takes_anything {
            true => File::create(path),
            // Only files that did not exist are removed after an error.
            false => File::create_new(path).inspect(|_| self.0.push(path.to_owned())),
        };
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let is_link = fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
                let what = if is_link { "is a link" } else { "exists already" };
                anyhow::anyhow!(
                    "{} {what}: name another file, or overwrite it with --force",
                    path.display()
                )
            }
            _ => anyhow::Error::from(error).context(format!("cannot create {}", path.display())),
        })?;
        Ok(BufWriter::with_capacity(256 << 10, file))
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for MadeFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            let _still_there = fs::remove_file(path);
        }
    }
}

/// The output, with the compression that its name asks for.
enum Output {
    Plain(Box<dyn Write>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
    /// Each call makes a gzip member of its own, as Firehose does.
    GzipMembers(BufWriter<File>),
    Zstd(Box<zstd::Encoder<'static, BufWriter<File>>>),
}

impl Output {
    fn open(
        path: &Path,
        shape: ShapeArg,
        create: impl FnOnce(&Path) -> anyhow::Result<BufWriter<File>>,
    ) -> anyhow::Result<Self> {
        if is_stdout(path) {
            let stdout = BufWriter::with_capacity(256 << 10, io::stdout());
            return Ok(Self::Plain(Box::new(stdout)));
        }
        let file = create(path)?;
        Ok(match path.extension().and_then(|it| it.to_str()) {
            Some("gz") if shape == ShapeArg::Firehose => Self::GzipMembers(file),
            Some("gz") => {
                Self::Gzip(Box::new(GzEncoder::new(file, flate2::Compression::default())))
            }
            Some("zst") => Self::Zstd(Box::new(zstd::Encoder::new(file, 3)?)),
            _ => Self::Plain(Box::new(file)),
        })
    }

    fn close(self) -> io::Result<()> {
        match self {
            Self::Plain(mut out) => out.flush(),
            Self::Gzip(encoder) => encoder.finish()?.flush(),
            Self::GzipMembers(mut out) => out.flush(),
            Self::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::GzipMembers(out) => {
                let mut encoder = GzEncoder::new(out, flate2::Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()?;
                Ok(bytes.len())
            }
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::GzipMembers(out) => out.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
