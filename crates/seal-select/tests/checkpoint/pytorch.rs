//! Files written by PyTorch itself: `tests/reference/checkpoint.py`.

use seal_select::PublishedSelector;

use crate::build::{LOGITS, entries, zip_of};

macro_rules! golden {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../golden/checkpoint/", $name, ".pt")).as_slice())
    };
}

pub const PARAMETER: &[u8] = include_bytes!("../golden/checkpoint/parameter.pt");

#[test]
fn each_way_to_save_one_tensor_gives_the_same_logits() {
    let files = [golden!("tensor"), golden!("parameter"), golden!("dict"), golden!("ordered_dict")];
    for (name, bytes) in files {
        let published = PublishedSelector::from_pt(bytes).unwrap();
        assert_eq!(published.name, name);
        assert_eq!(published.logits, LOGITS.map(f64::from), "{name}");
    }
}

#[test]
fn files_built_here_are_like_those() {
    let published = PublishedSelector::from_pt(&zip_of(&entries())).unwrap();
    assert_eq!((published.name.as_str(), published.logits), ("s", LOGITS.map(f64::from).into()));
}

#[test]
fn what_is_not_one_tensor_of_logits_is_refused() {
    let files = [
        golden!("refused_double"),
        golden!("refused_strided"),
        golden!("refused_two"),
        golden!("refused_module"),
    ];
    let report: Vec<String> = files
        .iter()
        .map(|(name, bytes)| format!("{name}: {}", PublishedSelector::from_pt(bytes).unwrap_err()))
        .collect();
    insta::assert_snapshot!(report.join("\n"), @"
    refused_double: checkpoint: the tensor has values of a DoubleStorage, expected is float32 (FloatStorage): where you trust the file, load it in PyTorch and save `t.detach().cpu().float().flatten().clone()` alone with `torch.save`
    refused_strided: checkpoint: the tensor has the strides [2], expected is the stride [1], no view: where you trust the file, load it in PyTorch and save `t.detach().cpu().float().flatten().clone()` alone with `torch.save`
    refused_two: checkpoint entry `data/1`: a second tensor's numbers, expected is one tensor: where you trust the file, load it in PyTorch and save `t.detach().cpu().float().flatten().clone()` alone with `torch.save`
    refused_module: checkpoint entry `data.pkl`, byte 164: found EMPTY_DICT, expected the end after one tensor, or after a dict with one; pickle is compared and never run: where you trust the file, load it in PyTorch and save `t.detach().cpu().float().flatten().clone()` alone with `torch.save`
    ");
}
