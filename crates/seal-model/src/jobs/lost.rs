//! What the rows or an adapter have and the text that a model reads has not.

use std::path::Path;

use seal_data::{Row, TemplateSetting, TextTokenizer, Tokenizer as _, chat_templates};

use super::notice::Notice;
use super::stage_settings::StageSettings;
use crate::encoder::Encoder;

/// What is lost of `rows`, and of the adapter in the folder `adapter` on the model of the
/// folder `model`.
pub(super) fn notices(
    adapter: Option<&Path>,
    model: &Path,
    encoder: &Encoder,
    settings: &StageSettings,
    rows: &[Row],
) -> Vec<Notice> {
    let of_adapter = adapter.map(|adapter| of_adapter(adapter, model, encoder, settings));
    of_adapter.into_iter().flatten().chain(unplaced(encoder, rows)).collect()
}

/// Rows with turns that the template has no place for.
fn unplaced(encoder: &Encoder, rows: &[Row]) -> Option<Notice> {
    let with = rows.iter().filter(|row| encoder.unplaced(row) > 0).count();
    (with > 0).then_some(Notice::Unplaced { with, of: rows.len() })
}

/// What the folder of an adapter has of its own and is not used.
fn of_adapter(
    adapter: &Path,
    model: &Path,
    encoder: &Encoder,
    settings: &StageSettings,
) -> Vec<Notice> {
    let named = match &settings.template {
        TemplateSetting::Chat { chat: Some(path), .. } => same(path, adapter),
        _ => false,
    };
    let mut notices = Vec::new();
    // A folder that cannot be read is said where it is used.
    let own = chat_templates(adapter).unwrap_or_default();
    if !named && !own.is_empty() && !encoder.has_templates(&own) {
        notices.push(Notice::AdapterTemplate { adapter: adapter.to_owned() });
    }
    if settings.tokenizer.is_model() && has_own_tokenizer(adapter, model) {
        notices.push(Notice::AdapterTokenizer { adapter: adapter.to_owned() });
    }
    notices
}

/// Whether the adapter's folder has another tokenizer than the model's: another file of it, or
/// other special tokens.
fn has_own_tokenizer(adapter: &Path, model: &Path) -> bool {
    let file = |dir: &Path| std::fs::read(dir.join("tokenizer.json")).ok();
    let (Some(own), Some(of_model)) = (file(adapter), file(model)) else { return false };
    if own != of_model {
        return true;
    }
    // A folder that cannot be read is said where it is used.
    let named = |dir| TextTokenizer::for_model(dir, model).ok().map(|t| t.named_tokens());
    matches!((named(adapter), named(model)), (Some(own), Some(of_model)) if own != of_model)
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b || a.parent() == Some(&b),
        _ => false,
    }
}
