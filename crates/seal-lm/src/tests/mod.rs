//! What a plan can ask for beyond the families that are read: against f64.

mod reference;

use std::sync::Arc;

use burn::module::{ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use seal_data::{Batch, Example, RowId};

use crate::families;
use crate::plan::{BlockPlan, Blocks, HeadNorms, NormPlan, Plan, RotaryPlan};
use crate::trunk::Trunk;
use crate::{
    Architecture, GenerateSettings, Lm, LmConfig, LmError, Ops, Prompt, RopeScaling, Scorer, Tape,
    WeightFormat, build, differentiate, generate, token_nll,
};
use reference::{Numbers, states, times};

const ROWS: [&[u32]; 3] = [&[3, 1, 4, 1, 5, 9, 2, 6, 5], &[7], &[2, 7, 1, 8, 2]];

fn config() -> LmConfig {
    LmConfig {
        vocab_size: 11,
        hidden_size: 16,
        num_hidden_layers: 5,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 10,
        max_position_embeddings: 32,
        rope_theta: 50.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: true,
        initializer_range: 0.4,
        architecture: Architecture { head_dim: Some(6), ..Architecture::default() },
    }
}

/// Blocks in a pattern: a window, a rotary set of their own, norms of heads and another
/// scale; then all tokens, no positions, a norm of 1 + its weight, and norms behind attention and
/// feed-forward layer. Embeddings are scaled, logits are capped.
fn plan(soft_cap: Option<f64>) -> Plan {
    let llama = || families::plan(&config());
    let block = || Arc::into_inner(llama().blocks.kinds.remove(0)).unwrap();
    let norm = |path, width| NormPlan { path, width, eps: 1e-6, bias: false, offset: false };
    let mut near: BlockPlan = block();
    near.attention.window = Some(3);
    near.attention.rotary = 1;
    near.attention.scale = Some(0.7);
    near.attention.soft_cap = soft_cap;
    let (queries, keys) = (norm("self_attn.q_norm", 6), norm("self_attn.k_norm", 6));
    near.head_norms = Some(HeadNorms { queries, keys });
    let mut far = block();
    far.attention.rotary = 2;
    far.input_norm.offset = true;
    far.attention_output_norm = Some(norm("after_attention", 16));
    far.feed_forward_output_norm = Some(norm("after_mlp", 16));
    let rotary = |dims, theta| RotaryPlan { dims, theta, scaling: RopeScaling::Default };
    Plan {
        rotary: vec![rotary(6, 50.0), rotary(4, 9.0), rotary(0, 1.0)],
        blocks: Blocks {
            count: 5,
            kinds: vec![Arc::new(near), Arc::new(far), Arc::new(block())],
            pattern: vec![0, 1, 2],
        },
        norm: NormPlan { offset: true, ..llama().norm },
        embedding_scale: Some(1.7),
        logit_cap: Some(4.0),
        ..llama()
    }
}

fn trunk(soft_cap: Option<f64>, device: &Device) -> Trunk {
    let plan = Arc::new(plan(soft_cap));
    build::parts(plan, &mut Numbers, device, WeightFormat::F32).unwrap().0
}

fn model(soft_cap: Option<f64>, ops: Ops, device: &Device) -> Lm {
    Lm::of_parts(config(), trunk(soft_cap, device), None).with_ops(ops)
}

fn batch() -> Batch {
    // The last token of a row is a target and no input.
    let row = |(i, row): (usize, &&[u32])| {
        let tokens = [*row, &[1]].concat();
        Example::new(RowId::of(&i.to_string(), "", 0), tokens, 1 + row.len() / 2)
    };
    let rows: Vec<Example> = ROWS.iter().enumerate().map(row).collect();
    Batch::of(&rows.iter().collect::<Vec<_>>(), None)
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

fn assert_near(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let off: Vec<f64> = got.iter().zip(want).map(|(a, b)| a - b).collect();
    assert!(norm(&off) <= 1e-5 * norm(want), "{what}: {:e}", norm(&off));
}

/// Every form that a device or a plan may force.
fn each() -> [(Option<f64>, Ops); 3] {
    [(None, Ops::Fused), (None, Ops::Composed), (Some(1.5), Ops::Composed)]
}

#[test]
fn states_are_those_of_the_plan() {
    let batch = batch();
    for (cap, ops) in each() {
        let (model, plan) = (model(cap, ops, &Device::flex()), plan(cap));
        assert_eq!(model.kernels().is_some(), ops == Ops::Fused);
        let got = values(model.hidden(&batch, None));
        for (b, row) in ROWS.iter().enumerate() {
            let got = &got[b * batch.width * 16..][..row.len() * 16];
            assert_near(got, &states(&plan, row).concat(), &format!("{cap:?} {ops:?} {b}"));
        }
    }
}

#[test]
fn a_plan_that_kernels_do_not_know_is_composed() {
    assert!(model(Some(1.5), Ops::Fused, &Device::flex()).kernels().is_none());
}

/// Block by block and on one tape.
#[test]
fn gradients_are_those_of_one_tape() {
    let batch = batch();
    let weights: Vec<f32> = (0..batch.targets.len()).map(|m| 0.3 + m as f32 / 7.0).collect();
    for (cap, ops) in each() {
        let model = model(cap, ops, &Device::flex().autodiff());
        let sum = TensorData::new(weights.clone(), [weights.len()]);
        let losses = token_nll(&model, &batch, None);
        let sum = (losses * Tensor::from_data(sum, &model.device())).sum();
        let want = gradients(&model, &GradientsParams::from_grads(sum.backward(), &model));
        assert!(want.len() > 40);
        for recompute in [false, true] {
            let got = differentiate(&model, &batch, &weights, None, Tape { recompute });
            let got = gradients(&model, &got.gradients);
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                assert_near(got, want, &format!("{cap:?} {ops:?} {recompute} {i}"));
            }
        }
    }
}

/// Of every weight, in the order of the model.
fn gradients(model: &Lm, of: &GradientsParams) -> Vec<Vec<f64>> {
    struct Gradients<'a>(&'a GradientsParams, Vec<Vec<f64>>);
    impl ModuleVisitor for Gradients<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(values(self.0.get::<D>(param.id).expect("a weight that is trained")));
        }
    }
    let mut gradients = Gradients(of, Vec::new());
    burn::module::Module::visit(model, &mut gradients);
    gradients.1
}

