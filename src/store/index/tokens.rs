//! A tantivy tokenizer for the store's words.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};

use crate::store::words::words;

/// The name under which the tokenizer for subjects and reasons is registered.
pub(super) const WORDS_TOKENIZER: &str = "words";

/// Registers the index's tokenizer.
pub(super) fn register(tokenizers: &TokenizerManager) {
    tokenizers.register(WORDS_TOKENIZER, WordsTokenizer::default());
}

#[derive(Clone, Default)]
struct WordsTokenizer {
    /// The tokens, kept from text to text for their allocations; only the first `count` hold words.
    tokens: Vec<Token>,
    count: usize,
}

impl Tokenizer for WordsTokenizer {
    type TokenStream<'a> = WordsStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordsStream<'a> {
        // All words at once: `words` pushes them out, while tantivy pulls tokens.
        self.count = 0;
        words(text, |word, position| {
            if self.tokens.len() <= self.count {
                self.tokens.push(Token::default());
            }
            if let Some(token) = self.tokens.get_mut(self.count) {
                token.position = usize::try_from(position).unwrap_or(usize::MAX);
                token.text.clear();
                token.text.push_str(word);
                self.count += 1;
            }
        });
        WordsStream { tokens: self.tokens.split_at_mut(self.count).0, next: 0 }
    }
}

struct WordsStream<'a> {
    tokens: &'a mut [Token],
    next: usize,
}

impl TokenStream for WordsStream<'_> {
    fn advance(&mut self) -> bool {
        self.next += 1;
        self.next <= self.tokens.len()
    }

    #[expect(clippy::indexing_slicing, reason = "tantivy calls it after `advance` said true")]
    fn token(&self) -> &Token {
        &self.tokens[self.next - 1]
    }

    #[expect(clippy::indexing_slicing, reason = "tantivy calls it after `advance` said true")]
    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokens[self.next - 1]
    }
}
