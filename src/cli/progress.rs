//! The progress bar, on stderr and only when that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Context;
use crate::ingest::Progress;

/// How often the bar is drawn, at most.
const DRAWS_PER_SECOND: u8 = 8;

/// Shows how an import gets on.
pub(super) struct ImportProgress {
    bar: Option<ProgressBar>,
}

impl ImportProgress {
    pub(super) fn new(context: &Context) -> Self {
        let is_shown = !context.global.quiet && std::io::stderr().is_terminal();
        Self { bar: is_shown.then(ProgressBar::no_length) }
    }

    pub(super) fn show(&self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        if bar.position() == 0 {
            let template = if progress.total_bytes.is_some() {
                "{bar:24} {bytes} of {total_bytes}, {msg}, {eta} left"
            } else {
                "{spinner} {bytes}, {msg}"
            };
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            if let Some(total_bytes) = progress.total_bytes {
                bar.set_length(total_bytes);
            }
        }
        bar.set_position(progress.bytes);
        bar.set_message(format!(
            "{} events, {}/s",
            progress.read,
            rate(progress.read, bar.elapsed())
        ));
    }
}

impl Drop for ImportProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn rate(count: u64, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / ms
}
