//! JSON that Python writes and that is none.
//!
//! `json.dumps` writes `NaN`, `Infinity` and halves of surrogate pairs. None of
//! them may stop a row whose other fields are read, so each gets a stand-in.

/// Characters that stand in for what is no character. A row is read with each:
/// where the readings differ, one of the fields that are used held it.
pub(super) const REPLACEMENTS: [char; 2] = ['\u{fffd}', '\u{fffe}'];

/// A text that can be parsed.
pub(super) struct Mended {
    /// With the one and with the other of [`REPLACEMENTS`].
    pub texts: [String; 2],
    /// Whether no character was replaced; both texts are the same.
    pub whole: bool,
}

/// `json` with `null` for `NaN`, as pandas writes what is missing; the largest
/// numbers for infinite ones; and a replacement for each half of a surrogate
/// pair. `None` where it holds nothing of the kind.
pub(super) fn mended(json: &str) -> Option<Mended> {
    let mut out = Output { texts: [String::new(), String::new()], changed: false, whole: true };
    let bytes = json.as_bytes();
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let (length, stand_in) = match bytes[at] {
            b'"' => {
                let end = string(json, at, &mut copied, &mut out);
                at = end;
                continue;
            }
            b'-' | b'0'..=b'9' | b'N' | b'I' => token(&json[at..]),
            _ => (1, None),
        };
        if let Some(other) = stand_in {
            out.copy(&json[copied..at]);
            out.copy(other);
            out.changed = true;
            copied = at + length;
        }
        at += length;
    }
    if !out.changed {
        return None;
    }
    out.copy(&json[copied..]);
    Some(Mended { texts: out.texts, whole: out.whole })
}

struct Output {
    texts: [String; 2],
    changed: bool,
    whole: bool,
}

impl Output {
    fn copy(&mut self, text: &str) {
        self.texts.iter_mut().for_each(|out| out.push_str(text));
    }
}

const LARGEST: &str = "1.7976931348623157e308";
const SMALLEST: &str = "-1.7976931348623157e308";

/// Length of the number or word at the start, and what replaces it.
fn token(json: &str) -> (usize, Option<&'static str>) {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let length = json.find(|c| !part(c)).unwrap_or(json.len());
    let stand_in = match &json[..length] {
        "NaN" | "-NaN" => Some("null"),
        "Infinity" => Some(LARGEST),
        "-Infinity" => Some(SMALLEST),
        // Python reads a number that no float holds as infinite.
        number if !number.starts_with('N') && !number.starts_with('I') => {
            match number.parse::<f64>() {
                Ok(x) if x == f64::INFINITY => Some(LARGEST),
                Ok(x) if x == f64::NEG_INFINITY => Some(SMALLEST),
                _ => None,
            }
        }
        _ => None,
    };
    (length.max(1), stand_in.filter(|_| length > 0))
}

/// Goes over the string that opens at `start`; the place behind it.
fn string(json: &str, start: usize, copied: &mut usize, out: &mut Output) -> usize {
    let bytes = json.as_bytes();
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => match unit(json, at) {
                Some(0xd800..=0xdbff) if matches!(unit(json, at + 6), Some(0xdc00..=0xdfff)) => {
                    at += 12;
                }
                Some(0xd800..=0xdfff) => {
                    out.copy(&json[*copied..at]);
                    for (text, other) in out.texts.iter_mut().zip(REPLACEMENTS) {
                        text.push(other);
                    }
                    (out.changed, out.whole) = (true, false);
                    at += 6;
                    *copied = at;
                }
                _ => at += 2,
            },
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The code unit of a `\uXXXX` at `at`.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_python_writes_can_be_parsed() {
        let json = r#"{"a": NaN, "b": [Infinity, -Infinity, 1e999, -1e999, 1.5], "NaN": "NaN \" -Infinity"}"#;
        let Mended { texts, whole } = mended(json).unwrap();
        assert!(whole && texts[0] == texts[1]);
        insta::assert_snapshot!(texts[0], @r#"{"a": null, "b": [1.7976931348623157e308, -1.7976931348623157e308, 1.7976931348623157e308, -1.7976931348623157e308, 1.5], "NaN": "NaN \" -Infinity"}"#);
        let halves = r#"["\ud83d\ude00 \ud83d \ude00\ud83d\u0041 \\ud83d"]"#;
        let Mended { texts, whole } = mended(halves).unwrap();
        assert!(!whole);
        assert_eq!(texts[0], "[\"\\ud83d\\ude00 \u{fffd} \u{fffd}\u{fffd}\\u0041 \\\\ud83d\"]");
        assert_eq!(texts[1], texts[0].replace('\u{fffd}', "\u{fffe}"));
        assert!(mended(r#"{"a": "NaN", "b": 1e10, "c": -0.5}"#).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in any::<String>(), odd in "[\"\\\\udDcC0NaI,:\\[{}é-]{0,20}") {
            let _ = (mended(&text), mended(&odd));
        }
    }
}
