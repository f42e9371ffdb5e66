//! A text of which some parts have been replaced and must not be searched again.

use std::ops::Range;

enum Piece<'t> {
    Text(&'t str),
    Replaced(String),
}

/// A text that is being replaced piece by piece.
pub(super) struct Pieces<'t> {
    pieces: Vec<Piece<'t>>,
}

impl<'t> Pieces<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { pieces: vec![Piece::Text(text)] }
    }

    /// Replaces everything that `find` finds in pieces not yet replaced. `find` returns the first
    /// range at or after a byte of a text, and its replacement.
    pub(super) fn replace(&mut self, find: impl Fn(&str, usize) -> Option<(Range<usize>, String)>) {
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces.drain(..) {
            let text = match piece {
                Piece::Text(text) => text,
                replaced @ Piece::Replaced(_) => {
                    pieces.push(replaced);
                    continue;
                }
            };
            let mut kept_from = 0;
            while let Some((range, new)) = find(text, kept_from) {
                // An empty or backward match would loop for ever.
                let is_forward = range.start >= kept_from && range.end > range.start;
                let (Some(before), true) = (text.get(kept_from..range.start), is_forward) else {
                    break;
                };
                pieces.push(Piece::Text(before));
                pieces.push(Piece::Replaced(new));
                kept_from = range.end;
            }
            pieces.push(Piece::Text(text.split_at(kept_from).1));
        }
        self.pieces = pieces;
    }

    /// Returns the text; `None` if nothing was replaced.
    pub(super) fn finish(self) -> Option<String> {
        let is_changed = self.pieces.iter().any(|it| matches!(it, Piece::Replaced(_)));
        is_changed.then(|| {
            let texts = self.pieces.iter().map(|it| match it {
                Piece::Text(text) => text,
                Piece::Replaced(text) => text.as_str(),
            });
            texts.collect()
        })
    }
}
