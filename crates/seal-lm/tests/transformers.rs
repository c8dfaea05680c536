//! The model against Hugging Face transformers and PyTorch
//! (`tests/reference/llama.py`), with the fused and with the composed passes.

mod common;

use common::{cpu, distance, golden, leaves, mean_loss, norm, tape, values};
use seal_data::RowId;
use seal_lm::{
    GenerateSettings, Lm, Ops, OptimConfig, Optimizer, Prompt, Schedule, generate, load_weights,
    row_nll, token_nll,
};

const MODELS: [&str; 2] = ["tied", "untied"];
const BOTH: [Ops; 2] = [Ops::Fused, Ops::Composed];

fn load(name: &str, ops: Ops) -> Lm {
    load_weights(&golden::config(name), &golden::path(name), &tape()).unwrap().with_ops(ops)
}

#[test]
fn the_fixtures_are_worth_comparing_with() {
    for name in MODELS {
        let e = golden::expected(name);
        assert!(e.attention_entropy_of_uniform < 0.7 && e.logits_sd > 1.0, "{name}");
        assert!(e.grad_norms[0] > e.optim.max_grad_norm, "{name}: no step was clipped");
        assert!(e.grad_norms[2] < e.optim.max_grad_norm, "{name}: each step was clipped");
    }
}

#[test]
fn logits_and_losses() {
    for (name, ops) in MODELS.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let (model, e) = (load(name, ops), golden::expected(name));
        let batch = golden::batch(&e.rows);
        let v = model.config().vocab_size;
        let logits = values(model.logits(model.hidden(&batch, None)));
        let mut worst = 0f64;
        for (b, row) in e.logits.iter().enumerate() {
            assert_eq!(row.len(), batch.lengths[b]);
            for (t, want) in row.iter().enumerate() {
                let got = &logits[(b * batch.width + t) * v..][..v];
                worst = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(worst, f64::max);
            }
        }
        assert!(worst < 1e-5 * e.logits_sd, "{name} {ops:?}: {worst:e}");

        let tokens: Vec<f32> =
            values(token_nll(&model, &batch, None)).into_iter().map(|x| x as f32).collect();
        for (got, want) in row_nll(&batch, &tokens).mean.iter().zip(&e.row_nll) {
            assert!((got / want - 1.0).abs() < 1e-6, "{name} {ops:?}: {got} {want}");
        }
    }
}

#[test]
fn gradients() {
    for (name, ops) in MODELS.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let (model, e) = (load(name, ops), golden::expected(name));
        let g = mean_loss(&model, &golden::batch(&e.rows)).backward();
        let leaves = leaves(&model, Some(&g));
        assert_eq!(leaves.len(), e.gradients.len(), "{name}");
        for leaf in leaves {
            let [want_norm, want_product] = e.gradients[&leaf.name];
            let g = leaf.gradient.unwrap();
            let product: f64 = g.iter().enumerate().map(|(i, g)| g * (i as f64).cos()).sum();
            let off = [norm(&g) - want_norm, product - want_product].map(f64::abs);
            let what = format!("{name} {ops:?} {}: {off:?} of {want_norm}", leaf.name);
            assert!(off.iter().all(|off| *off < 1e-5 * want_norm), "{what}");
        }
    }
}

#[test]
fn three_steps_of_adamw_with_clipping() {
    for (name, ops) in MODELS.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let (mut model, e) = (load(name, ops), golden::expected(name));
        let start = leaves(&model, None);
        let config = OptimConfig {
            lr: e.optim.lr,
            betas: e.optim.betas,
            eps: e.optim.eps,
            weight_decay: e.optim.weight_decay,
            max_grad_norm: e.optim.max_grad_norm,
            schedule: Schedule::Constant,
            warmup: 0.0,
            offload: false,
        };
        let mut optimizer = Optimizer::new(&model, &config, e.step_rows.len());
        for (rows, want) in e.step_rows.iter().zip(&e.grad_norms) {
            let gradients = common::gradients(&model, &golden::batch(rows));
            let (moved, stats) = optimizer.step(model, gradients).unwrap();
            assert!((stats.grad_norm / want - 1.0).abs() < 1e-4, "{name} {ops:?}: {stats:?}");
            model = moved;
        }
        let bytes = std::fs::read(golden::path(name).join("after.safetensors")).unwrap();
        let after = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let (mut off, mut moved, mut worst) = (0.0, 0.0, 0f64);
        for (start, end) in start.iter().zip(leaves(&model, None)) {
            let bytes = after.tensor(&end.name).unwrap().data().as_chunks::<4>().0;
            let want: Vec<f64> = bytes.iter().map(|b| f32::from_le_bytes(*b).into()).collect();
            let here = (distance(&end.value, &want), distance(&start.value, &want));
            assert!(here.0 < 1e-3 * here.1, "{name} {ops:?} {}: {here:?}", end.name);
            let pairs = end.value.iter().zip(&want);
            worst = pairs.map(|(a, b)| (a - b).abs()).fold(worst, f64::max);
            off += here.0 * here.0;
            moved += here.1 * here.1;
        }
        // Where a gradient is nearly 0, Adam makes its rounding a whole step: one weight
        // in 20,000 has such a one.
        let off = (off - worst * worst).sqrt();
        assert!(off < 7e-5 * moved.sqrt(), "{name} {ops:?}: {off} of {moved}");
    }
}

#[test]
fn greedy_continuations() {
    for (name, ops) in MODELS.into_iter().flat_map(|name| BOTH.map(|ops| (name, ops))) {
        let e = golden::expected(name);
        let config = golden::config(name);
        let model = load_weights(&config, &golden::path(name), &cpu()).unwrap().with_ops(ops);
        let prompt = |(i, tokens): (usize, &Vec<u32>)| Prompt {
            id: RowId::of(&i.to_string(), "", 0),
            tokens: tokens.clone(),
        };
        let prompts: Vec<Prompt> = e.prompts.iter().enumerate().map(prompt).collect();
        let settings = GenerateSettings { batch: 8, ..GenerateSettings::greedy(16) };
        let answers = generate(&model, &prompts, &settings, &[], 0).unwrap();
        let answers: Vec<Vec<u32>> = answers.into_iter().map(|a| a.tokens).collect();
        assert_eq!(answers, e.greedy, "{name} {ops:?}");
    }
}
