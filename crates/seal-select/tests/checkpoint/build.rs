//! Checkpoints put together by hand, so that each part can be made wrong.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The logits of every valid checkpoint here.
pub const LOGITS: [f32; 4] = [0.1, -2.5, 23.25, 0.0];

/// A zip of stored entries.
pub fn zip_of(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The entries of a valid checkpoint.
pub fn entries() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("s/data.pkl", Tensor::default().pickle()),
        ("s/byteorder", b"little".to_vec()),
        ("s/data/0", numbers(&LOGITS)),
        ("s/version", b"3\n".to_vec()),
    ]
}

/// A valid checkpoint in which the entry `name` holds `content`.
pub fn with_entry(name: &'static str, content: Vec<u8>) -> Vec<u8> {
    let mut entries = entries();
    match entries.iter_mut().find(|entry| entry.0 == name) {
        Some(entry) => entry.1 = content,
        None => entries.push((name, content)),
    }
    zip_of(&entries)
}

/// A checkpoint with another pickle.
pub fn with_pickle(pickle: Vec<u8>) -> Vec<u8> {
    with_entry("s/data.pkl", pickle)
}

pub fn numbers(logits: &[f32]) -> Vec<u8> {
    logits.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Where `part` starts, for the `nth` time from 0.
pub fn find(bytes: &[u8], part: &[u8], nth: usize) -> usize {
    let places = bytes.windows(part.len()).enumerate().filter(|(_, w)| *w == part);
    places.map(|(at, _)| at).nth(nth).expect("the part is there")
}

/// `bytes` with its only `part` replaced.
pub fn replaced(bytes: &[u8], part: &[u8], by: &[u8]) -> Vec<u8> {
    let at = find(bytes, part, 0);
    [&bytes[..at], by, &bytes[at + part.len()..]].concat()
}

/// What a pickle says of a tensor.
pub struct Tensor {
    pub storage: &'static str,
    pub stored: i64,
    pub offset: i64,
    pub shape: Vec<i64>,
    pub strides: Vec<i64>,
}

impl Default for Tensor {
    fn default() -> Self {
        Self { storage: "FloatStorage", stored: 4, offset: 0, shape: vec![4], strides: vec![1] }
    }
}

impl Tensor {
    /// The bytecode that `torch.save` writes for it.
    pub fn pickle(&self) -> Vec<u8> {
        let mut p = Assembler { bytes: vec![0x80, 2], memos: 0 };
        p.global("torch._utils", "_rebuild_tensor_v2");
        p.bytes.extend(b"((");
        p.text("storage");
        p.global("torch", self.storage);
        p.text("0");
        p.text("cpu");
        p.int(self.stored);
        p.stored(b"t");
        p.bytes.push(b'Q');
        p.int(self.offset);
        p.tuple(&self.shape);
        p.tuple(&self.strides);
        p.bytes.push(0x89);
        p.global("collections", "OrderedDict");
        p.stored(b")R");
        p.stored(b"t");
        p.stored(b"R");
        p.bytes.push(b'.');
        p.bytes
    }
}

struct Assembler {
    bytes: Vec<u8>,
    memos: u8,
}

impl Assembler {
    /// Opcodes whose result goes into the memo.
    fn stored(&mut self, opcodes: &[u8]) {
        self.bytes.extend(opcodes);
        self.bytes.extend([b'q', self.memos]);
        self.memos += 1;
    }

    fn global(&mut self, module: &str, name: &str) {
        self.stored(format!("c{module}\n{name}\n").as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes.push(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.stored(text.as_bytes());
    }

    fn int(&mut self, value: i64) {
        if let Ok(byte) = u8::try_from(value) {
            self.bytes.extend([b'K', byte]);
        } else if let Ok(int) = i32::try_from(value) {
            self.bytes.push(b'J');
            self.bytes.extend(int.to_le_bytes());
        } else {
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend(value.to_le_bytes());
        }
    }

    fn tuple(&mut self, values: &[i64]) {
        if values.len() > 3 {
            self.bytes.push(b'(');
        }
        for &value in values {
            self.int(value);
        }
        match values.len() {
            0 => self.bytes.push(b')'),
            1..=3 => self.stored(&[0x84 + values.len() as u8]),
            _ => self.stored(b"t"),
        }
    }
}
