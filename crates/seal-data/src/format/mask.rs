//! Which turns a loss is taken on, where the rows say so themselves.

use serde_json::{Map, Value};

use crate::fields::{UnusableRow, find, is_blank, kind, truth};
use crate::{DropReason, Speaker};

/// Names under which a turn says whether it is trained on: those of axolotl and of
/// ms-swift. They hold truth values.
const FLAGS: [&str; 3] = ["train", "training", "loss"];
/// Parts of a turn that are trained on or not, in axolotl.
const PARTS: [&str; 2] = ["train_detail", "training_detail"];
/// Names of fields that are read here.
pub(super) const MASKS: [&str; 6] =
    ["train", "training", "loss", "weight", "train_detail", "training_detail"];

/// Whether a loss may be taken on the turn `map` of `role`; true unless it says
/// otherwise by `weight` (OpenAI, Mistral) or by `train`. `place` names the turn.
///
/// # Errors
/// A mask that cannot be followed, as no row can be used that would be trained on
/// otherwise than it says.
pub(super) fn trained(
    map: &Map<String, Value>,
    role: Speaker,
    place: &str,
) -> Result<bool, UnusableRow> {
    let some = |name: &str| find(map, name).filter(|value| !is_blank(value));
    let odd = |name: &str, value: &Value, expected: &str| {
        let detail = format!("{place}, `{name}`: found {}, {expected}", kind(Some(value)));
        Err(UnusableRow::new(DropReason::Mask, detail))
    };
    if let Some((name, value)) = PARTS.iter().find_map(|name| Some((name, some(name)?))) {
        return odd(name, value, "and a loss on parts of a turn is not taken");
    }
    let mut trained = true;
    for name in FLAGS {
        let Some(value) = some(name) else { continue };
        // A loss that was measured, and no setting.
        if name == "loss" && !value.is_boolean() {
            continue;
        }
        match truth(value) {
            Some(true) if role != Speaker::Assistant => {
                return odd(name, value, "and a loss is taken on answers alone");
            }
            Some(flag) => trained &= flag,
            None => return odd(name, value, "expected true or false"),
        }
    }
    if let Some(value) = some("weight").filter(|_| role == Speaker::Assistant) {
        match truth(value) {
            Some(flag) => trained &= flag,
            None => return odd("weight", value, "expected 0 or 1"),
        }
    }
    Ok(trained || role != Speaker::Assistant)
}
