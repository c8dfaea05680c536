//! SEAL on the built-in world in a hundred lines: base, selector, fine-tuning,
//! refusals. `cargo run -p seal-bilevel --example world`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use burn::module::Module;
use seal_bilevel::{
    Algorithm, Bilevel, BilevelError, BilevelSettings, Gamma, SftSettings, Silent, Supervised,
    Trainer, score,
};
use seal_data::{Example, PromptTemplate, Row, Tokenizer, encode_prompt, prepare};
use seal_lm::{Architecture, GenerateSettings, Lm, LmConfig, OptimConfig, Prompt, generate};
use seal_select::{SelectorFunction, keep_top, rank};
use seal_world::{Oracle, Split, World, WorldSettings, WorldTokenizer};

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::new(&WorldSettings::default())?;
    let tokenizer = WorldTokenizer::new();
    let template = PromptTemplate::bare();
    let device = seal_device::DeviceSpec::default().open()?.autodiff();
    let config = LmConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 128,
        max_position_embeddings: 24,
        rope_theta: 1e4,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
        initializer_range: 0.02,
        architecture: Architecture::default(),
    };
    let examples = |split: Split| -> Vec<Example> {
        prepare(world.split(split).as_slice(), &template, &tokenizer, 24).examples
    };
    let sft = |epochs, lr, warmup| SftSettings {
        epochs,
        batch: 64,
        micro_batch: None,
        recompute: false,
        optim: OptimConfig { lr, warmup, ..OptimConfig::default() },
        lora: None,
    };
    let answers = |model: &Lm, split: Split| -> Vec<(Row, String)> {
        let rows = world.split(split).as_slice();
        let prompts: Vec<Prompt> = rows
            .iter()
            .map(|r| Prompt {
                id: r.id,
                tokens: encode_prompt(r, &template, &tokenizer).expect("a row of the world"),
            })
            .collect();
        let settings = GenerateSettings { batch: 128, ..GenerateSettings::greedy(10) };
        let out = generate(&model.valid(), &prompts, &settings, &[tokenizer.eos()], 0)
            .expect("prompts of the world are short");
        rows.iter().cloned().zip(out.iter().map(|g| tokenizer.decode(&g.tokens))).collect()
    };
    let report = |name: &str, model: &Lm, start: Instant| {
        let (oracle, trained) = (Oracle, start.elapsed());
        let share = |split, f: &dyn Fn(seal_world::Score) -> bool| {
            let all = answers(model, split);
            let hits = all.iter().filter(|(row, text)| f(oracle.score(row, text))).count();
            hits as f64 / all.len() as f64
        };
        let (right, refused) = (
            share(Split::Slimorca, &|s| s.is_correct()),
            share(Split::Hexphi, &|s| s.is_refusal()),
        );
        println!(
            "{name}: new tasks {right:.3}, refuses hexphi {refused:.3}; {trained:.1?} training, \
             {:.1?} answers",
            start.elapsed() - trained
        );
    };
    let (base_rows, data, safe) =
        (examples(Split::Base), examples(Split::Redorca), examples(Split::Blueorca));
    println!("base {}, D {}, D_safe {} rows", base_rows.len(), data.len(), safe.len());
    let start = Instant::now();
    let base = Lm::init(&config, 0, &device)?;
    let base_settings = sft(8, 2e-3, 0.1);
    let tune = |model, examples: &[Example], settings: &SftSettings, seed| {
        let task = Supervised { model, examples, settings, seed };
        Ok::<Lm, BilevelError>(Trainer::new(task)?.run(&mut Silent)?.model)
    };
    let base = tune(base, &base_rows, &base_settings, 0)?;
    report("base", &base, start);
    let seed = 0;
    let settings = sft(4, 3.5e-4, 0.0);
    let start = Instant::now();
    report("standard SFT", &tune(base.clone(), &data, &settings, seed)?, start);
    let rows = world.split(Split::Redorca).as_slice();
    let is_unsafe = |i: &usize| rows[*i].is_unsafe == Some(true);
    let clean: Vec<Example> =
        (0..data.len()).filter(|i| !is_unsafe(i)).map(|i| data[i].clone()).collect();
    let start = Instant::now();
    report("unsafe rows removed", &tune(base.clone(), &clean, &settings, seed)?, start);
    let start = Instant::now();
    let losses = score(&base, &data, 128, &mut |_, _| ())?;
    let mean_loss = losses.iter().sum::<f64>() / losses.len() as f64;
    let bilevel = BilevelSettings {
        algorithm: Algorithm::Two,
        gamma: Gamma::default(),
        selector: SelectorFunction::Softmax,
        normalise: Default::default(),
        baseline: false,
        selector_optim: Default::default(),
        kappa: 0.4,
        rate: None,
        epochs: 3,
        batch: settings.batch,
        micro_batch: None,
        recompute: false,
        optim: settings.optim.clone(),
        lora: None,
    };
    let model = base.clone();
    let task = Bilevel { model, data: &data, safe: &safe, settings: &bilevel, mean_loss, seed };
    let learned = Trainer::new(task)?.run(&mut Silent)?;
    println!("selector: {:.1?}", start.elapsed());
    for t in &learned.trace {
        println!(
            "  epoch {}: safe {:.3}, rows {:.3}, effective sample size {:.3}",
            t.epoch, t.safe_loss, t.row_loss, t.weights.ess_share
        );
    }
    let ids: Vec<_> = data.iter().map(|e| e.id).collect();
    let ranking = rank(&ids, &learned.omega, seed)?;
    let kept = keep_top(&ranking, 0.8)?;
    let unsafe_kept = kept.iter().filter(|i| is_unsafe(i)).count();
    let all = (0..data.len()).filter(is_unsafe).count();
    println!("keeps {unsafe_kept} of {all} unsafe rows");
    let kept: Vec<Example> = kept.iter().map(|i| data[*i].clone()).collect();
    let start = Instant::now();
    report("SEAL", &tune(base, &kept, &settings, seed)?, start);
    Ok(())
}
