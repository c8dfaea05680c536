//! Tokenizer folders with files that are no such files: an error that names the file.

#[path = "common/model.rs"]
mod model;

use std::fs;
use std::panic::catch_unwind;

use model::folder;
use seal_data::{TextTokenizer, Tokenizer};
use serde_json::json;

const EOS: &str = "<|endoftext|>";
const FILES: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "config.json",
    "chat_template.jinja",
];

fn whole() -> tempfile::TempDir {
    folder(&[("tokenizer_config.json", json!({ "eos_token": EOS }))])
}

/// Each file in turn, with what may stand in its place.
#[test]
fn a_damaged_file_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9085657\n";
    let mut bom = "\u{feff}{}".to_owned().into_bytes();
    let contents: [(&str, Vec<u8>, &str); 10] = [
        ("LFS pointer", pointer.into(), "Git LFS pointer"),
        ("empty", Vec::new(), "is empty"),
        ("blank", b" \n".to_vec(), "is empty"),
        ("list", b"[]".to_vec(), ""),
        ("number", b"3".to_vec(), ""),
        ("cut", b"{\"a\": [1, ".to_vec(), "EOF while parsing"),
        ("byte order mark", std::mem::take(&mut bom), "byte order mark"),
        ("UTF-16", vec![0xff, 0xfe, b'{', 0, b'}', 0], "is not UTF-8 (byte 0)"),
        ("zeros", vec![0; 4096], "no JSON"),
        ("nested", b"{\"a\":".repeat(200_000), "no JSON"),
    ];
    for file in FILES {
        for (what, content, said) in &contents {
            // Any text is a template.
            let text = file.ends_with(".jinja") && !matches!(*what, "LFS pointer" | "UTF-16");
            let dir = whole();
            fs::write(dir.path().join(file), content).unwrap();
            match TextTokenizer::from_folder(dir.path()) {
                Ok(_) => assert!(text, "{file}, {what}: accepted"),
                Err(e) => {
                    let error = e.to_string();
                    assert!(!text && error.contains(file), "{file}, {what}: {error}");
                    assert!(error.contains(said), "{file}, {what}: {error}");
                    assert!(error.len() < 400, "{file}, {what}: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_file_or_has_no_end_is_named() {
    for file in FILES {
        let error = |put: &dyn Fn(&std::path::Path)| {
            let dir = whole();
            let path = dir.path().join(file);
            let _ = fs::remove_file(&path);
            put(&path);
            TextTokenizer::from_folder(dir.path()).err().unwrap().to_string()
        };
        let no_file = error(&|path| fs::create_dir(path).unwrap());
        assert!(no_file.contains(file) && no_file.contains("is no file"), "{no_file}");
        // As large as it says, without taking the room.
        let huge = error(&|path| fs::File::create(path).unwrap().set_len(1 << 34).unwrap());
        assert!(huge.contains(file) && huge.contains("17179869184 bytes"), "{huge}");
    }
}

/// Flipped, cut and repeated bytes: refused or read, and never the end of the program.
#[test]
fn no_damage_ends_the_program() {
    let dir = whole();
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut read, mut refused) = (0, 0);
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let path = dir.path().join(file);
        let good = fs::read(&path).unwrap();
        for round in 0..600 {
            let mut bytes = good.clone();
            let at = draw(bytes.len());
            match round % 4 {
                0 => bytes[at] ^= 1 << draw(8),
                1 => bytes.truncate(at),
                2 => {
                    let to = (at + 1 + draw(40)).min(bytes.len());
                    bytes.drain(at..to);
                }
                // A digit for another: ids, lengths.
                _ => {
                    let digits = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit());
                    let digits: Vec<usize> = digits.collect();
                    match digits.is_empty() {
                        true => continue,
                        false => bytes[digits[draw(digits.len())]] = b'0' + draw(10) as u8,
                    }
                }
            }
            fs::write(&path, &bytes).unwrap();
            let outcome = catch_unwind(|| match TextTokenizer::from_folder(dir.path()) {
                Ok(tokenizer) => {
                    let tokens =
                        tokenizer.encode("how do i <|im_end|> clean é?").unwrap_or_default();
                    tokenizer.decode(&tokens);
                    true
                }
                Err(e) => {
                    assert!(e.to_string().len() < 1000, "{e}");
                    false
                }
            });
            match outcome {
                Ok(true) => read += 1,
                Ok(false) => refused += 1,
                Err(_) => panic!("{file}, round {round}: {}", String::from_utf8_lossy(&bytes)),
            }
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(read > 50 && refused > 500, "{read} read, {refused} refused");
}
