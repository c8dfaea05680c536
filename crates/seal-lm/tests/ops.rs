//! The fused passes against the composed ones, through whole models.

mod common;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Int, Tensor, TensorData};
use common::{
    SHAPES, batch, cpu, distance, examples, leaves, mean_loss, model, norm, tape, values,
};
use seal_lm::{
    DropoutKey, Lm, LmConfig, LoraConfig, Ops, OptimConfig, Optimizer, Tape, WeightFormat,
    differentiate, load_model, token_nll,
};

/// Each grouping of heads, head sizes 8, 16, 32 and one that is no multiple of
/// the vector lanes, tied and untied.
fn configs() -> Vec<LmConfig> {
    let shapes = [(32, 4, 2), (32, 4, 1), (32, 4, 4), (64, 4, 2), (64, 2, 1), (36, 2, 2)];
    let with = |(i, (hidden_size, heads, kv)): (usize, &(usize, usize, usize))| LmConfig {
        hidden_size: *hidden_size,
        num_attention_heads: *heads,
        num_key_value_heads: *kv,
        tie_word_embeddings: i % 2 == 0,
        // Steeper ones make gradients that f32 itself knows to 1e-5 only.
        initializer_range: 0.2,
        ..common::config()
    };
    shapes.iter().enumerate().map(with).collect()
}

#[test]
fn losses_and_gradients_agree() {
    for (i, config) in configs().into_iter().enumerate() {
        let batch =
            batch(&examples(config.vocab_size, i as u64, &SHAPES), (i % 2 == 1).then_some(8));
        let fused = model(&config, i as u64, &tape()).with_ops(Ops::Fused);
        let composed = fused.clone().with_ops(Ops::Composed);
        let [a, b] = [&fused, &composed].map(|model| values(token_nll(model, &batch, None)));
        assert!(distance(&a, &b) < 2e-6 * norm(&b), "{config:?}: {a:?} {b:?}");
        let [a, b] = [&fused, &composed].map(|model| {
            let gradients = mean_loss(model, &batch).backward();
            leaves(model, Some(&gradients))
        });
        for (a, b) in a.iter().zip(&b) {
            let (ga, gb) = (a.gradient.as_ref().unwrap(), b.gradient.as_ref().unwrap());
            let off = distance(ga, gb) / norm(gb);
            assert!(off < 1e-5, "{config:?} {}: {off:e}", a.name);
        }
    }
}

#[test]
fn adapters_get_the_same_gradients() {
    let lora = LoraConfig {
        r: 3,
        lora_alpha: 6.0,
        lora_dropout: 0.0,
        target_modules: vec!["all-linear".into()],
        ..LoraConfig::default()
    };
    let batch = batch(&examples(101, 0, &SHAPES), None);
    let fused = model(&common::config(), 0, &tape()).with_lora(&lora, 1).unwrap();
    let composed = fused.clone().with_ops(Ops::Composed);
    let [a, b] = [&fused, &composed].map(|model| {
        let gradients = mean_loss(model, &batch).backward();
        leaves(model, Some(&gradients))
    });
    let mut compared = 0;
    for (a, b) in a.iter().zip(&b).filter(|(a, _)| a.name.contains("lora_B")) {
        let (ga, gb) = (a.gradient.as_ref().unwrap(), b.gradient.as_ref().unwrap());
        assert!(distance(ga, gb) < 1e-5 * norm(gb), "{}", a.name);
        compared += 1;
    }
    assert_eq!(compared, 14);
}

