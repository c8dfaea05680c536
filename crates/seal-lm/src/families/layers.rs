//! Settings that differ between the blocks of a model.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use crate::{Architecture, LayerType, LmConfig, LmError};

/// Most blocks of a model whose blocks differ: what is said of each takes memory.
const MOST: usize = 1 << 12;

/// Windows of a model, as [`Architecture`] has them.
pub(super) struct Windows {
    pub(super) sliding_window: Option<usize>,
    pub(super) layer_types: Vec<LayerType>,
}

/// Reads `layer_types` of a model of `layers` blocks and this `window`. Where the file has no such
/// list, block i has the window if `slides(i)`.
///
/// # Errors
/// A list of another length, a kind that is not known, a block with a window that the file does
/// not name.
pub(super) fn windows(
    f: &Fields<'_>,
    layers: usize,
    window: Option<usize>,
    slides: impl Fn(usize) -> bool,
) -> Result<Windows, LmError> {
    const KEY: &str = "layer_types";
    let types = match (f.get(KEY), window) {
        (Some(list), _) => listed(f, KEY, list, layers)?,
        (None, None) => Vec::new(),
        (None, Some(_)) => described(f, layers, |i| match slides(i) {
            true => LayerType::SlidingAttention,
            false => LayerType::FullAttention,
        })?,
    };
    let sliding = types.contains(&LayerType::SlidingAttention);
    if sliding && window.is_none() {
        let reason = "blocks with sliding_attention need a sliding_window (and, for Qwen, \
                      use_sliding_window = true)";
        return Err(f.refuse(KEY, reason));
    }
    // Where all are alike the window alone says so.
    let differ = sliding && types.contains(&LayerType::FullAttention);
    Ok(Windows {
        sliding_window: window.filter(|_| sliding),
        layer_types: if differ { types } else { Vec::new() },
    })
}

fn listed(
    f: &Fields<'_>,
    key: &str,
    list: &Value,
    layers: usize,
) -> Result<Vec<LayerType>, LmError> {
    let wanted = || f.refuse(key, "a list with the kind of each block is wanted");
    let list = list.as_array().ok_or_else(wanted)?;
    if list.len() != layers {
        let reason = format!("it has {} entries, num_hidden_layers is {layers}", list.len());
        return Err(f.refuse(key, reason));
    }
    let kind = |value: &Value| match value.as_str() {
        Some("full_attention") => Ok(LayerType::FullAttention),
        Some("sliding_attention") => Ok(LayerType::SlidingAttention),
        other => Err(f.refuse(
            key,
            format!(
                "`{}`: known are full_attention, sliding_attention",
                other.unwrap_or("no text").escape_debug()
            ),
        )),
    };
    list.iter().map(kind).collect()
}

/// What `of` says of each of `layers` blocks.
///
/// # Errors
/// More than [`MOST`] blocks.
pub(super) fn described<T>(
    f: &Fields<'_>,
    layers: usize,
    of: impl Fn(usize) -> T,
) -> Result<Vec<T>, LmError> {
    match layers > MOST {
        true => {
            let reason = format!("a model whose blocks differ has at most {MOST} here");
            Err(f.refuse("num_hidden_layers", reason))
        }
        false => Ok((0..layers).map(of).collect()),
    }
}

/// The windows of Qwen: `sliding_window` counts where `use_sliding_window` is true, from block
/// `max_window_layers` on.
///
/// # Errors
/// As [`windows`].
pub(super) fn windows_of_qwen(f: &Fields<'_>, layers: usize) -> Result<Windows, LmError> {
    let window = match f.flag("use_sliding_window")? {
        Some(true) => f.size_unless_null("sliding_window", 4096)?,
        _ => None,
    };
    let first = f.count("max_window_layers")?.unwrap_or(28);
    windows(f, layers, window, |i| i >= first)
}

/// Adds the windows as Qwen has them.
pub(super) fn write_windows_of_qwen(c: &LmConfig, settings: &mut Map<String, Value>) {
    let window = c.architecture.sliding_window;
    settings.insert("use_sliding_window".into(), json!(window.is_some()));
    settings.insert("sliding_window".into(), json!(window));
    settings.insert("layer_types".into(), json!(types(c)));
}

/// The kind of each block.
pub(super) fn types(c: &LmConfig) -> Vec<LayerType> {
    let Architecture { layer_types, sliding_window, .. } = &c.architecture;
    match (layer_types.is_empty(), sliding_window) {
        (false, _) => layer_types.clone(),
        (true, Some(_)) => vec![LayerType::SlidingAttention; c.num_hidden_layers],
        (true, None) => vec![LayerType::FullAttention; c.num_hidden_layers],
    }
}
