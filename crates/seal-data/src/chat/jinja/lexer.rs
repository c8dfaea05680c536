//! From a source to tokens, by the rules of Jinja2 3.1 with `trim_blocks` and
//! `lstrip_blocks`, as `transformers` sets them.

use super::error::{Error, Result, fail};
use super::literal;
use super::text::is_space;
use super::token::Token;

/// Longer ones first.
const OPERATORS: [&str; 27] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";", "!",
];

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    /// Whether `at` begins a line, as far as `lstrip_blocks` looks.
    line_start: bool,
    tokens: Vec<(Token, u32)>,
    line: u32,
    counted: usize,
}

/// The tokens of `source`, each with its line.
pub(super) fn lex(source: &str) -> Result<Vec<(Token, u32)>> {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let source = source.strip_suffix('\n').unwrap_or(&source);
    let mut lexer =
        Lexer { source, at: 0, line_start: true, tokens: Vec::new(), line: 1, counted: 0 };
    lexer.run().map_err(|e| e.at(lexer.line))?;
    Ok(lexer.tokens)
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn push(&mut self, token: Token) {
        self.line += self.source[self.counted..self.at].matches('\n').count() as u32;
        self.counted = self.at;
        self.tokens.push((token, self.line));
    }

    fn run(&mut self) -> Result<()> {
        while let Some(found) = next_opening(self.rest()) {
            let (text, tail) = self.rest().split_at(found);
            let sign = tail[2..].chars().next().filter(|c| matches!(c, '-' | '+'));
            let print = tail.starts_with("{{");
            self.text(text, sign, print);
            self.at += found;
            if tail.starts_with("{#") {
                self.comment(sign)?;
            } else if let Some(len) = raw_opening(tail) {
                self.at += len;
                self.raw()?;
            } else {
                self.push(if print { Token::PrintStart } else { Token::BlockStart });
                self.at += 2 + usize::from(sign.is_some());
                self.tag(print)?;
            }
        }
        let text = self.rest();
        self.text(text, Some('+'), false);
        Ok(())
    }

    /// The text before a tag with `sign`.
    fn text(&mut self, text: &str, sign: Option<char>, print: bool) {
        let mut kept = text;
        if sign == Some('-') {
            kept = text.trim_end_matches(is_space);
        } else if sign.is_none() && !print {
            let line = text.rfind('\n').map_or(0, |i| i + 1);
            if (line > 0 || self.line_start) && text[line..].chars().all(is_space) {
                kept = &text[..line];
            }
        }
        if !kept.is_empty() {
            self.push(Token::Text(kept.to_owned()));
        }
    }

    /// Takes what follows the end of a tag: all space after `-`, and a newline after a block.
    fn after(&mut self, stripped: bool, newline: bool) {
        let rest = self.rest();
        if stripped {
            self.at += rest.len() - rest.trim_start_matches(is_space).len();
        } else if newline && rest.starts_with('\n') {
            self.at += 1;
        }
        self.line_start = self.source[..self.at].ends_with('\n');
    }

    fn comment(&mut self, sign: Option<char>) -> Result<()> {
        self.at += 2 + usize::from(sign.is_some());
        let Some(end) = self.rest().find("#}") else { return fail("a comment has no end") };
        let last = self.rest()[..end].chars().next_back();
        self.at += end + 2;
        self.after(last == Some('-'), last != Some('+'));
        Ok(())
    }

    fn raw(&mut self) -> Result<()> {
        self.line_start = self.source[..self.at].ends_with('\n');
        let rest = self.rest();
        for (found, _) in rest.match_indices("{%") {
            let tail = &rest[found + 2..];
            let sign = tail.chars().next().filter(|c| matches!(c, '-' | '+'));
            let word = tail[usize::from(sign.is_some())..].trim_start_matches(is_space);
            let Some(end) = word.strip_prefix("endraw") else { continue };
            let end = end.trim_start_matches(is_space);
            let closing = end.chars().next().filter(|c| matches!(c, '-' | '+'));
            let Some(after) = end[usize::from(closing.is_some())..].strip_prefix("%}") else {
                continue;
            };
            self.text(&rest[..found], sign, false);
            self.at = self.source.len() - after.len();
            self.after(closing == Some('-'), closing.is_none());
            return Ok(());
        }
        fail("a raw block has no end")
    }

    /// What stands in a tag, and its end.
    fn tag(&mut self, print: bool) -> Result<()> {
        let mut open: Vec<&str> = Vec::new();
        loop {
            let rest = self.rest();
            if open.is_empty()
                && let Some(stripped) = ending(rest, print)
            {
                self.push(if print { Token::PrintEnd } else { Token::BlockEnd });
                self.at += 2 + usize::from(stripped.is_some());
                self.after(stripped == Some('-'), !print && stripped.is_none());
                return Ok(());
            }
            let Some(c) = rest.chars().next() else { return fail("a tag has no end") };
            if is_space(c) {
                self.at += c.len_utf8();
            } else if c.is_ascii_digit() {
                let (token, len) = literal::number(rest)?;
                self.push(token);
                self.at += len;
            } else if c == '_' || c.is_alphabetic() {
                let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric());
                let name = &rest[..end.unwrap_or(rest.len())];
                self.push(Token::Name(name.to_owned()));
                self.at += name.len();
            } else if matches!(c, '\'' | '"') {
                let (text, len) = literal::string(rest)?;
                self.push(Token::Str(text));
                self.at += len;
            } else if let Some(op) = OPERATORS.iter().find(|op| rest.starts_with(**op)) {
                match *op {
                    "(" | "[" | "{" => open.push(op),
                    ")" | "]" | "}" => {
                        let opening = open.pop();
                        if !matches!(
                            (opening, *op),
                            (Some("("), ")") | (Some("["), "]") | (Some("{"), "}")
                        ) {
                            return Err(Error::new(format!("`{op}` closes nothing")));
                        }
                    }
                    _ => {}
                }
                self.push(Token::Op(op));
                self.at += op.len();
            } else {
                return fail(format!("the character {:?} has no meaning in a tag", c));
            }
        }
    }
}

fn next_opening(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    text.match_indices('{')
        .map(|(at, _)| at)
        .find(|at| matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// The length of `{% raw %}` at the start of `tail`.
fn raw_opening(tail: &str) -> Option<usize> {
    let inner = tail.strip_prefix("{%")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let word = inner.trim_start_matches(is_space).strip_prefix("raw")?;
    let end = word.trim_start_matches(is_space);
    let after = match end.strip_prefix("-%}") {
        Some(after) => after.trim_start_matches(is_space),
        None => end.strip_prefix("%}")?,
    };
    Some(tail.len() - after.len())
}

/// Whether `rest` is the end of the tag, and its sign.
#[allow(clippy::option_option)] // A tag's end, and whether it has a sign.
fn ending(rest: &str, print: bool) -> Option<Option<char>> {
    let sign = rest.chars().next().filter(|c| matches!(c, '-' | '+'));
    let end = &rest[usize::from(sign.is_some())..];
    end.starts_with(if print { "}}" } else { "%}" }).then_some(sign)
}
