//! Numbers and strings of a source, as Python reads them.

use super::error::{Result, fail};
use super::token::Token;

/// The number at the start of `rest`, and its length.
pub(super) fn number(rest: &str) -> Result<(Token, usize)> {
    let prefixes = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
    for (prefix, radix) in prefixes {
        if let Some(tail) = rest.strip_prefix(prefix) {
            let len = tail.find(|c: char| c != '_' && !c.is_digit(radix)).unwrap_or(tail.len());
            let n = i128::from_str_radix(&tail[..len].replace('_', ""), radix);
            let n = n.or_else(|_| fail("a whole number is too large"))?;
            return Ok((Token::Int(n), 2 + len));
        }
    }
    let digits = |from: usize| {
        let tail = &rest[from..];
        from + tail.find(|c: char| c != '_' && !c.is_ascii_digit()).unwrap_or(tail.len())
    };
    let whole = digits(0);
    let mut end = whole;
    let starts = |at: usize| rest[at..].starts_with(|c: char| c.is_ascii_digit());
    if rest[end..].starts_with('.') && starts(end + 1) {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        if starts(end + 1 + sign) {
            end = digits(end + 1 + sign);
        }
    }
    let text = rest[..end].replace('_', "");
    if end == whole {
        let n = text.parse().or_else(|_| fail("a whole number is too large"))?;
        return Ok((Token::Int(n), end));
    }
    let x = text.parse().or_else(|_| fail("a number cannot be read"))?;
    Ok((Token::Float(x), end))
}

/// The string at the start of `rest`, its escapes resolved, and its length with quotes.
pub(super) fn string(rest: &str) -> Result<(String, usize)> {
    let mut chars = rest.char_indices();
    let Some((_, quote)) = chars.next() else { return fail("a string has no end") };
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((out, at + c.len_utf8()));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some((at, c)) = chars.next() else { break };
        let digits = |from: usize, len: usize| {
            let code = rest.get(from..from + len).and_then(|d| u32::from_str_radix(d, 16).ok());
            code.and_then(char::from_u32)
        };
        let (hex, len) = match c {
            'x' => (digits(at + 1, 2), 2),
            'u' => (digits(at + 1, 4), 4),
            'U' => (digits(at + 1, 8), 8),
            _ => (None, 0),
        };
        match c {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(c),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'x' | 'u' | 'U' => {
                let Some(hex) = hex else {
                    return fail(format!(
                        "`\\{c}` in a string is not followed by a character's number"
                    ));
                };
                out.push(hex);
                chars.nth(len - 1);
            }
            'N' => return fail("`\\N{...}` in a string is not supported; write the character"),
            '0'..='7' => {
                let more = rest[at..].bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b));
                let len = more.count();
                let code = u32::from_str_radix(&rest[at..at + len], 8).ok();
                out.extend(code.and_then(char::from_u32));
                if len > 1 {
                    chars.nth(len - 2);
                }
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    fail("a string has no end")
}
