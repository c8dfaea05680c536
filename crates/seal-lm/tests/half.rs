//! What an adapter does on weights in bf16: against the same weights in f32.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::Param;
use burn::tensor::{DType, FloatDType, Tensor, TensorData};
use common::{batch, cpu, distance, examples, norm, tape, values};
use rand::RngExt as _;
use seal_data::{Batch, RowId, seed};
use seal_device::Kernels;
use seal_lm::{
    GenerateSettings, Linear, Lm, LmConfig, Lora, LoraConfig, MergeRounding, Prompt, WeightFormat,
    generate, load_adapter, load_model, load_model_as, save_adapter, save_merged, save_weights,
    token_losses,
};

const RANK: usize = 16;

fn shape() -> LmConfig {
    LmConfig {
        hidden_size: 64,
        intermediate_size: 96,
        // As the large models have it.
        initializer_range: 0.02,
        ..common::config()
    }
}

fn lora() -> LoraConfig {
    LoraConfig {
        r: RANK,
        lora_alpha: RANK as f64,
        lora_dropout: 0.0,
        // Not those that write to the residual stream, whose weights start smaller.
        target_modules: ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"]
            .map(Into::into)
            .into(),
        ..LoraConfig::default()
    }
}

fn drawn(shape: [usize; 2], sd: f64) -> Param<Tensor<2>> {
    static DRAWS: AtomicU64 = AtomicU64::new(0);
    let mut rng = seed::rng(&["side".into(), DRAWS.fetch_add(1, Ordering::Relaxed).into()]);
    // Uniform numbers of this standard deviation.
    let edge = sd * 3f64.sqrt();
    let draw = |_| rng.random_range(-edge..=edge) as f32;
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(draw).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &tape()))
}

/// Side paths whose products have standard deviation `sd`.
fn fill(model: &mut Lm, sd: f64) {
    for block in &mut model.trunk.layers {
        for (_, linear) in block.linears_mut() {
            let [input, output] = linear.weight.val().dims();
            let Some(Lora { a, b, .. }) = &mut linear.lora else { continue };
            *a = drawn([input, RANK], 1.0);
            *b = drawn([RANK, output], sd / (RANK as f64).sqrt());
        }
    }
}

/// A model in bf16 with an adapter, and the same numbers in f32.
fn pair(config: &LmConfig, sd: f64) -> (Lm, Lm) {
    let dir = tempfile::tempdir().unwrap();
    save_weights(&Lm::init(config, 5, &tape()).unwrap(), dir.path()).unwrap();
    let half = load_model_as(dir.path(), &tape(), WeightFormat::Bf16).unwrap().0;
    // Back through a file, so that both have the same rounded weights.
    save_weights(&half, dir.path()).unwrap();
    let full = load_model(dir.path(), &tape()).unwrap().0;
    let mut half = half.with_lora(&lora(), 0).unwrap();
    fill(&mut half, sd);
    save_adapter(&half, &lora(), "base", dir.path()).unwrap();
    (half, load_adapter(full, &lora(), dir.path()).unwrap())
}

