//! Addresses of files on a hub: `hf://…`.

use std::fmt;
use std::str::FromStr;

use crate::HubError;

/// What kind of repository an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepoKind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

/// A place on a hub: a repository, a revision of it, and a file or a folder in it.
///
/// ```
/// use seal_hub::{HubAddress, RepoKind};
///
/// let address: HubAddress = "hf://datasets/Anthropic/hh-rlhf/harmless-base/test.jsonl.gz".parse()?;
/// assert_eq!(address.kind(), RepoKind::Dataset);
/// assert_eq!(address.repo(), "Anthropic/hh-rlhf");
/// assert_eq!(address.revision(), "main");
/// assert_eq!(address.path(), Some("harmless-base/test.jsonl.gz"));
///
/// let model: HubAddress = "hf://EleutherAI/pythia-70m@step3000".parse()?;
/// assert_eq!((model.revision(), model.path()), ("step3000", None));
/// # Ok::<(), seal_hub::HubError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubAddress {
    kind: RepoKind,
    repo: String,
    revision: String,
    path: Option<String>,
}

/// How every address starts.
const SCHEME: &str = "hf://";

impl HubAddress {
    /// Whether a string is meant as an address on a hub, right or wrong, and
    /// not as a local path.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Model or data set.
    pub fn kind(&self) -> RepoKind {
        self.kind
    }

    /// `owner/name`.
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// A branch, a tag, a commit hash or `refs/…`.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The file in the repository, with `/`; `None` is the whole repository.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

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

    /// The commit hash, where the revision is one: such an address names the
    /// same bytes for ever.
    pub fn pinned(&self) -> Option<&str> {
        is_commit(&self.revision).then_some(&*self.revision)
    }

    /// `datasets/owner/name`, the part of a page's address after the host.
    pub(crate) fn page(&self) -> String {
        match self.kind {
            RepoKind::Model => self.repo.clone(),
            RepoKind::Dataset => format!("datasets/{}", self.repo),
        }
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

fn check_name(name: &str) -> Result<(), &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 96 || !name.chars().all(known) {
        return Err("the owner and the name are 1 to 96 letters, digits, `-`, `_` or `.`");
    }
    // `--` parts the words of a folder's name in the cache.
    if name.contains("--")
        || name.contains("..")
        || name.starts_with(['-', '.'])
        || name.ends_with(['-', '.'])
    {
        return Err("a name has no `--` or `..` and neither starts nor ends with `-` or `.`");
    }
    Ok(())
}

fn check_revision(revision: &str) -> Result<(), &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.+/".contains(c);
    if revision.len() > 200 || !revision.chars().all(known) {
        return Err(
            "a revision is letters, digits, `-`, `_`, `.`, `+` and `/`; or give a commit hash",
        );
    }
    if revision
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.') || part.contains(".."))
    {
        return Err("the revision is empty, or has an empty part or one that starts with `.`");
    }
    Ok(())
}

/// Refuses every path that is not plainly below the repository, on any system.
pub(crate) fn check_path(path: &str) -> Result<(), &'static str> {
    if path.len() > 1000 || path.chars().any(|c| c.is_control() || c == '\\') {
        return Err("the path holds a backslash or a control character, or is too long");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("the path is absolute or has a part that is empty, `.` or `..`");
    }
    if path.as_bytes().get(1) == Some(&b':') {
        return Err("the path starts with a drive");
    }
    Ok(())
}

/// 40 lower-case hexadecimal digits.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let revision = match self.revision.starts_with("refs/") {
            true => self.revision.clone(),
            false => self.revision.replace('/', "%2F"),
        };
        write!(f, "{SCHEME}{}@{revision}", self.page())?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, "/{path}"))
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
