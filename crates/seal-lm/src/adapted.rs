//! Models with adapters.

use burn::module::Module as _;

use crate::draws::Draws;
use crate::init::parameter;
use crate::tensor_source::{TensorRequest, TensorRole, TensorShape, TensorSource};
use crate::{Linear, Lm, LmError, Lora, LoraConfig};

impl Lm {
    /// Freezes every weight and adds adapters as PEFT initialises them: A from a
    /// Kaiming-uniform distribution (bound `1 / sqrt(in)`) keyed by `seed`, B zero, so
    /// that the model starts unchanged.
    ///
    /// # Errors
    /// [`LmError::Config`] for impossible settings, or a target that the model
    /// has no layer for.
    pub fn with_lora(self, config: &LoraConfig, seed: u64) -> Result<Self, LmError> {
        config.validate_for(self.config())?;
        let mut draws = Draws::of(self.config(), seed);
        self.with_adapters(config, &mut draws)
    }

    /// Freezes every weight and adds adapters with numbers from `source` to the layers
    /// that `config`, which is valid, targets.
    pub(crate) fn with_adapters(
        self,
        config: &LoraConfig,
        source: &mut impl TensorSource,
    ) -> Result<Self, LmError> {
        let layers = self.trunk.plan().names.layers;
        let mut model = self.no_grad();
        for (i, block) in model.trunk.layers.iter_mut().enumerate() {
            for (path, linear) in block.linears_mut() {
                let at = format!("{layers}.{i}.{path}");
                if !config.targets(&at) {
                    continue;
                }
                let rank = config.rank_of(&at);
                let ([input, output], device) =
                    (linear.weight.val().dims(), linear.weight.val().device());
                let mut factor = |role, shape| {
                    let block = Some(i);
                    let wanted = TensorRequest {
                        layers,
                        block,
                        path,
                        role,
                        shape: TensorShape::Matrix(shape),
                    };
                    Ok::<_, LmError>(parameter(source.numbers(&wanted)?, shape, &device))
                };
                let a = factor(TensorRole::LoraA, [input, rank])?;
                let b = factor(TensorRole::LoraB, [rank, output])?;
                linear.lora = Some(Lora::new(a, b, config.scale_of(&at), config.lora_dropout));
            }
        }
        Ok(model)
    }

    /// The model with its adapters added into its weights where these are f32, and kept
    /// beside them, untrained, where they are not ([`Linear::merged`]). Other adapters can
    /// then be put on it.
    pub fn merged(mut self) -> Self {
        for block in &mut self.trunk.layers {
            for (_, linear) in block.linears_mut() {
                *linear = linear.merged();
            }
        }
        self
    }

    /// The layers with side paths, by their Hugging Face paths.
    pub(crate) fn adapted(&self) -> Vec<(String, &Linear)> {
        let plan = self.trunk.plan();
        let mut out = Vec::new();
        for (i, block) in self.trunk.layers.iter().enumerate() {
            let at = plan.block_path(i);
            let adapted = block.linears().into_iter().filter(|(_, linear)| linear.is_adapted());
            out.extend(adapted.map(|(path, linear)| (format!("{at}.{path}"), linear)));
        }
        out
    }

    /// Whether there are adapters, trained or not.
    pub fn has_adapters(&self) -> bool {
        !self.adapted().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::cost::Cost;
    use crate::{Architecture, LmConfig, ModelType, families};

    #[test]
    fn weights_are_counted_as_they_are_made() {
        for model_type in ModelType::ALL {
            let neox = model_type == ModelType::GptNeox;
            let biased = neox || model_type == ModelType::Qwen2;
            let config = LmConfig {
                vocab_size: 11,
                hidden_size: 12,
                num_hidden_layers: 2,
                num_attention_heads: 6,
                num_key_value_heads: if neox { 6 } else { 3 },
                intermediate_size: 20,
                max_position_embeddings: 8,
                rope_theta: 1e4,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: false,
                initializer_range: 0.02,
                architecture: Architecture {
                    model_type,
                    attention_bias: biased,
                    mlp_bias: neox,
                    ..Architecture::default()
                },
            };
            let whole = Cost::of(&config).parameters();
            let model = Lm::init(&config, 0, &Device::flex().autodiff()).unwrap();
            assert_eq!(model.num_params() as f64, whole, "{model_type:?}");
            let names = model_type.linear_names();
            let plan = families::plan(&config);
            let first = format!("{}.{}", plan.block_path(1), plan.blocks.plan(1).linears()[0].path);
            for targets in [&["all-linear"][..], &names[..1], &names[1..], &[&first]] {
                let target_modules = targets.iter().map(|name| (*name).to_owned()).collect();
                let lora =
                    LoraConfig { r: 3, lora_alpha: 6.0, target_modules, ..LoraConfig::default() };
                let adapted = model.clone().with_lora(&lora, 0).unwrap();
                let said = Cost::of(&config).trained_weights(Some(&lora));
                assert_eq!(said, adapted.trained_weights() as f64, "{targets:?}");
            }
        }
    }
}
