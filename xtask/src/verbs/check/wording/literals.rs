//! The string literals of a Rust file, as far as a check of their words needs them.

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// As written: escapes stay.
    pub(super) text: String,
}

/// The literals of `source` in order; comments and characters are none.
pub(super) fn of(source: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some((open, close)) = raw(source, at) {
            let begin = at + open;
            let length = source[begin..].find(&close).unwrap_or(source.len() - begin);
            found.push(literal(source, at, &source[begin..begin + length]));
            open + length + close.len()
        } else if let Some(inside) = rest.strip_prefix('"') {
            let length = string(inside);
            found.push(literal(source, at, &inside[..length]));
            length + 2
        } else {
            character(rest)
        };
        // What does not end ends with the file.
        at = source.len().min(at + length.max(1));
        while !source.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

fn literal(source: &str, at: usize, text: &str) -> Literal {
    Literal { line: 1 + source[..at].matches('\n').count(), text: text.to_owned() }
}

/// Length of a block comment with those inside it.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Of a raw string at `at`: the length of what opens it, and what closes it.
fn raw(source: &str, at: usize) -> Option<(usize, String)> {
    let is_in_a_name = |c: char| c.is_alphanumeric() || c == '_';
    if source[..at].chars().next_back().is_some_and(|c| is_in_a_name(c) && c != 'b') {
        return None;
    }
    let hashes = source[at..].strip_prefix('r')?;
    let count = hashes.bytes().take_while(|b| *b == b'#').count();
    hashes[count..].starts_with('"').then(|| (count + 2, format!("\"{}", "#".repeat(count))))
}

/// Length of a string up to the quotation mark that closes it.
fn string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a character literal, which may hold a quotation mark; 1 for anything else.
fn character(rest: &str) -> usize {
    let Some(inside) = rest.strip_prefix('\'') else { return 1 };
    match inside.strip_prefix('\\') {
        Some(escaped) => escaped.get(1..).and_then(|after| after.find('\'')).map_or(1, |n| n + 4),
        None => match inside.chars().next() {
            Some(c) if inside[c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
            // A lifetime.
            _ => 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_told_from_comments_characters_and_lifetimes() {
        let source = r###"
            // "comment"
            /* "a /* "b" */ "c" */
            fn f<'a>(c: &'a str) { let q = '"'; let e = '\''; let b = '\\'; }
            const A: &str = "one \" two";
            const B: &str = r#"three "four" \"#;
            const C: &[u8] = br"five"; "###;
        let found = of(source);
        let texts: Vec<&str> = found.iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(texts, [r#"one \" two"#, r#"three "four" \"#, "five"]);
        assert_eq!(found.iter().map(|literal| literal.line).collect::<Vec<_>>(), [5, 6, 7]);
    }

    #[test]
    fn what_does_not_end_ends_with_the_file() {
        assert_eq!(of("\"é"), [Literal { line: 1, text: "é".into() }]);
        assert!(of("/* \"").is_empty());
        assert_eq!(of("r#\"x"), [Literal { line: 1, text: "x".into() }]);
    }
}
