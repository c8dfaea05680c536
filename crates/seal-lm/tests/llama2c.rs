//! Checkpoints of llama2.c: against its forward pass, its text, and files that
//! are not what they seem.

#[path = "llama2c/build.rs"]
mod build;
mod common;
#[path = "../../seal-data/tests/common/mod.rs"]
mod data;

use std::path::Path;

use build::{Checkpoint, SHAPE, Shape};
use common::{cpu, values};
use proptest::prelude::*;
use seal_data::{Example, RowId, Tokenizer};
use seal_lm::{GenerateSettings, Llama2cTokenizer, Lm, LmError, Prompt, generate, load_llama2c};

fn written<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    read(file.path())
}

fn load(bytes: &[u8]) -> Result<Lm, LmError> {
    written(bytes, |path| load_llama2c(path, &cpu()))
}

fn tokenizer(bytes: &[u8]) -> Result<Llama2cTokenizer, LmError> {
    written(bytes, Llama2cTokenizer::read)
}

/// Why a file is refused, without its name.
fn reason<T>(result: Result<T, LmError>) -> String {
    match result.err().expect("the file is refused") {
        LmError::Format { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn logits_are_those_of_its_own_forward_pass() {
    let shapes = [
        SHAPE,
        Shape { is_tied: true, ..SHAPE },
        Shape { kv_heads: 4, ..SHAPE },
        Shape { kv_heads: 1, heads: 2, layers: 3, ..SHAPE },
    ];
    for shape in shapes {
        let checkpoint = Checkpoint::random(shape);
        let model = load(&checkpoint.bytes()).unwrap();
        assert_eq!(model.config().max_position_embeddings, shape.context);
        let tokens: Vec<u32> = (0..18).map(|i| (i * 7 + 3) % 37).collect();
        let row = Example::new(RowId::of("", "", 0), tokens.clone(), 1);
        let batch = common::batch(std::slice::from_ref(&row), None);
        let got = values(model.logits(model.hidden(&batch, None)));
        let want: Vec<f64> = checkpoint.logits(&tokens[..17]).concat();
        // As many as the model was shown: the last token is a target only.
        assert_eq!(got.len(), want.len());
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() < 1e-4, "logit {i}: {got} {want}");
        }
    }
}

#[test]
fn a_checkpoint_of_another_length_is_refused() {
    let bytes = Checkpoint::random(SHAPE).bytes();
    for n in [0, 1, 27] {
        assert!(reason(load(&bytes[..n])).contains("the header alone 28"), "{n}");
    }
    for n in [28, 29, bytes.len() / 2, bytes.len() - 4, bytes.len() - 1] {
        let reason = reason(load(&bytes[..n]));
        assert!(reason.contains(&format!("has {n} bytes, its header asks for")), "{reason}");
    }
    assert!(reason(load(&[&bytes[..], &[0; 4]].concat())).contains("its header asks for"));
    // The sign of the vocabulary is the output layer.
    let mut tied = bytes.clone();
    tied[20..24].copy_from_slice(&37i32.to_le_bytes());
    assert!(reason(load(&tied)).contains("its header asks for"));
}

#[test]
fn a_checkpoint_that_is_no_model_is_refused() {
    let good = Checkpoint::random(SHAPE);
    let with = |field: usize, value: i32| {
        let mut bytes = good.bytes();
        bytes[4 * field..4 * field + 4].copy_from_slice(&value.to_le_bytes());
        reason(load(&bytes))
    };
    for field in [0, 1, 2, 3, 4, 6] {
        for value in [0, -1, i32::MIN] {
            assert!(with(field, value).contains(&format!("field {field} of the header is")));
        }
        let huge = with(field, i32::MAX);
        assert!(huge.contains("header"), "{huge}");
    }
    assert!(with(5, 0).contains("field 5"));
    assert!(with(5, i32::MIN).contains("asks for"));
    assert!(with(3, 5).contains("num_attention_heads 5"));
    assert!(with(4, 3).contains("num_key_value_heads 3"));
    assert!(with(0, 0x616b_3432).contains("version 1 or 2"));

    let mut bad = Checkpoint::random(SHAPE);
    bad.tensors[8][5] = f32::NAN;
    assert_eq!(reason(load(&bad.bytes())), "a weight of the down is NaN");
    let mut foreign = Checkpoint::random(SHAPE);
    foreign.tensors[11][3 + 1] = (1e6f64.powf(-2.0 / 6.0)).cos() as f32;
    assert!(reason(load(&foreign.bytes())).contains("rotary table"));
    let folder = tempfile::tempdir().unwrap();
    assert!(load_llama2c(folder.path(), &cpu()).is_err());
    let missing = load_llama2c(&folder.path().join("none.bin"), &cpu()).unwrap_err();
    assert!(matches!(missing, LmError::Io { .. }), "{missing}");
}

#[test]
fn merges_follow_the_scores() {
    let pieces = [(" ", -50.), ("a", -50.), ("b", -50.), ("c", -50.), ("é", -50.)];
    let merged = [("ab", -2.), ("bc", -1.), ("abc", -9.), ("aa", -3.), (" a", -4.)];
    let tokenizer = tokenizer(&build::tokenizer(&[pieces, merged].concat())).unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.bos(), tokenizer.eos()), (269, Some(1), 2));
    let [space, a, b, c, e] = [259, 260, 261, 262, 263];
    let [ab, bc, abc, aa, space_a] = [264, 265, 266, 267, 268];
    for (text, ids) in [
        ("", vec![]),
        // bc goes first, then " a": abc scores below it.
        ("abc", vec![space_a, bc]),
        ("babc", vec![space, b, abc]),
        // Of equal pairs the leftmost.
        ("caaa", vec![space, c, aa, a]),
        ("bab", vec![space, b, ab]),
        ("é", vec![space, e]),
        // Outside the vocabulary: bytes, which merge with nothing.
        ("b€a", vec![space, b, 3 + 0xE2, 3 + 0x82, 3 + 0xAC, a]),
        // The name of a byte is text like any other.
        ("<0x41>", [vec![space], "<0x41>".bytes().map(|b| 3 + u32::from(b)).collect()].concat()),
        (" a", vec![space, space_a]),
    ] {
        assert_eq!(tokenizer.encode(text).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids), text);
    }
    assert_eq!(tokenizer.decode(&[1, space_a, 2, 0, b, 9999]), "ab");
    assert_eq!(tokenizer.decode(&[3 + 0xE2, a]), "\u{fffd}a");
}