#[test]
fn every_way_of_making_the_backward_pass_gives_the_same() {
    let lora = LoraConfig {
        r: 3,
        lora_alpha: 6.0,
        lora_dropout: 0.3,
        target_modules: vec!["q_proj".into(), "down_proj".into()],
        ..LoraConfig::default()
    };
    for (i, config) in configs().into_iter().enumerate() {
        let examples = examples(config.vocab_size, i as u64, &SHAPES);
        let batch = batch(&examples, None);
        let key = DropoutKey { seed: 1, step: 2, ids: &batch.ids, lengths: &batch.lengths };
        let weights: Vec<f32> = (0..batch.targets.len()).map(|m| 0.1 + m as f32 / 50.0).collect();
        let whole = model(&config, i as u64, &tape());
        let models = match i % 2 {
            0 => whole,
            _ => {
                // A step, so that B is not 0: A would have no gradient.
                let model = whole.with_lora(&lora, 1).unwrap();
                let gradients = common::gradients(&model, &batch);
                let optim = OptimConfig { lr: 0.1, ..OptimConfig::default() };
                Optimizer::new(&model, &optim, 1).step(model, gradients).unwrap().0
            }
        };
        // All on one tape, logits included.
        let fused = models.with_ops(Ops::Fused);
        let losses = token_nll(&fused, &batch, Some(key));
        let sum = TensorData::new(weights.clone(), [weights.len()]);
        let sum = (losses.clone() * Tensor::from_data(sum, &fused.device())).sum();
        let want = GradientsParams::from_grads(sum.backward(), &fused);
        let (want, losses) = (gradients(&fused, &want), values(losses));
        for (ops, recompute) in
            [(Ops::Fused, false), (Ops::Fused, true), (Ops::Composed, false), (Ops::Composed, true)]
        {
            let model = fused.clone().with_ops(ops);
            let got = differentiate(&model, &batch, &weights, Some(key), Tape { recompute });
            let tokens: Vec<f64> = got.tokens.iter().map(|l| f64::from(*l)).collect();
            assert!(distance(&tokens, &losses) < 2e-6 * norm(&losses), "{ops:?} {recompute}");
            let got = gradients(&model, &got.gradients);
            assert_eq!(got.len(), want.len(), "{ops:?} {recompute}");
            for ((name, got), (_, want)) in got.iter().zip(&want) {
                let off = distance(got, want) / norm(want);
                assert!(off < 1e-5, "{config:?} {ops:?} {recompute} {name}: {off:e}");
            }
        }
    }
}

#[test]
fn parts_of_a_batch_add_up() {
    // Some 7,500 tokens: two groups of nine parts, with adapters eight of two. And a row
    // that is a group by itself, where the other is of two parts.
    let even: Vec<(usize, usize)> = (0..176).map(|i| (40 + i % 7, 20)).collect();
    let mut uneven = vec![(60, 20); 9];
    uneven[5] = (1200, 200);
    for shapes in [even, uneven] {
        parts_add_up(&shapes);
    }
}

fn parts_add_up(shapes: &[(usize, usize)]) {
    let config = LmConfig {
        hidden_size: 128,
        intermediate_size: 256,
        initializer_range: 0.05,
        ..common::config()
    };
    let lora = LoraConfig {
        r: 2,
        lora_alpha: 4.0,
        lora_dropout: 0.2,
        target_modules: vec!["all-linear".into()],
        ..LoraConfig::default()
    };
    let batch = batch(&examples(101, 8, shapes), None);
    let key = DropoutKey { seed: 1, step: 2, ids: &batch.ids, lengths: &batch.lengths };
    let weights: Vec<f32> = (0..batch.targets.len()).map(|m| 0.1 + (m % 9) as f32).collect();
    let whole = model(&config, 3, &tape());
    for model in [whole.clone(), whole.with_lora(&lora, 1).unwrap()] {
        // Composed passes are not cut.
        let composed = model.clone().with_ops(Ops::Composed);
        let one = differentiate(&composed, &batch, &weights, Some(key), Tape::default());
        let values = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        for recompute in [false, true] {
            let parts = differentiate(&model, &batch, &weights, Some(key), Tape { recompute });
            let (a, b) = (values(&parts.tokens), values(&one.tokens));
            assert!(distance(&a, &b) < 2e-6 * norm(&b));
            let (a, b) = (gradients(&model, &parts.gradients), gradients(&model, &one.gradients));
            assert_eq!(a.len(), b.len());
            for ((name, a), (_, b)) in a.iter().zip(&b) {
                assert!(distance(a, b) <= 1e-5 * norm(b), "{recompute} {name}");
            }
        }
        let alone = values(&seal_lm::token_losses(&model.clone().valid(), &batch));
        let dry = differentiate(&model, &batch, &weights, None, Tape::default());
        assert!(distance(&alone, &values(&dry.tokens)) < 1e-6 * norm(&alone));
    }
}

