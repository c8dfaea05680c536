//! Models that are not read here, each with what to do instead.

use super::fields::Fields;
use crate::LmError;

const DENSE: &str = "use a dense model, such as one of Qwen3, Llama 3 or Gemma 3";

/// What keeps a model from being read, by words in its `model_type`. The first that fits counts.
const KINDS: [(&[&str], &str); 7] = [
    (
        &["gpt_oss", "mixtral", "moe", "deepseek_v", "kimi", "minimax", "dbrx"],
        "a mixture of experts",
    ),
    (&["llama4"], "Llama 4, a mixture of experts"),
    (
        &[
            "qwen3_next",
            "qwen3_5",
            "jamba",
            "bamba",
            "mamba",
            "rwkv",
            "falcon_h1",
            "hybrid",
            "lfm2",
            "zamba",
            "recurrent_gemma",
            "nemotron_h",
        ],
        "a hybrid or recurrent model",
    ),
    (&["gemma3n"], "Gemma 3n"),
    (&["gemma4"], "Gemma 4"),
    (
        &["_vl", "mllama", "llava", "paligemma", "idefics", "pixtral", "mistral3"],
        "a multimodal model",
    ),
    (&["t5", "bart", "bert"], "no causal language model"),
];

/// Why a model of type `name` is not read, where that is known.
pub(super) fn reason(name: &str) -> Option<String> {
    let (_, what) = KINDS.iter().find(|(words, _)| words.iter().any(|word| name.contains(word)))?;
    Some(format!("this is {what}. It is not supported: {DENSE}"))
}

/// Refuses quantised weights by the name of their method.
///
/// # Errors
/// [`LmError::Setting`] where there are some.
pub(super) fn refuse_quantised(f: &Fields<'_>) -> Result<(), LmError> {
    const KEY: &str = "quantization_config";
    let Some(config) = f.get(KEY) else { return Ok(()) };
    let method = config.get("quant_method").and_then(|method| method.as_str()).unwrap_or("");
    let named = match method.to_ascii_lowercase().as_str() {
        "bitsandbytes" => "bitsandbytes".to_owned(),
        "gptq" => "GPTQ".to_owned(),
        "awq" => "AWQ".to_owned(),
        "fp8" | "fbgemm_fp8" => "FP8".to_owned(),
        "" => "an unnamed method".to_owned(),
        other => other.escape_debug().to_string(),
    };
    let reason = format!(
        "quantised weights ({named}) are not read: use the folder of the model that was quantised \
         (f32, f16 or bf16), with dtype = \"bf16\" where memory is short"
    );
    Err(f.refuse(KEY, reason))
}
