//! Settings of rotary positions, in both layouts that transformers has had.

use super::fields::Fields;
use crate::{LmError, RopeScaling};

/// What a config says of rotary positions.
pub(super) struct RopeSettings {
    pub(super) theta: f64,
    /// Share of a head's dimensions that is rotated.
    pub(super) partial: f64,
    pub(super) scaling: RopeScaling,
}

/// What a family knows of rotary positions.
pub(super) struct RopeRules {
    /// Its name, for messages.
    pub(super) family: &'static str,
    /// Name and default of the base beside the table.
    pub(super) theta: (&'static str, f64),
    /// Name and default of the rotated share beside the table.
    pub(super) partial: (&'static str, f64),
    /// Whether it rotates parts of heads.
    pub(super) may_be_partial: bool,
    /// Whether it stretches frequencies by a factor each, and not by the others' rules.
    pub(super) is_longrope: bool,
    /// Whether `rope_parameters` has a table for each kind of attention.
    pub(super) by_kind: bool,
}

impl RopeRules {
    /// Those of Llamas.
    pub(super) fn of_whole_heads(family: &'static str) -> Self {
        Self {
            family,
            theta: ("rope_theta", 10_000.0),
            partial: ("partial_rotary_factor", 1.0),
            may_be_partial: false,
            is_longrope: false,
            by_kind: false,
        }
    }
}

/// `context` is `max_position_embeddings`.
pub(super) fn read(
    f: &Fields<'_>,
    rules: &RopeRules,
    context: usize,
) -> Result<RopeSettings, LmError> {
    // transformers prefers the old table where it is not empty.
    let old = f.table("rope_scaling", "rope_scaling.")?.filter(|table| !table.is_empty());
    let inner = match old {
        Some(table) => Some(table),
        None if rules.by_kind => of_kind(f, "full_attention")?,
        None => f.table("rope_parameters", "rope_parameters.")?,
    };
    // A setting within the table goes before one beside it.
    let number = |key: &str, outer: &str| match inner {
        Some(table) if table.get(key).is_some() => table.number(key),
        _ => f.number(outer),
    };
    let (theta_beside, usual_theta) = rules.theta;
    let theta = number("rope_theta", theta_beside)?.unwrap_or(usual_theta);
    let (outer, usual) = rules.partial;
    let partial = number("partial_rotary_factor", outer)?.unwrap_or(usual);
    let may_be_partial = rules.may_be_partial;
    if !(partial == 1.0 || (may_be_partial && partial > 0.0 && partial < 1.0)) {
        let key = match inner {
            Some(table) if table.get("partial_rotary_factor").is_some() => {
                return Err(table.refuse("partial_rotary_factor", wanted_share(may_be_partial)));
            }
            _ => outer,
        };
        return Err(f.refuse(key, wanted_share(may_be_partial)));
    }
    let scaling = match inner {
        Some(table) => scaling(f, &table, rules, context)?,
        None => RopeScaling::Default,
    };
    Ok(RopeSettings { theta, partial, scaling })
}

/// The table of `rope_parameters` for blocks with this kind of attention.
///
/// # Errors
/// One table for all blocks.
pub(super) fn of_kind<'a>(
    f: &Fields<'a>,
    kind: &'static str,
) -> Result<Option<Fields<'a>>, LmError> {
    const KEY: &str = "rope_parameters";
    let Some(all) = f.table(KEY, "rope_parameters.")? else { return Ok(None) };
    if all.keys().any(|key| all.get(key).is_some_and(|value| !value.is_object())) {
        let reason = "a table for each kind of attention is wanted: full_attention and \
                      sliding_attention";
        return Err(f.refuse(KEY, reason));
    }
    let at = match kind {
        "full_attention" => "rope_parameters.full_attention.",
        _ => "rope_parameters.sliding_attention.",
    };
    all.table(kind, at)
}

fn wanted_share(may_be_partial: bool) -> &'static str {
    match may_be_partial {
        true => "a share above 0 and at most 1 is wanted",
        false => "this family rotates whole heads: only 1 is known",
    }
}

fn scaling(
    f: &Fields<'_>,
    table: &Fields<'_>,
    rules: &RopeRules,
    context: usize,
) -> Result<RopeScaling, LmError> {
    if let Some(key) = table.keys().find(|key| table.get(key).is_some_and(|v| v.is_object())) {
        return Err(table.refuse(key, "one setting for all blocks is known, not one for each kind"));
    }
    let key = if table.get("rope_type").is_some() { "rope_type" } else { "type" };
    let long = rules.is_longrope;
    match table.text(key)?.unwrap_or("default") {
        "default" => Ok(RopeScaling::Default),
        "linear" if !long => Ok(RopeScaling::Linear { factor: table.needed_number("factor")? }),
        "llama3" if !long => Ok(RopeScaling::Llama3 {
            factor: table.needed_number("factor")?,
            low_freq_factor: table.needed_number("low_freq_factor")?,
            high_freq_factor: table.needed_number("high_freq_factor")?,
            original_max_position_embeddings: original(f, table)?.unwrap_or(context),
        }),
        // Early Phi-3 files call it by these names.
        "longrope" | "su" | "yarn" if long => longrope(f, table, context),
        "dynamic" => {
            let reason = "its frequencies depend on the sequences seen before; not supported";
            Err(table.refuse(key, reason))
        }
        _ if long => {
            Err(table.refuse(key, format!("known for {} are default, longrope", rules.family)))
        }
        _ => {
            Err(table
                .refuse(key, format!("known for {} are default, linear, llama3", rules.family)))
        }
    }
}

/// Context before stretching: beside the table first, as transformers has it.
fn original(f: &Fields<'_>, table: &Fields<'_>) -> Result<Option<usize>, LmError> {
    const KEY: &str = "original_max_position_embeddings";
    match f.size(KEY)? {
        Some(n) => Ok(Some(n)),
        None => table.size(KEY),
    }
}

fn longrope(f: &Fields<'_>, table: &Fields<'_>, context: usize) -> Result<RopeScaling, LmError> {
    // Phi-3's config class has a number of its own, which wins over the table's.
    let original = f.size("original_max_position_embeddings")?.unwrap_or(4096);
    let attention_factor = match table.number("attention_factor")? {
        Some(factor) => factor,
        None => {
            let stretch = table.number("factor")?.unwrap_or(context as f64 / original as f64);
            attention_factor(stretch, original)
        }
    };
    Ok(RopeScaling::Longrope {
        short_factor: table.numbers("short_factor")?,
        long_factor: table.numbers("long_factor")?,
        attention_factor,
        original_max_position_embeddings: original,
    })
}

/// What cosines and sines are multiplied by, for a context stretched by
/// `stretch` (Ding et al. 2024).
pub(super) fn attention_factor(stretch: f64, original: usize) -> f64 {
    match stretch > 1.0 {
        true => (1.0 + stretch.ln() / (original as f64).ln()).sqrt(),
        false => 1.0,
    }
}
