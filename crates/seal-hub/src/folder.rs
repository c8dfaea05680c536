//! Which files of a repository make a model.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::HubError;
use crate::address::{HubAddress, check_path, is_commit};

/// The files of a repository at one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The commit that the revision stands for.
    pub commit: String,
    /// Paths in the repository, sorted.
    pub files: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Listing {
    /// Reads the hub's description of a revision.
    pub(crate) fn parse(of: &HubAddress, json: &str) -> Result<Self, HubError> {
        let answer = |why: String| HubError::Answer { what: of.to_string(), why };
        let info: Info = serde_json::from_str(json)
            .map_err(|e| answer(format!("the list of files cannot be read: {e}")))?;
        if !is_commit(&info.sha) || of.pinned().is_some_and(|pinned| pinned != info.sha) {
            return Err(answer("`sha` is no commit hash, or not the one asked for".into()));
        }
        let files: BTreeSet<String> = info.siblings.into_iter().map(|s| s.rfilename).collect();
        for name in &files {
            check_name(of, name)?;
        }
        Ok(Self { commit: info.sha, files })
    }
}

fn check_name(of: &HubAddress, name: &str) -> Result<(), HubError> {
    check_path(name).map_err(|why| HubError::HostileName {
        what: of.to_string(),
        name: name.chars().take(100).collect(),
        why,
    })
}

/// The settings of a model.
pub(crate) const CONFIG: &str = "config.json";
/// Its weights, in one file.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// Which file holds which tensor, where there are several.
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// Files of which a tokenizer needs one.
pub(crate) const TOKENIZERS: [&str; 3] = ["tokenizer.json", "tokenizer.model", "vocab.json"];

/// The small files to load, `config.json` first: those of the tokenizer, where the
/// repository has them. Weights in other formats, and code, are never loaded.
pub(crate) fn small(of: &HubAddress, listing: &Listing) -> Result<Vec<String>, HubError> {
    if !listing.files.contains(CONFIG) {
        return Err(HubError::NotAModel { what: of.to_string(), missing: CONFIG });
    }
    let small = listing.files.iter().filter(|path| seal_files::is_of_tokenizer(path)).cloned();
    Ok([CONFIG.to_owned()].into_iter().chain(small).collect())
}

/// The file that leads to the weights.
pub(crate) fn weights(of: &HubAddress, listing: &Listing) -> Result<&'static str, HubError> {
    let found = [WEIGHTS, INDEX].into_iter().find(|name| listing.files.contains(*name));
    found.ok_or_else(|| HubError::NotAModel { what: of.to_string(), missing: WEIGHTS })
}

#[derive(Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

/// The files of weights that an index names.
pub(crate) fn shards(of: &HubAddress, index: &Path) -> Result<BTreeSet<String>, HubError> {
    let text = std::fs::read_to_string(index).map_err(|e| HubError::io("read", index, e))?;
    let index: Index = serde_json::from_str(&text).map_err(|e| HubError::Answer {
        what: of.to_string(),
        why: format!("{INDEX} cannot be read: {e}"),
    })?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    for name in &shards {
        check_name(of, name)?;
    }
    Ok(shards)
}
