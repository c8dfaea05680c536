//! The comments of a config, by the keys that they stand above.

use std::collections::BTreeMap;

/// What a config says of its keys.
#[derive(Debug, Default)]
pub(super) struct Comments(BTreeMap<String, String>);

impl Comments {
    /// Those of a TOML text in which every table has a header, and every key a line of its own.
    pub(super) fn of(text: &str) -> Self {
        let (mut found, mut section, mut above) = (BTreeMap::new(), String::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix('#') {
                above.push(comment.trim());
                continue;
            }
            let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let key = match (header, line.split_once('=')) {
                (Some(header), _) if !header.starts_with('[') => {
                    section = header.trim().to_owned();
                    Some(section.clone())
                }
                (None, Some((key, _))) if is_bare(key) => {
                    let key = key.trim();
                    Some(match section.is_empty() {
                        true => key.to_owned(),
                        false => format!("{section}.{key}"),
                    })
                }
                _ => None,
            };
            if let (Some(key), false) = (key, above.is_empty()) {
                found.entry(key).or_insert_with(|| above.join(" "));
            }
            above.clear();
        }
        Self(found)
    }

    /// What is said of the key with these parts.
    pub(super) fn at(&self, place: &[String]) -> Option<&str> {
        self.0.get(&place.join(".")).map(String::as_str)
    }
}

/// Whether a key stands without quotes.
fn is_bare(key: &str) -> bool {
    key.trim().chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_the_key_below_them() {
        let text = "# Of the file.\n\n# The\n# device.\ndevice = 1 # beside\n[a]\nb = 2\n# Of c.\nc = 3\n\
                    # Of a.d.\n[a.d]\n# only = 1\n\"odd key\" = 4\n";
        let comments = Comments::of(text);
        let at = |key: &str| {
            let place: Vec<String> = key.split('.').map(str::to_owned).collect();
            comments.at(&place).map(str::to_owned)
        };
        assert_eq!(at("device").as_deref(), Some("The device."));
        assert_eq!((at("a.b"), at("a.c").as_deref()), (None, Some("Of c.")));
        assert_eq!((at("a.d").as_deref(), at("a")), (Some("Of a.d."), None));
    }
}
