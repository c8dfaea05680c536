//! A Hugging Face model folder and files of rows: the verbs one by one, and a
//! study. The weights are a tiny Llama that transformers wrote for the tests of
//! `seal-lm`; its tokenizer here knows whole words.

mod adapters;
#[path = "../common/mod.rs"]
mod common;
mod refusals;
mod rows;
mod study;
