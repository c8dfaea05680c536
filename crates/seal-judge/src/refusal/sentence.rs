//! Sentences as lists of words.

/// The words of a sentence in lower case, without punctuation but with apostrophes.
pub(super) type Sentence = Vec<String>;

/// The sentences of `text` that have a word. A sentence ends at `.`, `!`, `?` or `:` before white
/// space, and before an empty line.
pub(super) fn sentences(text: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    let mut sentence = Sentence::new();
    let mut characters = text.trim().chars().filter(|c| *c != '\r').peekable();
    let mut word = String::new();
    let end_word = |word: &mut String, sentence: &mut Sentence| {
        let whole = word.trim_matches('\'');
        if !whole.is_empty() {
            sentence.push(whole.to_owned());
        }
        word.clear();
    };
    while let Some(character) = characters.next() {
        match character {
            // Typographic apostrophes.
            '\'' | '\u{2019}' | '\u{2018}' => word.push('\''),
            _ if character.is_alphanumeric() => word.extend(character.to_lowercase()),
            _ => {
                end_word(&mut word, &mut sentence);
                let next = characters.peek();
                let ends = match character {
                    '.' | '!' | '?' | ':' => next.is_none_or(|next| next.is_whitespace()),
                    '\n' => next == Some(&'\n'),
                    _ => false,
                };
                if ends && !sentence.is_empty() {
                    found.push(std::mem::take(&mut sentence));
                }
            }
        }
    }
    end_word(&mut word, &mut sentence);
    if !sentence.is_empty() {
        found.push(sentence);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_ends() {
        let found = sentences(
            "\u{201c}I\u{2019}m SORRY\u{201d}, version 1.5 isn't: here.\r\n\r\nÀ la\r\n'carte'\n\nb",
        );
        let joined: Vec<String> = found.iter().map(|words| words.join(" ")).collect();
        assert_eq!(joined, ["i'm sorry version 1 5 isn't", "here", "à la carte", "b"]);
        assert!(sentences(" ...\n'!").is_empty());
    }
}