#[test]
fn half_precision_stays_near_full_precision() {
    let lora = LoraConfig {
        r: 4,
        lora_alpha: 8.0,
        lora_dropout: 0.0,
        target_modules: vec!["q_proj".into(), "v_proj".into()],
        ..LoraConfig::default()
    };
    let batch = batch(&examples(101, 2, &SHAPES), None);
    // Less steep: what is rounded here is weights, not what they make of it.
    let config = LmConfig { initializer_range: 0.1, ..common::config() };
    let [full, half] = [WeightFormat::F32, WeightFormat::Bf16].map(|format| {
        let model = Lm::init_as(&config, 5, &tape(), format).unwrap().with_lora(&lora, 1).unwrap();
        assert_eq!(
            model.trunk.embed_tokens.val().dtype() == DType::BF16,
            format == WeightFormat::Bf16
        );
        let weights = vec![1.0 / batch.targets.len() as f32; batch.targets.len()];
        let done = differentiate(&model, &batch, &weights, None, Tape::default());
        let gradients = gradients(&model, &done.gradients);
        // What is trained is f32, and so are its moments.
        let optim = OptimConfig { lr: 1e-2, ..OptimConfig::default() };
        let moved = Optimizer::new(&model, &optim, 1).step(model, done.gradients).unwrap().0;
        let adapter =
            moved.trunk.layers[0].linear("q_proj").unwrap().lora.as_ref().unwrap().b.val();
        assert_eq!(adapter.dtype(), DType::F32);
        let tokens: Vec<f64> = done.tokens.iter().map(|l| f64::from(*l)).collect();
        let after = seal_lm::token_losses(&moved.valid(), &batch);
        assert!(after.iter().sum::<f32>() < done.tokens.iter().sum::<f32>());
        (tokens, gradients)
    });
    assert!(distance(&full.0, &half.0) < 1e-2 * norm(&full.0));
    assert_ne!(full.0, half.0);
    for ((name, a), (_, b)) in full.1.iter().zip(&half.1) {
        assert!(distance(a, b) <= 5e-2 * norm(a), "{name}: {}", distance(a, b) / norm(a));
    }
}

/// Gradients by the order of the weights.
fn gradients(model: &Lm, of: &GradientsParams) -> Vec<(usize, Vec<f64>)> {
    struct Read<'a>(&'a GradientsParams, usize, Vec<(usize, Vec<f64>)>);
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.2.push((self.1, gradient.into_data().iter::<f64>().collect()));
            }
            self.1 += 1;
        }
    }
    let mut read = Read(of, 0, Vec::new());
    model.visit(&mut read);
    assert!(!read.2.is_empty());
    read.2
}

#[test]
fn a_loss_depends_on_its_row_alone() {
    let all = examples(101, 3, &SHAPES);
    for ops in [Ops::Fused, Ops::Composed] {
        let model = model(&common::config(), 0, &cpu()).with_ops(ops);
        let together = values(token_nll(&model, &batch(&all, Some(32)), None));
        let alone: Vec<f64> = all
            .iter()
            .flat_map(|e| values(token_nll(&model, &batch(std::slice::from_ref(e), None), None)))
            .collect();
        assert!(distance(&together, &alone) < 1e-6 * norm(&alone), "{ops:?}");
    }
}

#[test]
fn answers_are_predicted_from_their_own_positions() {
    // The fused pass packs the rows; `hidden` has them padded.
    let rows = examples(101, 6, &SHAPES);
    for (ops, multiple) in [(Ops::Fused, None), (Ops::Fused, Some(32)), (Ops::Composed, None)] {
        let model = model(&common::config(), 0, &cpu()).with_ops(ops);
        let batch = batch(&rows, multiple);
        let all = values(model.hidden(&batch, None));
        let want: Vec<f64> =
            batch.positions.iter().flat_map(|at| all[*at as usize * 32..][..32].to_vec()).collect();
        let got = values(model.answer_hidden(&batch, None));
        assert!(distance(&got, &want) < 1e-6 * norm(&want), "{ops:?} {multiple:?}");
    }
}

