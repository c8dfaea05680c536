//! What follows the colon in `{:>8.2f}`.

use super::number;
use crate::chat::jinja::error::{Result, fail};
use crate::chat::jinja::run::Run;
use crate::chat::jinja::value::{Value, undefined};

struct Spec {
    fill: char,
    align: Option<char>,
    sign: char,
    alternate: bool,
    width: i128,
    group: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parse(spec: &str) -> Option<Spec> {
    let chars: Vec<char> = spec.chars().collect();
    let mut at = 0;
    let is_align = |c: Option<&char>| c.is_some_and(|c| "<>=^".contains(*c));
    let (mut fill, mut align) = (' ', None);
    if is_align(chars.get(1)) {
        (fill, align, at) = (chars[0], Some(chars[1]), 2);
    } else if is_align(chars.first()) {
        (align, at) = (Some(chars[0]), 1);
    }
    let take = |wanted: &str, at: &mut usize| {
        let found = chars.get(*at).copied().filter(|c| wanted.contains(*c));
        *at += usize::from(found.is_some());
        found
    };
    let sign = take("+- ", &mut at).unwrap_or('-');
    let alternate = take("#", &mut at).is_some();
    if take("0", &mut at).is_some() && align.is_none() {
        (fill, align) = ('0', Some('='));
    }
    let digits = |at: &mut usize| {
        let start = *at;
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        chars[start..*at].iter().collect::<String>()
    };
    let width = digits(&mut at);
    let width = if width.is_empty() { 0 } else { width.parse().ok()? };
    let group = take(",_", &mut at);
    let precision = match take(".", &mut at) {
        Some(_) => Some(digits(&mut at).parse().ok()?),
        None => None,
    };
    let kind = take("bcdeEfFgGnosxX%", &mut at);
    (at == chars.len()).then_some(Spec {
        fill,
        align,
        sign,
        alternate,
        width,
        group,
        precision,
        kind,
    })
}

impl<'t> Run<'t> {
    /// `format(value, spec)`.
    pub(super) fn format_value(&mut self, value: &Value, spec: &str) -> Result<String> {
        if spec.is_empty() {
            return self.show(value);
        }
        let Some(s) = parse(spec) else {
            return fail("a format has a form that Python does not know");
        };
        if let Some(text) = value.as_str() {
            if !matches!(s.kind, None | Some('s'))
                || s.align == Some('=') && s.fill != '0'
                || s.sign != '-'
                || s.group.is_some()
            {
                return fail("a format for numbers is used on a text");
            }
            let text: String = match s.precision {
                Some(n) => text.chars().take(n).collect(),
                None => text.to_owned(),
            };
            let align = s.align.filter(|a| *a != '=').unwrap_or('<');
            return self.format_padded(&text, &s, align);
        }
        let (Some(x), int) = (value.as_float(), value.as_int()) else {
            return match value {
                Value::Undefined(words) => undefined(words.as_ref()),
                other => fail(format!("a format is used on a value of type '{}'", other.kind())),
            };
        };
        let (prefix, digits) = match (int, s.kind) {
            (Some(n), Some('c')) => {
                let c = u32::try_from(n).ok().and_then(char::from_u32);
                let Some(c) = c else { return fail("a format takes the number of a character") };
                return self.format_padded(&c.to_string(), &s, s.align.unwrap_or('<'));
            }
            (Some(n), None | Some('b' | 'd' | 'n' | 'o' | 'x' | 'X')) => {
                if s.precision.is_some() {
                    return fail("a format with a precision is used on a whole number");
                }
                number::int(n.unsigned_abs(), s.kind.unwrap_or('d'), s.alternate)
            }
            (None, None) => ("", number::plain_float(x.abs(), s.precision)?),
            (_, Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'))) => {
                ("", number::float(x.abs(), kind, s.precision, s.alternate)?)
            }
            (None, Some('n')) => ("", number::float(x.abs(), 'g', s.precision, s.alternate)?),
            _ => return fail("a format's type does not fit the value"),
        };
        let negative = int.map_or(x < 0.0 || x == 0.0 && x.is_sign_negative(), |n| n < 0);
        let sign = match (negative, s.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        };
        let digits = match s.group {
            Some(mark) => grouped(
                &digits,
                mark,
                if matches!(s.kind, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 },
            ),
            None => digits,
        };
        let head = format!("{sign}{prefix}");
        if s.align == Some('=') {
            if s.group.is_some() && s.fill == '0' && s.width > (head.len() + digits.len()) as i128 {
                return fail("a format that groups digits and fills with zeros is not supported");
            }
            let digits =
                self.padded(&digits, s.width.saturating_sub(head.len() as i128), s.fill, '>')?;
            return Ok(head + &digits);
        }
        self.format_padded(&(head + &digits), &s, s.align.unwrap_or('>'))
    }

    /// As [`Run::padded`], but for an odd space in the middle, which goes right here.
    fn format_padded(&mut self, text: &str, s: &Spec, align: char) -> Result<String> {
        if align != '^' {
            return self.padded(text, s.width, s.fill, align);
        }
        let len = text.chars().count() as i128;
        let left = len + s.width.saturating_sub(len).max(0) / 2;
        let text = self.padded(text, left, s.fill, '>')?;
        self.padded(&text, s.width, s.fill, '<')
    }
}

fn grouped(digits: &str, mark: char, size: usize) -> String {
    let whole = digits
        .find(|c: char| !c.is_ascii_hexdigit() || c == 'e' && size == 3)
        .unwrap_or(digits.len());
    let mut out = String::new();
    for (at, c) in digits[..whole].chars().enumerate() {
        if at > 0 && (whole - at) % size == 0 {
            out.push(mark);
        }
        out.push(c);
    }
    out + &digits[whole..]
}
