//! The little of GGUF and of SentencePiece's files that holds a vocabulary.
//! Nothing is checked: the files are known, and a wrong value shows in tokens.

use std::collections::BTreeMap;
use std::path::Path;

/// A piece of a SentencePiece vocabulary.
pub struct Piece {
    pub text: String,
    pub score: f32,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Special,
    Byte,
}

/// Values of a GGUF file's metadata that a vocabulary is made of.
pub enum Meta {
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Ints(Vec<i32>),
    Other,
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        head
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> usize {
        u64::from_le_bytes(self.take(8).try_into().unwrap()) as usize
    }

    fn text(&mut self) -> String {
        let n = self.u64();
        String::from_utf8(self.take(n).to_vec()).unwrap()
    }

    fn varint(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    fn meta(&mut self, kind: u32) -> Meta {
        match kind {
            0 | 1 | 7 => drop(self.take(1)),
            2 | 3 => drop(self.take(2)),
            4..=6 => drop(self.take(4)),
            8 => drop(self.text()),
            9 => {
                let (of, n) = (self.u32(), self.u64());
                return match of {
                    8 => Meta::Texts((0..n).map(|_| self.text()).collect()),
                    6 => Meta::Floats((0..n).map(|_| f32::from_bits(self.u32())).collect()),
                    5 => Meta::Ints((0..n).map(|_| self.u32() as i32).collect()),
                    other => panic!("an array of kind {other}"),
                };
            }
            10..=12 => drop(self.take(8)),
            other => panic!("a value of kind {other}"),
        }
        Meta::Other
    }
}

/// The metadata of a GGUF file, version 3.
pub fn gguf(path: &Path) -> BTreeMap<String, Meta> {
    let file = std::fs::read(path).unwrap();
    let mut bytes = Bytes(&file);
    assert_eq!((bytes.take(4), bytes.u32()), (b"GGUF".as_slice(), 3));
    let (_tensors, n) = (bytes.u64(), bytes.u64());
    let value = |_| {
        let (key, kind) = (bytes.text(), bytes.u32());
        (key, bytes.meta(kind))
    };
    (0..n).map(value).collect()
}

/// A SentencePiece vocabulary inside GGUF.
pub fn gguf_pieces(path: &Path) -> Vec<Piece> {
    let mut meta = gguf(path);
    let mut get = |key: &str| meta.remove(&format!("tokenizer.ggml.{key}")).unwrap();
    let (Meta::Texts(texts), Meta::Floats(scores), Meta::Ints(kinds)) =
        (get("tokens"), get("scores"), get("token_type"))
    else {
        panic!("not a SentencePiece vocabulary");
    };
    let piece = |((text, score), kind)| Piece { text, score, kind: kind_of(kind) };
    texts.into_iter().zip(scores).zip(kinds).map(piece).collect()
}

fn kind_of(kind: i32) -> Kind {
    match kind {
        1 => Kind::Text,
        2..=4 => Kind::Special,
        6 => Kind::Byte,
        other => panic!("a piece of kind {other}"),
    }
}

/// The pieces of a SentencePiece model: field 1 of a protobuf message, each
/// with its text (1), score (2) and kind (3).
pub fn model_pieces(path: &Path) -> Vec<Piece> {
    let file = std::fs::read(path).unwrap();
    let (mut bytes, mut pieces) = (Bytes(&file), Vec::new());
    while !bytes.0.is_empty() {
        let (number, body) = field(&mut bytes);
        if number != 1 {
            continue;
        }
        let mut body = Bytes(body);
        let mut piece = Piece { text: String::new(), score: 0.0, kind: Kind::Text };
        while !body.0.is_empty() {
            match field(&mut body) {
                (1, text) => piece.text = String::from_utf8(text.to_vec()).unwrap(),
                (2, score) => piece.score = f32::from_le_bytes(score.try_into().unwrap()),
                (3, kind) => piece.kind = kind_of(kind[0].into()),
                _ => {}
            }
        }
        pieces.push(piece);
    }
    pieces
}

/// Number and bytes of the next field.
fn field<'a>(bytes: &mut Bytes<'a>) -> (usize, &'a [u8]) {
    let key = bytes.varint();
    let body = match key & 7 {
        0 => {
            let at = bytes.0;
            bytes.varint();
            &at[..at.len() - bytes.0.len()]
        }
        1 => bytes.take(8),
        2 => {
            let n = bytes.varint();
            bytes.take(n)
        }
        5 => bytes.take(4),
        other => panic!("wire type {other}"),
    };
    (key >> 3, body)
}
