//! What the hub's answers mean: its description of a file, and its refusals.

use seal_net::text;
use seal_text::escape_start;
use ureq::http::{HeaderMap, StatusCode};

use crate::address::{HubAddress, is_commit};
use crate::{HubError, HubSettings};

/// What the hub says of a file, without the file.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    /// Commit that the revision stands for.
    pub commit: String,
    /// Name of the blob in the cache.
    pub etag: String,
    /// Bytes, where the hub says.
    pub size: Option<u64>,
    /// Where to load it from.
    pub url: String,
}

/// What a status means.
pub(crate) fn refusal(
    settings: &HubSettings,
    of: &HubAddress,
    status: StatusCode,
    headers: &HeaderMap,
) -> HubError {
    let what = of.to_string();
    let page = format!("{}/{}", settings.endpoint, of.page());
    let said = said(headers);
    let tokens = format!("{}/settings/tokens", settings.endpoint);
    let revision = of.revision().to_owned();
    match (status.as_u16(), text(headers, "x-error-code").unwrap_or_default()) {
        (401 | 403, "GatedRepo") => {
            let as_whom = match &settings.token {
                Some(token) => {
                    format!("with a token of the same account (now: {})", token.from())
                }
                None => format!(
                    "logged in (`hf auth login`, or HF_TOKEN set to a token made at {tokens})"
                ),
            };
            HubError::Gated { what, page, as_whom }
        }
        (401, _) => match &settings.token {
            Some(token) => HubError::TokenRefused { what, from: token.from().into(), tokens },
            None => HubError::NoToken { what, tokens },
        },
        (403, _) => HubError::Forbidden { what, page, said },
        (404, "RepoNotFound") => HubError::NoRepo { what, page },
        (404, "RevisionNotFound") => HubError::NoRevision { what, revision, page },
        (404, "EntryNotFound") => HubError::NoFile { what, page, revision },
        (404, _) => HubError::NotFound { what, page },
        (429, _) => {
            let retry_after = seal_net::asked_wait(headers);
            HubError::RateLimited { what, until: seal_net::wait_in_words(retry_after), retry_after }
        }
        (status @ (408 | 500..), _) => {
            let retry_after = seal_net::asked_wait(headers);
            HubError::Server {
                what,
                status,
                said: said + &seal_net::wait_in_words(retry_after),
                retry_after,
            }
        }
        (status, _) => HubError::Status { what, status, said },
    }
}

/// Reads the headers that come with a file.
///
/// # Errors
/// [`HubError::Answer`] where one is missing or could not name a file.
pub(crate) fn meta_of(
    of: &HubAddress,
    status: StatusCode,
    headers: &HeaderMap,
    url: String,
) -> Result<Meta, HubError> {
    let commit = text(headers, "x-repo-commit").ok_or_else(|| {
        let moved = text(headers, "location").filter(|_| status.is_redirection());
        answer_error(
            of,
            &match moved {
                Some(to) => format!("it redirects to another server, {}", escape_start(to, 200)),
                None => "it names no commit (X-Repo-Commit)".to_owned(),
            },
        )
    })?;
    if !is_commit(commit) || of.pinned().is_some_and(|pinned| pinned != commit) {
        return Err(answer_error(of, "X-Repo-Commit is no commit hash, or not the one asked for"));
    }
    let linked = text(headers, "x-linked-etag");
    let etag =
        linked.or(text(headers, "etag")).ok_or_else(|| answer_error(of, "it sends no ETag"))?;
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if etag.is_empty() || etag.len() > 128 || etag.starts_with('.') || !etag.bytes().all(known) {
        return Err(answer_error(of, "its ETag cannot name a file"));
    }
    let number = |name: &str| match headers.get(name).map(|value| value.to_str()) {
        None => Ok(None),
        Some(value) => match value.map(|value| value.trim().parse::<u64>()) {
            Ok(Ok(size)) => Ok(Some(size)),
            _ => Err(answer_error(of, &format!("its {name} is no number of bytes"))),
        },
    };
    let size = match number("x-linked-size")? {
        // Beside a redirect, Content-Length is that of the redirect.
        None if linked.is_none() && !status.is_redirection() => number("content-length")?,
        size => size,
    };
    Ok(Meta { commit: commit.to_owned(), etag: etag.to_owned(), size, url })
}

pub(crate) fn answer_error(of: &HubAddress, why: &str) -> HubError {
    HubError::Answer { what: of.to_string(), why: why.to_owned() }
}

/// The hub's own words, cut to a line.
fn said(headers: &HeaderMap) -> String {
    let words = headers.get("x-error-message").map(|value| value.as_bytes()).unwrap_or_default();
    let words = escape_start(&String::from_utf8_lossy(words), 200);
    if words.is_empty() { words } else { format!(", saying \"{words}\"") }
}
