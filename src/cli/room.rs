//! Advice about a full disk.

use std::io;

use crate::cli::output::chain;
use crate::store::StoreError;

/// The advice for an error that comes from a full disk.
pub(crate) fn advice(error: &anyhow::Error) -> Option<String> {
    let is_told = |it: &(dyn std::error::Error + 'static)| {
        matches!(it.downcast_ref(), Some(StoreError::NoRoom { .. }))
    };
    // The store's own error says what to do already.
    if error.chain().any(is_told) || !error.chain().any(is_no_room) {
        return None;
    }
    let temporary = std::env::temp_dir();
    // The names of temporary stores; the user's own store may be in the same directory.
    let of_ours = temporary.join("mailtrace-").display().to_string();
    Some(if chain(error.as_ref()).contains(&of_ours) {
        let temporary = temporary.display();
        format!(
            "free some space in {temporary}, or set TMPDIR to a directory on a larger disk, and run the command again"
        )
    } else {
        "free some space there, and run the command again".to_owned()
    })
}

fn is_no_room(error: &(dyn std::error::Error + 'static)) -> bool {
    let Some(error) = error.downcast_ref::<io::Error>() else { return false };
    let inner = error.get_ref().and_then(|it| it.downcast_ref::<io::Error>());
    let kinds = [Some(error.kind()), inner.map(io::Error::kind)];
    kinds
        .into_iter()
        .flatten()
        .any(|it| matches!(it, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_disk_is_to_be_freed() {
        let of = |kind: io::ErrorKind| {
            anyhow::Error::new(io::Error::from(kind)).context("cannot write x")
        };
        assert!(advice(&of(io::ErrorKind::StorageFull)).unwrap().contains("free some space there"));
        assert_eq!(advice(&of(io::ErrorKind::NotFound)), None);
        let path = std::env::temp_dir().join("mailtrace-x");
        let error = of(io::ErrorKind::QuotaExceeded).context(path.display().to_string());
        assert!(advice(&error).unwrap().contains("TMPDIR"));
        let path = std::env::temp_dir().join("store");
        let error = of(io::ErrorKind::QuotaExceeded).context(path.display().to_string());
        assert!(!advice(&error).unwrap().contains("TMPDIR"));
    }
}
