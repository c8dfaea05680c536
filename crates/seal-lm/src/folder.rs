//! The weights of a model folder: one safetensors file, or shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use serde::Deserialize;

use crate::LmError;
use crate::families::Family;
use crate::tensor_file::TensorFile;
use crate::tensor_source::{TensorRequest, TensorRole, TensorShape, TensorSource};
use crate::text::read_json;

/// The file of a model in one piece.
pub(crate) const WHOLE: &str = "model.safetensors";
/// What says which shard holds which tensor.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// Files that hold the tensors of a model.
#[derive(Debug)]
pub(crate) struct WeightFiles {
    pub(crate) files: Vec<TensorFile>,
    /// File of each tensor.
    place: BTreeMap<String, usize>,
}

/// Opens all files with the weights of a model folder and reads their headers: one file, or every shard of
/// the index.
///
/// # Errors
/// A file that is missing or malformed, or weights in another format, with what to do about it.
pub fn check_weights(dir: &Path) -> Result<(), LmError> {
    WeightFiles::open(dir).map(drop)
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl WeightFiles {
    /// Opens `dir/model.safetensors`, or the shards of its index.
    ///
    /// # Errors
    /// A file that is missing or malformed, an index that is not that of its
    /// shards, or weights in another format, with what to do about it.
    pub(crate) fn open(dir: &Path) -> Result<Self, LmError> {
        let whole = dir.join(WHOLE);
        if whole.exists() {
            return Self::of_file(&whole);
        }
        let index = dir.join(INDEX);
        match index.exists() {
            true => Self::of_shards(dir, &index),
            false => Err(absent(dir)?),
        }
    }

    /// A single file.
    ///
    /// # Errors
    /// A file that is missing or malformed.
    pub(crate) fn of_file(path: &Path) -> Result<Self, LmError> {
        let file = TensorFile::open(path)?;
        let place = file.entries().map(|(name, _)| (name.to_owned(), 0)).collect();
        Ok(Self { files: vec![file], place })
    }

    fn of_shards(dir: &Path, path: &Path) -> Result<Self, LmError> {
        let bad = |reason: String| LmError::Format { path: path.into(), reason };
        let json = read_json(path)?;
        let Index { weight_map } = Index::deserialize(json).map_err(|e| bad(e.to_string()))?;
        let shards: BTreeSet<&String> = weight_map.values().collect();
        if shards.is_empty() {
            return Err(bad("weight_map names no tensor".to_owned()));
        }
        let mut files: Vec<TensorFile> = Vec::new();
        let mut place = BTreeMap::new();
        for shard in shards {
            // A path would reach outside of the folder.
            if Path::new(shard).file_name() != Some(OsStr::new(shard)) {
                return Err(bad(format!("shard {shard:?} is no file name")));
            }
            let at = dir.join(shard);
            if !at.exists() {
                return Err(bad(format!(
                    "shard `{shard}` is not in the folder: the download is not complete"
                )));
            }
            let file = TensorFile::open(&at)?;
            for (name, _) in file.entries() {
                if let Some(other) = place.insert(name.to_owned(), files.len()) {
                    let other = files[other].path().display();
                    return Err(bad(format!("tensor `{name}` is in `{shard}` and in {other}")));
                }
            }
            files.push(file);
        }
        let file_of = |name: &String| place.get(name).and_then(|i| files[*i].path().file_name());
        let wrong = weight_map
            .iter()
            .find(|(name, shard)| file_of(name) != Some(OsStr::new(shard.as_str())));
        match wrong {
            None => Ok(Self { files, place }),
            Some((name, shard)) => Err(bad(format!(
                "tensor `{name}` is not in `{shard}`: index and shards are of different downloads"
            ))),
        }
    }

    /// The same tensors, under the names that `family` has for them in a folder of its own.
    pub(crate) fn named_by(mut self, family: &dyn Family) -> Self {
        if family.renamed().is_empty() {
            return self;
        }
        self.place.clear();
        for (i, file) in self.files.iter_mut().enumerate() {
            file.rename(family.renamed());
            self.place.extend(file.entries().map(|(name, _)| (name.to_owned(), i)));
        }
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.place.keys().map(String::as_str)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.place.contains_key(name)
    }

    /// The file that holds the tensor `name`; the first where none does, which
    /// then says so.
    pub(crate) fn file(&mut self, name: &str) -> &mut TensorFile {
        let i = self.place.get(name).copied().unwrap_or(0);
        &mut self.files[i]
    }
}

impl TensorSource for WeightFiles {
    fn numbers(&mut self, tensor: &TensorRequest) -> Result<Vec<f32>, LmError> {
        let name = tensor.name();
        let file = self.file(&name);
        match (tensor.role, tensor.shape) {
            (TensorRole::Embedding, TensorShape::Matrix(shape)) => file.read(&name, &shape),
            // Burn multiplies by [in, out], files hold [out, in].
            (_, TensorShape::Matrix([input, output])) => file.read_turned(&name, [output, input]),
            (_, TensorShape::Vector(n)) => file.read(&name, &[n]),
        }
    }
}

/// What is wrong with a file of which `unused` are tensors that nothing reads.
pub(crate) fn without_place(unused: &[&str]) -> String {
    const NAMED: usize = 12;
    let names: Vec<String> =
        unused.iter().take(NAMED).map(|n| format!("`{}`", n.escape_debug())).collect();
    let more = match unused.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "holds tensors that the model has no place for: {}{more}; does the config describe this \
         model?",
        names.join(", ")
    )
}

/// What is wrong with a folder without safetensors.
fn absent(dir: &Path) -> Result<LmError, LmError> {
    let mut others = BTreeSet::new();
    for entry in std::fs::read_dir(dir).map_err(LmError::io(dir))? {
        let name = entry.map_err(LmError::io(dir))?.file_name().to_string_lossy().into_owned();
        if name.starts_with("model-") && name.ends_with(".safetensors") {
            let reason =
                format!("`{name}` is there, but {INDEX}, which says what is in it, is not");
            return Ok(LmError::Format { path: dir.into(), reason });
        }
        if [".bin", ".pth", ".pt", ".gguf", ".ckpt", ".msgpack", ".h5"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            others.insert(name);
        }
    }
    let reason = match others.first() {
        None => format!("neither {WHOLE} nor {INDEX} is in the folder"),
        Some(other) => format!(
            "no {WHOLE}, but `{other}`, which is not read here (pickled files can run code). \
             Convert the folder with transformers: python -c \"from transformers import \
             AutoModelForCausalLM as M; M.from_pretrained('IN').save_pretrained('OUT', \
             safe_serialization=True)\""
        ),
    };
    Ok(LmError::Format { path: dir.into(), reason })
}