/// Past the window, so that the cache hides what it must.
#[test]
fn answers_are_those_of_the_plan() {
    for (cap, ops) in each() {
        let (model, plan) = (model(cap, ops, &Device::flex()), plan(cap));
        let prompt = |(i, row): (usize, &&[u32])| Prompt {
            id: RowId::of(&i.to_string(), "", 0),
            tokens: row.to_vec(),
        };
        let prompts: Vec<Prompt> = ROWS.iter().enumerate().map(prompt).collect();
        let answers = generate(&model, &prompts, &GenerateSettings::greedy(6), &[], 0).unwrap();
        let table: Vec<f64> =
            Numbers::of("model.embed_tokens.weight", 11 * 16).into_iter().map(f64::from).collect();
        for (row, answer) in ROWS.iter().zip(answers) {
            let mut tokens = row.to_vec();
            for _ in 0..6 {
                let last = states(&plan, &tokens).pop().unwrap();
                let logit = |id: &u32| times(&last, &table[*id as usize * 16..][..16])[0];
                let best = (0..11).max_by(|a, b| logit(a).total_cmp(&logit(b))).unwrap();
                tokens.push(best);
            }
            assert_eq!(answer.tokens, tokens[row.len()..], "{cap:?} {ops:?}");
        }
    }
}

#[test]
fn scores_are_read_from_the_last_token() {
    let weight = Numbers::of("score.weight", 16 * 2);
    let wide: Vec<f64> = weight.iter().map(|x| f64::from(*x)).collect();
    let want: Vec<f64> = ROWS
        .iter()
        .flat_map(|row| times(states(&plan(None), row).last().unwrap(), &wide))
        .collect();
    for ops in [Ops::Fused, Ops::Composed] {
        let trunk = model(None, ops, &Device::flex()).trunk;
        let weight = TensorData::new(weight.clone(), [16, 2]);
        let scorer = Scorer::new(trunk, Tensor::from_data(weight, &Device::flex()));
        let scores = scorer.scores(&ROWS).unwrap();
        assert_eq!(scores.dims(), [3, 2]);
        assert_near(&values(scores), &want, &format!("{ops:?}"));
        // A row's scores do not depend on the rows beside it.
        let alone = scorer.scores(&ROWS[2..]).unwrap();
        assert_near(&values(alone), &want[4..], &format!("{ops:?} alone"));
        let empty = scorer.scores(&[ROWS[0], &[]]).unwrap_err();
        assert!(matches!(empty, LmError::EmptyRow { row: 1 }), "{empty}");
        let unknown = scorer.scores(&[&[11]]).unwrap_err();
        assert!(matches!(unknown, LmError::Token { id: 11, .. }), "{unknown}");
    }
}
