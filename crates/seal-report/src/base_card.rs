//! The card of an exported base: the model folder that a study fine-tuned before all else.

use serde_json::json;

use crate::markdown::{escape, fenced};
use crate::text::visible;

/// How a study made its base of a model folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BaseCard {
    /// Name of the study.
    pub study: String,
    /// The model folder: `owner/name` of a hub, or the last part of a path. A card is made to be
    /// published, so it has no path of a machine.
    pub model: String,
    /// Whether `model` is a name of a hub.
    pub is_on_hub: bool,
    /// Digest of the folder's files.
    pub digest: String,
    /// Name of the set of rows.
    pub set: String,
    /// Rows that were trained on.
    pub rows: usize,
    /// Hash of the ids of the set.
    pub ids_hash: String,
    /// Mean over rows of their losses in nats a token, of each epoch.
    pub losses: Vec<f64>,
    /// Rank of the adapters that were added into the weights; `None` where all weights were trained.
    pub rank: Option<usize>,
    /// Share of the adapters that rounding took away: in f32, and if the weights are loaded in bf16.
    pub rounding: Option<[f64; 2]>,
    /// Seed of the training.
    pub seed: u64,
    /// Device string.
    pub device: String,
    /// The settings of the training.
    pub settings_toml: String,
}

impl BaseCard {
    /// The card as Markdown, with the head that hubs read.
    pub fn text(&self) -> String {
        let mut card = String::from("---\nlicense: unknown\n");
        if self.is_on_hub {
            // JSON text is YAML text, whatever signs the name holds.
            card += &format!("base_model: {}\n", json!(self.model));
        }
        card += "library_name: transformers\npipeline_tag: text-generation\n---\n\n";
        let (model, set) = (escape(&self.model), escape(&self.set));
        let trained = match self.rank {
            Some(rank) => {
                format!("It trained LoRA adapters of rank {rank} and added them into the weights.")
            }
            None => "It trained all weights.".to_owned(),
        };
        card += &format!(
            "# {}: the aligned base\n\nThe study fine-tuned {model} on {} rows of its set {set} \
             before all else. {trained} Every arm of the study starts from this model. The adapters \
             of the study are on it.\n\n",
            escape(&self.study),
            self.rows,
        );
        let losses: Vec<String> = self.losses.iter().map(|loss| format!("{loss:.4}")).collect();
        let mut facts = vec![
            ("digest of the model folder", self.digest.clone()),
            ("hash of the ids of the set", self.ids_hash.clone()),
            ("mean training loss of each epoch", losses.join(", ")),
            ("seed", self.seed.to_string()),
            ("device", self.device.clone()),
        ];
        if let Some([f32, bf16]) = self.rounding {
            let percent = |share: f64| format!("{:.2e} %", 100.0 * share);
            facts.push(("share of the adapters that rounding in f32 took away", percent(f32)));
            facts.push(("the same, if the weights are loaded in bf16", percent(bf16)));
        }
        card += "| | |\n|---|---|\n";
        for (name, value) in facts {
            card += &format!("| {name} | {} |\n", escape(&value));
        }
        card += "\nThe settings of the training:\n\n";
        card += &fenced("toml", &self.settings_toml);
        card += "## Licence\n\nThe licence of the model, and those of the rows, bind this model. \
                 Name them here and in the head of this file.\n";
        visible(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_what_the_base_was_made_from() {
        let card = BaseCard {
            study: "own".into(),
            model: "owner/name".into(),
            is_on_hub: true,
            digest: "d1".into(),
            set: "base".into(),
            rows: 60,
            ids_hash: "h1".into(),
            losses: vec![2.0, 1.5],
            rank: Some(4),
            rounding: Some([1e-7, 0.25]),
            seed: 0,
            device: "flex".into(),
            settings_toml: "epochs = 2\n".into(),
        };
        insta::assert_snapshot!(card.text());
        let whole = BaseCard { is_on_hub: false, rank: None, rounding: None, ..card }.text();
        assert!(whole.contains("It trained all weights."), "{whole}");
        assert!(!whole.contains("base_model") && !whole.contains("rounding"), "{whole}");
    }
}