/// What the last block leaves out changes nothing: against states of all tokens, from which
/// those of the answers are picked afterwards.
#[test]
fn tokens_that_no_answer_needs_change_no_gradient() {
    let first = ["llama_biased", "mistral", "neox_parallel", "neox_sequential", "phi3"];
    let families = first.into_iter().chain(common::families::differentiated());
    for (i, name) in families.enumerate() {
        let (model, _) = load_model(&common::families::folder(name), &tape()).unwrap();
        let rows = examples(model.config().vocab_size, i as u64, &SHAPES);
        let batch = batch(&rows, None);
        let m = batch.targets.len();
        // The scores of the later ones are steeper, and f32 knows their gradients less well.
        let bound = if first.contains(&name) { 1e-5 } else { 5e-5 };
        let weights: Vec<f32> = (0..m).map(|m| 0.1 + (m % 9) as f32).collect();
        let of = |values: &[i32]| {
            Tensor::<1, Int>::from_data(TensorData::new(values.to_vec(), [m]), &tape())
        };
        let hidden = model.hidden(&batch, None).select(0, of(&batch.positions));
        let log = log_softmax(model.logits(hidden), 1);
        let picked = log.gather(1, of(&batch.targets).reshape([m, 1])).reshape([m]).neg();
        let shares = Tensor::<1>::from_data(TensorData::new(weights.clone(), [m]), &tape());
        let grads = (picked.clone() * shares).sum().backward();
        let want = gradients(&model, &GradientsParams::from_grads(grads, &model));
        for (ops, recompute) in
            [(Ops::Fused, false), (Ops::Composed, false), (Ops::Fused, true), (Ops::Composed, true)]
        {
            let model = model.clone().with_ops(ops);
            let got = differentiate(&model, &batch, &weights, None, Tape { recompute });
            let tokens: Vec<f64> = got.tokens.iter().map(|x| f64::from(*x)).collect();
            let all = values(picked.clone());
            assert!(distance(&tokens, &all) < 2e-6 * norm(&all), "{name} {ops:?}");
            let got = gradients(&model, &got.gradients);
            assert_eq!(got.len(), want.len());
            for ((at, got), (_, want)) in got.iter().zip(&want) {
                let off = distance(got, want) / norm(want);
                assert!(off < bound, "{name} {ops:?} {at}: {off:e}");
            }
        }
    }
}

#[test]
fn no_position_sees_a_later_token() {
    let mut rows = examples(101, 4, &[(20, 1)]);
    for ops in [Ops::Fused, Ops::Composed] {
        let model = model(&common::config(), 0, &cpu()).with_ops(ops);
        let before = values(token_nll(&model, &batch(&rows, None), None));
        rows[0].tokens[11] = (rows[0].tokens[11] + 1) % 101;
        let after = values(token_nll(&model, &batch(&rows, None), None));
        // Loss t is that of token t + 1: token 11 is first a target, then seen.
        assert_eq!(before[..10], after[..10], "{ops:?}");
        assert!(before[10..].iter().zip(&after[10..]).all(|(a, b)| a != b), "{ops:?}");
    }
}

#[test]
fn not_a_number_reaches_the_loss() {
    let batch = batch(&examples(101, 5, &SHAPES), None);
    for ops in [Ops::Fused, Ops::Composed] {
        let mut model = model(&common::config(), 0, &cpu()).with_ops(ops);
        let gate = &mut model.trunk.layers[0].linear_mut("gate_proj").unwrap().weight;
        *gate = burn::module::Param::from_tensor(gate.val().mul_scalar(f32::NAN));
        let losses = values(token_nll(&model, &batch, None));
        assert!(losses.iter().all(|l| l.is_nan()), "{ops:?}: {losses:?}");
    }
}