#[test]
fn a_tokenizer_that_is_none_is_refused() {
    let good = build::tokenizer(&[("a", 0.0), ("bb", -1.0)]);
    assert!(reason(tokenizer(&good[..3])).contains("shorter than its header"));
    for cut in [1, 2, 5, 9, 13] {
        let reason = reason(tokenizer(&good[..good.len() - cut]));
        assert!(reason.contains("cut off within piece 2"), "{cut}: {reason}");
    }
    assert!(reason(tokenizer(&good[..4])).contains("fewer pieces"));
    let mut long = good.clone();
    long[8..12].copy_from_slice(&i32::MAX.to_le_bytes());
    assert!(reason(tokenizer(&long)).contains("piece 0 has 2147483647 bytes"));
    long[8..12].copy_from_slice(&(-5i32).to_le_bytes());
    assert!(reason(tokenizer(&long)).contains("piece 0 has -5 bytes"));
    let mut nan = good.clone();
    nan[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(reason(tokenizer(&nan)).contains("score NaN"));
    let at = good.windows(6).position(|w| w == b"<0x07>").unwrap();
    let mut renamed = good.clone();
    renamed[at + 4] = b'8';
    assert!(reason(tokenizer(&renamed)).contains("not the bytes"));
}

proptest! {
    /// Any file is read or refused.
    #[test]
    fn damaged_files_do_not_panic(
        at in any::<prop::sample::Index>(), value in any::<u8>(), header in any::<bool>(),
    ) {
        let tiny = Shape { d: 4, hidden: 1, layers: 1, heads: 1, kv_heads: 1, vocab: 2, context: 2,
            is_tied: true };
        for (mut bytes, head, is_model) in [
            (Checkpoint::random(tiny).bytes(), 28, true),
            (build::tokenizer(&[("a", 0.0)]), 12, false),
        ] {
            let n = if header { head } else { bytes.len() };
            bytes[at.index(n)] = value;
            let refused = if is_model { load(&bytes).err() } else { tokenizer(&bytes).err() };
            let is_named = refused.is_none_or(|e| matches!(e, LmError::Format { .. }));
            prop_assert!(is_named);
        }
    }

    #[test]
    fn text_survives_encoding(text in "[ abcé€\n]{0,40}") {
        let pieces = [(" ", -9.), ("a", -9.), ("b", -9.), ("ab", -1.), (" a", -2.), ("  ", -3.)];
        let tokenizer = tokenizer(&build::tokenizer(&pieces)).unwrap();
        prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text).unwrap()), text);
    }
}

/// The story that its document prints, at temperature 0.
#[test]
fn a_published_model_tells_its_published_story() {
    let Some(folder) = data::real_data().map(|d| d.join("stories260K")) else { return };
    let document = std::fs::read_to_string(folder.join("stories260K.md")).unwrap();
    let command = "$ ./run stories260K/stories260K.bin -z stories260K/tok512.bin -t 0.0\n";
    let (_, after) = document.split_once(command).unwrap();
    let (story, _) = after.split_once("\n```").unwrap();

    let model = load_llama2c(&folder.join("stories260K.bin"), &cpu()).unwrap();
    let tokenizer = Llama2cTokenizer::read(&folder.join("tok512.bin")).unwrap();
    assert_eq!(tokenizer.vocab_size(), model.config().vocab_size);
    let tell = |tokens: Vec<u32>, n| {
        let prompts = [Prompt { id: RowId::of("story", "", 0), tokens: tokens.clone() }];
        let settings = GenerateSettings::greedy(n);
        let stops = &Llama2cTokenizer::STOPS;
        let answer = generate(&model, &prompts, &settings, stops, 0).unwrap().remove(0);
        tokenizer.decode(&[tokens, answer.tokens].concat())
    };
    assert_eq!(tell(vec![1], 256), story);
    // Its tokenizer takes the text apart as the model put it together.
    let beginning = "Once upon a time, there was a little girl named Lily. She";
    let mut tokens = vec![1];
    tokens.extend(tokenizer.encode(beginning).unwrap());
    let n = 256 - (tokens.len() - 1);
    assert_eq!(tell(tokens, n), story);
}
