//! SmolLM3 (Bakouch et al. 2025): a Llama with blocks that know no positions.

use serde_json::{Map, Value, json};

use super::family::Family;
use super::fields::Fields;
use super::layers::{self, described};
use super::parse::{self, Assumed, KeyHeads};
use super::rope::RopeRules;
use super::{llama, write};
use crate::plan::Plan;
use crate::setting::SettingError;
use crate::{Architecture, LmConfig, LmError, ModelType};

pub(super) struct Smollm3;

/// Blocks of a pattern, of which the last knows no positions.
const INTERVAL: usize = 4;

impl Family for Smollm3 {
    fn name(&self) -> &'static str {
        "smollm3"
    }

    fn class(&self) -> &'static str {
        "SmolLM3ForCausalLM"
    }

    fn linear_names(&self) -> &'static [&'static str] {
        &llama::LINEAR_NAMES
    }

    fn own_settings(&self) -> &'static [&'static str] {
        &["layer_types", "no_rope_layers"]
    }

    fn is_tied(&self) -> bool {
        true
    }

    fn parse(&self, f: &Fields<'_>) -> Result<LmConfig, LmError> {
        let assumed = Assumed {
            key_heads: KeyHeads::Number(4),
            context: 32_768,
            rope: RopeRules {
                theta: ("rope_theta", 2e6),
                ..RopeRules::of_whole_heads(self.name())
            },
            tied: true,
            ..Assumed::of(ModelType::Smollm3, self.name())
        };
        let common = parse::common(f, &assumed)?;
        let layers = common.num_hidden_layers;
        let turning = turning(f, layers)?;
        let window = match f.flag("use_sliding_window")? {
            Some(true) => f.size("sliding_window")?,
            _ => None,
        };
        let windows = layers::windows(f, layers, window, |i| turning[i] == 0)?;
        Ok(LmConfig {
            architecture: Architecture {
                attention_bias: f.flag("attention_bias")?.unwrap_or(false),
                mlp_bias: f.flag("mlp_bias")?.unwrap_or(false),
                sliding_window: windows.sliding_window,
                layer_types: windows.layer_types,
                // Where all turn, nothing need be said.
                no_rope_layers: match turning.contains(&0) {
                    true => turning,
                    false => Vec::new(),
                },
                ..common.architecture
            },
            ..common
        })
    }

    fn write(&self, c: &LmConfig, settings: &mut Map<String, Value>) {
        let a = &c.architecture;
        write::rms(c, settings);
        settings.insert("head_dim".into(), json!(c.head_dim()));
        settings.insert("attention_bias".into(), json!(a.attention_bias));
        settings.insert("mlp_bias".into(), json!(a.mlp_bias));
        let turning = match a.no_rope_layers.is_empty() {
            true => vec![1; c.num_hidden_layers],
            false => a.no_rope_layers.clone(),
        };
        settings.insert("no_rope_layers".into(), json!(turning));
        layers::write_windows_of_qwen(c, settings);
        write::no_special_tokens(settings);
    }

    fn check(&self, _: &LmConfig) -> Result<(), SettingError> {
        Ok(())
    }

    fn plan(&self, c: &LmConfig) -> Plan {
        llama::plan(c)
    }
}

/// For each block 1 if it turns queries and keys, else 0.
fn turning(f: &Fields<'_>, layers: usize) -> Result<Vec<u8>, LmError> {
    const KEY: &str = "no_rope_layers";
    let Some(list) = f.get(KEY) else {
        let interval = f.size("no_rope_layer_interval")?.unwrap_or(INTERVAL);
        return described(f, layers, |i| u8::from(!(i + 1).is_multiple_of(interval)));
    };
    let flag = |value: &Value| value.as_u64().filter(|x| *x < 2).map(|x| x as u8);
    let flags: Option<Vec<u8>> = list.as_array().and_then(|list| list.iter().map(flag).collect());
    let mut flags = flags.ok_or_else(|| {
        f.refuse(
            KEY,
            "a list of 1 (the block turns queries and keys) and 0 (it does not) is wanted",
        )
    })?;
    if flags.len() < layers {
        let reason = format!("it has {} entries, num_hidden_layers is {layers}", flags.len());
        return Err(f.refuse(KEY, reason));
    }
    // transformers reads those of the first blocks.
    flags.truncate(layers);
    Ok(flags)
}
