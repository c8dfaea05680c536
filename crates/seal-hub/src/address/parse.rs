//! From a text to an address, and from one address to another of the same repository.

use std::str::FromStr;

use super::{HubAddress, RepoKind, SCHEME, check_name, check_path, check_revision};
use crate::HubError;

impl HubAddress {
    /// The same place at another revision.
    ///
    /// # Errors
    /// [`HubError::Address`] for a revision that no repository can have.
    pub fn at(&self, revision: &str) -> Result<Self, HubError> {
        check_revision(revision).map_err(|why| self.bad(why))?;
        Ok(Self { revision: revision.to_owned(), ..self.clone() })
    }

    /// Another file of the same repository and revision.
    ///
    /// # Errors
    /// [`HubError::Address`] for a path that could lead out of the repository.
    pub fn join(&self, path: &str) -> Result<Self, HubError> {
        check_path(path).map_err(|why| self.bad(why))?;
        Ok(Self { path: Some(path.to_owned()), ..self.clone() })
    }

    fn bad(&self, why: &'static str) -> HubError {
        HubError::Address { address: self.to_string(), why }
    }
}

impl FromStr for HubAddress {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        parse(text)
            .map_err(|why| HubError::Address { address: seal_text::escape_start(text, 300), why })
    }
}

fn parse(text: &str) -> Result<HubAddress, &'static str> {
    let rest = text.strip_prefix(SCHEME).ok_or("it does not start with hf://")?;
    let (kind, rest) = match rest.split_once('/') {
        Some(("datasets", rest)) => (RepoKind::Dataset, rest),
        Some(("models", rest)) => (RepoKind::Model, rest),
        Some(("spaces" | "buckets", _)) => return Err("only models and data sets are read"),
        _ => (RepoKind::Model, rest),
    };
    let (owner, rest) = rest.split_once('/').ok_or("the repository needs an owner and a name")?;
    let end = rest.find(['@', '/']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    check_name(owner)?;
    check_name(name)?;
    let (revision, path) = match rest.strip_prefix('@') {
        None => ("main".to_owned(), rest.strip_prefix('/')),
        Some(rest) => {
            let (revision, path) = split_revision(rest);
            (revision.replace("%2F", "/").replace("%2f", "/"), path)
        }
    };
    check_revision(&revision)?;
    let path = path.filter(|path| !path.is_empty());
    path.map_or(Ok(()), check_path)?;
    let path = path.map(str::to_owned);
    Ok(HubAddress { kind, repo: format!("{owner}/{name}"), revision, path })
}

/// Cuts `revision/path`. A revision ends at the first slash, but for
/// `refs/pr/N` and `refs/convert/NAME`; in any other, `/` is written `%2F`.
fn split_revision(rest: &str) -> (&str, Option<&str>) {
    let words =
        if rest.starts_with("refs/pr/") || rest.starts_with("refs/convert/") { 3 } else { 1 };
    match rest.match_indices('/').nth(words - 1) {
        Some((at, _)) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        text.parse::<HubAddress>().unwrap_err().to_string()
    }

    #[test]
    fn an_address_survives_its_own_text() {
        for text in [
            "hf://owner/name@main",
            "hf://owner/name@v1.0/config.json",
            "hf://datasets/owner/name@refs/convert/parquet/default/train/0000.parquet",
            "hf://datasets/owner/name@refs/pr/12/a b.csv",
            "hf://owner/name@feature%2Fx/deep/er/file@2.txt",
            "hf://owner/name@0123456789abcdef0123456789abcdef01234567",
        ] {
            let address: HubAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.to_string().parse::<HubAddress>().unwrap(), address);
        }
    }

    #[test]
    fn the_revision_ends_where_it_should() {
        let of = |text: &str| {
            let a: HubAddress = text.parse().unwrap();
            (a.revision().to_owned(), a.path().map(str::to_owned))
        };
        assert_eq!(of("hf://o/n"), ("main".into(), None));
        assert_eq!(of("hf://o/n/"), ("main".into(), None));
        assert_eq!(of("hf://o/n/a@b"), ("main".into(), Some("a@b".into())));
        assert_eq!(of("hf://models/o/n@x%2Fy/z"), ("x/y".into(), Some("z".into())));
        assert_eq!(of("hf://o/n@refs/pr/3"), ("refs/pr/3".into(), None));
    }

    #[test]
    fn what_leads_out_of_a_repository_is_refused() {
        for text in [
            "hf://o/n/../x",
            "hf://o/n//x",
            "hf://o/n/a/./b",
            "hf://o/n/a\\b",
            "hf://o/n/C:x",
            "hf://o/n/a\nb",
            "hf://o/n@../x",
            "hf://o/n@",
            "hf://o/n@a/../../b",
            "hf://../n",
            "hf://o/..",
            "hf://o--p/n",
            "hf://o",
            "hf://",
            "hf://datasets/n",
            "hf://spaces/o/n",
            "s3://o/n",
            "hf://o/n@.git/x",
            "hf://o/n@re?v",
            "hf://o/n%2e",
        ] {
            assert!(text.parse::<HubAddress>().is_err(), "{text}");
        }
        assert!(why("hf://gpt2").contains("owner and a name"), "{}", why("hf://gpt2"));
        assert!(why("hf://gpt2").contains("hf://owner/name@revision/path"));
    }

    #[test]
    fn only_a_whole_lower_case_hash_pins() {
        let pinned =
            |r: &str| format!("hf://o/n@{r}").parse::<HubAddress>().unwrap().pinned().is_some();
        assert!(pinned(&"a1".repeat(20)));
        assert!(!pinned(&"A1".repeat(20)));
        assert!(!pinned(&"a1".repeat(19)));
    }
}
