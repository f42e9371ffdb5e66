//! The signals that ask us to stop.

use std::ffi::c_int;
use std::fs;
use std::thread;

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

#[cfg(any(feature = "aws", feature = "serve"))]
use crate::stop::Stop;

/// Calls `handle` for each such signal, on a thread of its own.
pub(crate) fn on_stop(mut handle: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    const WHAT: &str = "cannot watch for signals";
    // If hangups are ignored, we should outlive the terminal: that is what nohup asks for.
    let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
    let signals = [SIGINT, SIGTERM].into_iter().chain(hangup);
    let mut signals = Signals::new(signals).context(WHAT)?;
    let watch = move || signals.forever().for_each(|_| handle());
    thread::Builder::new().name("signals".to_owned()).spawn(watch).context(WHAT)?;
    Ok(())
}

/// A request to stop at the first Ctrl-C, so that fetched events are committed and questions
/// under way are answered. The second one ends the process at once.
#[cfg(any(feature = "aws", feature = "serve"))]
#[expect(clippy::exit, reason = "a second Ctrl-C is a wish not to wait")]
pub(crate) fn stop_on_interrupt() -> anyhow::Result<Stop> {
    let stop = Stop::new();
    let wish = stop.clone();
    on_stop(move || {
        if wish.request() {
            std::process::exit(EXIT_INTERRUPTED);
        }
    })?;
    Ok(stop)
}

/// The error of a command that was stopped before its end.
#[cfg(feature = "aws")]
pub(crate) const INTERRUPTED: &str =
    "interrupted: what was fetched is kept, and the same command continues from there";

/// The exit status of a process ended by SIGINT, as shells report it.
pub(crate) const EXIT_INTERRUPTED: i32 = 130;

/// True if a signal was ignored when we were started. Only Linux says so without unsafe code;
/// elsewhere no signal counts as ignored.
fn is_ignored(signal: c_int) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_ignored_by(&status, signal)
}

/// The same for the text of `/proc/PID/status`: bit 0 of the mask is signal 1.
fn is_ignored_by(status: &str, signal: c_int) -> bool {
    let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
    mask.zip(u32::try_from(signal - 1).ok())
        .and_then(|(mask, bit)| mask.checked_shr(bit))
        .is_some_and(|it| it & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_tells_what_is_ignored() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored_by(status, SIGHUP));
        assert!(!is_ignored_by(status, SIGTERM) && !is_ignored_by(status, SIGINT));
        assert!(!is_ignored_by("SigIgn:\t0000000000001000\n", SIGHUP));
        assert!(!is_ignored_by("", SIGHUP) && !is_ignored_by("SigIgn:\tx\n", SIGHUP));
    }
}
