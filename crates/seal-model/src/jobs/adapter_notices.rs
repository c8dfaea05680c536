//! What is to be said of an adapter before it is used.

use std::path::Path;

use seal_lm::{AdapterSettings, LmConfig};

use super::notice::Notice;

/// What is to be said of the adapter in `folder` on the model at `path`: another base, and
/// layers that the model does not have.
pub(super) fn adapter_notices(
    folder: &Path,
    settings: &AdapterSettings,
    path: &Path,
    shape: &LmConfig,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(base) = settings.base.as_deref().filter(|base| !is_same_model(base, path)) {
        notices.push(Notice::OtherBase {
            adapter: folder.to_owned(),
            base: base.to_owned(),
            model: path.to_owned(),
        });
    }
    let unmatched = settings.unmatched(shape);
    if !unmatched.is_empty() {
        let layers = unmatched.iter().map(ToString::to_string).collect();
        notices.push(Notice::UnknownLayers { adapter: folder.to_owned(), layers });
    }
    notices
}

/// Whether an adapter's `base` may be the model at `path`: the same folder, the same
/// repository, or a copy of it under its own name.
fn is_same_model(base: &str, path: &Path) -> bool {
    let here = path.display().to_string();
    let plain = here.strip_prefix("hf://").unwrap_or(&here);
    let plain = plain.split('@').next().unwrap_or(plain);
    let last = |name: &str| {
        let name = name.trim_end_matches(['/', '\\']);
        name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase()
    };
    let folder = |name: &Path| name.canonicalize().ok();
    last(base) == last(plain)
        || folder(path).is_some_and(|here| {
            folder(Path::new(base)).as_ref() == Some(&here)
                || here
                    .file_name()
                    .is_some_and(|n| n.to_string_lossy().to_lowercase() == last(base))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_under_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("Llama-3-8B");
        std::fs::create_dir(&folder).unwrap();
        let here = folder.display().to_string();
        for same in [here.as_str(), "meta/Llama-3-8B", "llama-3-8b", "/elsewhere/Llama-3-8B/"] {
            assert!(is_same_model(same, &folder), "{same}");
        }
        for other in ["meta/Llama-3-70B", "mistral", ""] {
            assert!(!is_same_model(other, &folder), "{other}");
        }
        let remote = Path::new("hf://meta/Llama-3-8B@main");
        assert!(is_same_model("meta/Llama-3-8B", remote));
        assert!(!is_same_model("meta/Llama-3-8B-Instruct", remote));
    }
}
