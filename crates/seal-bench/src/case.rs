//! Shapes to measure, from the built-in world's to those of the paper.

use seal_lm::{Activation, Architecture, Cost, LmConfig, LoraConfig, ModelType};
use serde::{Deserialize, Serialize};

/// A model, and how much of what passes through it in a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Names it on the command line.
    pub name: String,
    /// Shape of the model; weights are drawn.
    pub model: LmConfig,
    /// The adapter that is trained; without it all weights are.
    pub lora: Option<LoraConfig>,
    /// Rows of a step. The selector step takes half of them from each set.
    pub rows: usize,
    /// Inputs of a row, T; half of them predict an answer.
    pub tokens: usize,
    /// Tokens that all rows begin with, as a template puts them there.
    #[serde(default)]
    pub shared: usize,
    /// Steps that are timed, after those that warm up.
    pub steps: usize,
    /// Weight of the fine-tuning rows' loss in the selector step. With 0, as in the first
    /// epoch of the published schedule, they need no backward pass.
    pub gamma: f64,
}

const GAMMA: f64 = 0.1;

/// A Llama with as many key heads as query heads, trained whole.
struct LlamaShape {
    name: &'static str,
    vocab: usize,
    width: usize,
    layers: usize,
    heads: usize,
    tokens: usize,
    rows: usize,
    steps: usize,
}

impl LlamaShape {
    fn case(&self) -> Case {
        let model = LmConfig {
            vocab_size: self.vocab,
            hidden_size: self.width,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.heads,
            intermediate_size: (self.width * 8 / 3).next_multiple_of(16),
            max_position_embeddings: 2 * self.tokens,
            ..shape()
        };
        Case {
            name: self.name.to_owned(),
            model,
            lora: None,
            rows: self.rows,
            tokens: self.tokens,
            shared: 0,
            steps: self.steps,
            gamma: GAMMA,
        }
    }
}

fn shape() -> LmConfig {
    LmConfig {
        vocab_size: 0,
        hidden_size: 0,
        num_hidden_layers: 0,
        num_attention_heads: 0,
        num_key_value_heads: 0,
        intermediate_size: 0,
        max_position_embeddings: 0,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.02,
        architecture: Architecture::default(),
    }
}

fn lora(targets: &[&str]) -> Option<LoraConfig> {
    let target_modules = targets.iter().map(|t| (*t).to_owned()).collect();
    Some(LoraConfig {
        r: 16,
        lora_alpha: 16.0,
        lora_dropout: 0.0,
        target_modules,
        ..LoraConfig::default()
    })
}

fn pythia(
    name: &str,
    (width, layers, heads): (usize, usize, usize),
    rotary: f64,
    (rows, tokens, steps): (usize, usize, usize),
) -> Case {
    let architecture = Architecture {
        model_type: ModelType::GptNeox,
        partial_rotary_factor: rotary,
        hidden_act: Activation::Gelu,
        attention_bias: true,
        mlp_bias: true,
        use_parallel_residual: true,
        ..Architecture::default()
    };
    let model = LmConfig {
        vocab_size: 50_304,
        hidden_size: width,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: heads,
        intermediate_size: 4 * width,
        max_position_embeddings: 2048,
        tie_word_embeddings: false,
        architecture,
        ..shape()
    };
    let lora = lora(&["query_key_value"]);
    Case { name: name.to_owned(), model, lora, rows, tokens, shared: 0, steps, gamma: GAMMA }
}

fn llama3(
    name: &str,
    (width, inner, layers, heads, kv): (usize, usize, usize, usize, usize),
    tied: bool,
) -> Case {
    let model = LmConfig {
        vocab_size: 128_256,
        hidden_size: width,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: kv,
        intermediate_size: inner,
        max_position_embeddings: 8192,
        rope_theta: 500_000.0,
        tie_word_embeddings: tied,
        ..shape()
    };
    let lora = lora(&["q_proj", "v_proj"]);
    let (rows, tokens, steps) = (2, 2048, 5);
    Case { name: name.to_owned(), model, lora, rows, tokens, shared: 0, steps, gamma: GAMMA }
}

/// SmolLM2-135M with adapters on all linear layers, and rows of a chat: its template begins each
/// with the same 25 tokens.
fn smollm2() -> Case {
    let model = LmConfig {
        vocab_size: 49_152,
        hidden_size: 576,
        num_hidden_layers: 30,
        num_attention_heads: 9,
        num_key_value_heads: 3,
        intermediate_size: 1536,
        max_position_embeddings: 8192,
        rope_theta: 100_000.0,
        ..shape()
    };
    let all = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
    Case {
        name: "smollm2".to_owned(),
        model,
        lora: lora(&all),
        rows: 16,
        tokens: 96,
        shared: 25,
        steps: 4,
        gamma: GAMMA,
    }
}

/// Names of all cases; the first four fit a small machine.
pub const CASES: [&str; 8] = [
    "llama-1m",
    "llama-5m",
    "llama-28m",
    "pythia-160m",
    "smollm2",
    "pythia-2.8b",
    "llama3-1b",
    "llama3-8b",
];

impl Case {
    /// The case called `name`.
    pub fn named(name: &str) -> Option<Self> {
        let small = |name, vocab, width, layers, heads, tokens, rows, steps| {
            LlamaShape { name, vocab, width, layers, heads, tokens, rows, steps }.case()
        };
        Some(match name {
            "llama-1m" => small("llama-1m", 512, 128, 4, 4, 64, 16, 60),
            "llama-5m" => small("llama-5m", 512, 256, 6, 8, 128, 16, 12),
            "llama-28m" => small("llama-28m", 4096, 512, 8, 8, 256, 4, 8),
            "pythia-160m" => pythia("pythia-160m", (768, 12, 12), 0.25, (4, 256, 4)),
            "smollm2" => smollm2(),
            "pythia-2.8b" => pythia("pythia-2.8b", (2560, 32, 32), 0.25, (2, 2048, 5)),
            "llama3-1b" => llama3("llama3-1b", (2048, 8192, 16, 32, 8), true),
            "llama3-8b" => llama3("llama3-8b", (4096, 14_336, 32, 32, 8), false),
            _ => return None,
        })
    }

    /// Floating-point operations of a forward pass over rows of `lengths`
    /// inputs, with logits at `answers` positions.
    pub fn forward_flops(&self, lengths: &[usize], answers: usize) -> f64 {
        Cost::of(&self.model).forward_flops(lengths, answers)
    }

    /// Forward passes that a backward pass costs.
    pub fn backward_share(&self) -> f64 {
        Cost::backward_share(self.lora.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_case_of_a_valid_shape() {
        for name in CASES {
            let case = Case::named(name).unwrap();
            assert_eq!(case.name, name);
            case.model.validate().unwrap();
            // The last token of a row is a target and no input.
            assert!(case.tokens <= case.model.max_position_embeddings);
        }
        assert!(Case::named("none").is_none());
    }

    #[test]
    fn a_small_case_counts_its_operations() {
        let mut case = Case::named("llama-1m").unwrap();
        case.model.num_hidden_layers = 1;
        // 4 D^2 + 3 D F weights, 2 operations each; 3 pairs of 2 tokens; 1 row of logits.
        let want = 2.0 * 2.0 * (4.0 * 128.0 * 128.0 + 3.0 * 128.0 * 352.0)
            + 4.0 * 3.0 * 128.0
            + 2.0 * 128.0 * 512.0;
        assert_eq!(case.forward_flops(&[2], 1), want);
    }
}
