//! Addresses of files on a hub: `hf://…`.

mod parse;

use std::fmt;

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
