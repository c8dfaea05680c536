//! What the rows or an adapter have and the text that a model reads has not.

use std::path::Path;

use seal_data::{Row, TemplateSetting, chat_templates, shown};

use crate::encoder::Encoder;

/// Turns that the template has no place for, in words; `None` where there are none.
pub(super) fn unplaced(encoder: &Encoder, rows: &[Row]) -> Option<String> {
    let with = rows.iter().filter(|row| encoder.unplaced(row) > 0).count();
    (with > 0).then(|| {
        format!(
            "{with} of {} rows have a system turn, and this template has no place for it: it is \
             left out of the text; --template chat keeps it",
            rows.len()
        )
    })
}

/// What the folder of an adapter has of its own and is not used; `None` where there is nothing.
/// The tokenizer of the model is in the folder `model`.
pub(super) fn of_adapter(
    adapter: &Path,
    model: &Path,
    encoder: &Encoder,
    template: &TemplateSetting,
) -> Option<String> {
    let named = match template {
        TemplateSetting::Chat { chat: Some(path), .. } => same(path, adapter),
        _ => false,
    };
    let folder = adapter.display().to_string();
    let folder = shown(&folder);
    let mut said = Vec::new();
    // A folder that cannot be read is said where it is used.
    let own = chat_templates(adapter).unwrap_or_default();
    if !named && !own.is_empty() && !encoder.has_templates(&own) {
        said.push(format!(
            "the adapter has a chat template of its own, which is not used; \
             --template '{{ chat = \"{folder}\" }}' uses it"
        ));
    }
    let tokenizer = |dir: &Path| std::fs::read(dir.join("tokenizer.json")).ok();
    if let Some(own) = tokenizer(adapter)
        && tokenizer(model).is_some_and(|of_model| of_model != own)
    {
        said.push(format!(
            "the adapter has a tokenizer of its own, which is not used; to use it, copy the \
             tokenizer files of {folder} into a copy of the model folder"
        ));
    }
    (!said.is_empty()).then(|| said.join("\n"))
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b || a.parent() == Some(&b),
        _ => false,
    }
}