fn losses(model: &Lm, batch: &Batch) -> Vec<f64> {
    token_losses(model, batch).into_iter().map(f64::from).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// `A B` in f64.
fn delta(linear: &Linear) -> Vec<f64> {
    let Lora { a, b, .. } = linear.lora.as_ref().unwrap();
    let ([n, r], [_, m]) = (a.val().dims(), b.val().dims());
    let (a, b) = (values(a.val()), values(b.val()));
    let entry = |i: usize, j: usize| (0..r).map(|k| a[i * r + k] * b[k * m + j]).sum::<f64>();
    (0..n * m).map(|at| entry(at / m, at % m)).collect()
}

const SIZES: [f64; 3] = [1e-5, 3e-5, 1e-4];

#[test]
fn a_small_delta_is_seen_whole() {
    for sd in SIZES {
        let half = pair(&shape(), sd).0;
        let bare = Lm::init_as(&shape(), 5, &tape(), WeightFormat::Bf16).unwrap();
        let evaluated = half.clone().merged();
        let blocks = half.trunk.layers.iter().zip(&evaluated.trunk.layers).zip(&bare.trunk.layers);
        for ((before, after), bare) in blocks {
            for (((name, l), (_, after)), (_, bare)) in
                before.linears().into_iter().zip(after.linears()).zip(bare.linears())
            {
                if l.lora.is_none() {
                    continue;
                }
                let n = l.weight.val().dims()[0];
                // Rows of the identity: what comes out is the weight itself.
                let x = Tensor::<2>::eye(n, &tape()).cast(FloatDType::F32);
                let kernels = Kernels::of(&cpu());
                let out = |l: &Linear| values(l.forward(x.clone(), None, name, kernels));
                let (seen, want) = (minus(&out(after), &out(bare)), delta(l));
                let off = distance(&seen, &want) / norm(&want);
                assert!(off < 0.01, "{sd} {name}: {off}");
            }
        }
    }
}

/// Scoring and generation take states in f32; with states in bf16 the sum of both paths
/// would be rounded as a merged weight is.
#[test]
fn a_small_delta_reaches_the_losses() {
    let rows = batch(&examples(101, 1, &[(30, 5); 40]), None);
    for (sd, bound) in SIZES.into_iter().zip([0.05, 0.02, 0.01]) {
        let (half, full) = pair(&shape(), sd);
        let evaluate = |model: Lm| losses(&model.merged().with_f32_states(), &rows);
        let change = |adapted: Lm| {
            let mut bare = adapted.clone();
            fill(&mut bare, 0.0);
            minus(&evaluate(adapted), &evaluate(bare))
        };
        let (seen, want) = (change(half), change(full));
        let off = distance(&seen, &want) / norm(&want);
        assert!(off < bound, "{sd}: {off}");
    }
}

#[test]
fn answers_are_those_of_the_same_weights_in_f32() {
    // Steep, so that tokens differ; the adapter is near what bf16 rounds away.
    let config = LmConfig { initializer_range: 0.3, ..shape() };
    let prompts: Vec<Prompt> = (0..20)
        .map(|i| Prompt { id: RowId::of("p", "", i), tokens: vec![i, 3 * i + 1, 100 - i] })
        .collect();
    let (half, full) = pair(&config, 2e-3);
    let greedy = GenerateSettings::greedy(20);
    let answers = |model: &Lm| -> Vec<Vec<u32>> {
        let answers = generate(model, &prompts, &greedy, &[], 0).unwrap();
        answers.into_iter().map(|a| a.tokens).collect()
    };
    let (got, want) = (answers(&half.clone().merged()), answers(&full.clone().merged()));
    assert_eq!(got, want);
    let mut bare = full;
    fill(&mut bare, 0.0);
    assert_ne!(answers(&bare), want, "the adapter changes no answer");
}

#[test]
fn adapters_can_be_stacked_on_bf16() {
    let (half, full) = pair(&shape(), 1e-3);
    let rows = batch(&examples(101, 1, &[(30, 5); 4]), None);
    let on_top = |model: Lm| {
        let mut model = model.merged().with_lora(&lora(), 3).unwrap();
        fill(&mut model, 0.0);
        losses(&model.with_f32_states(), &rows)
    };
    let (a, b) = (on_top(half.clone()), on_top(full));
    assert!(distance(&a, &b) < 1e-6 * norm(&b));
    // What is kept beside a weight is not trained and not dropped.
    let merged = half.merged().with_lora(&lora(), 3).unwrap();
    let layer = merged.trunk.layers[0].linear("q_proj").unwrap();
    assert_eq!(layer.weight.val().dtype(), DType::BF16);
    assert!(!layer.weight.val().is_require_grad());
    assert!(layer.lora.as_ref().unwrap().b.val().is_require_grad());
}

#[test]
fn what_a_merge_costs_is_said() {
    for (sd, of_bf16) in SIZES.into_iter().zip([0.90, 0.71, 0.33]) {
        let half = pair(&LmConfig { hidden_size: 256, ..shape() }, sd).0;
        let rounding = MergeRounding::of(&half).unwrap();
        assert!((rounding.bf16 - of_bf16).abs() < 0.04, "{sd}: {rounding:?}");
        assert!(rounding.f32 < 1e-3, "{sd}: {rounding:?}");
        let dir = tempfile::tempdir().unwrap();
        for model in [half.clone(), half.clone().merged()] {
            assert_eq!(save_merged(&model, dir.path()).unwrap(), Some(rounding));
        }
        let card = std::fs::read_to_string(dir.path().join("README.md")).unwrap();
        let percent = format!("{:.0} %", 100.0 * rounding.bf16);
        assert!(card.contains(&percent), "{percent} in {card}");
        // The exported weights are f32 and hold the adapter.
        let back = load_model(dir.path(), &tape()).unwrap().0;
        let blocks = half.trunk.layers.iter().zip(&back.trunk.layers);
        for (before, after) in blocks.flat_map(|(a, b)| a.linears().into_iter().zip(b.linears())) {
            let ((name, before), (_, after)) = (before, after);
            if before.lora.is_none() {
                continue;
            }
            let seen = minus(&values(after.weight.val()), &values(before.weight.val()));
            let want = delta(before);
            assert!(distance(&seen, &want) < 0.001 * norm(&want), "{sd} {name}");
        }
    }
    let bare = Lm::init(&shape(), 0, &tape()).unwrap();
    assert_eq!(MergeRounding::of(&bare), None);
}

#[test]
fn adapters_are_not_left_out_of_a_saved_model() {
    let (half, full) = pair(&shape(), 1e-3);
    let dir = tempfile::tempdir().unwrap();
    for model in [half.clone(), half.merged(), full] {
        let error = save_weights(&model, dir.path()).unwrap_err().to_string();
        assert!(error.contains("save_merged"), "{error}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
