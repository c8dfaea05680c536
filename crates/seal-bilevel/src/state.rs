//! All that a run goes on from, and its bytes.
//!
//! The container is safetensors, so that other programs can look into it: the trained
//! tensors under `theta.` and `value.` with AdamW's state beside each (`.exp_avg`,
//! `.exp_avg_sq`, `.step`), `omega` with Adam's, and a JSON header in its metadata. Orders
//! of rows, dropout and initial adapters are functions of seed, epoch and step, and are not
//! stored.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use bytemuck::Pod;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, View};
use seal_lm::{Moments, TrainedTensor};
use seal_select::{AdamState, PartitionState, SelectorState};
use serde::{Deserialize, Serialize};

use crate::error::StateError;
use crate::sums::RunSums;

/// Version of the format.
const FORMAT_VERSION: u32 = 1;
/// Key of the header in the container's metadata.
const HEADER: &str = "trainer";

/// Where a run stands between two steps: models, optimisers, logits and running means.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainerState {
    pub(crate) run: RunIdentity,
    /// Steps done.
    pub(crate) step: usize,
    pub(crate) saved: Saved,
}

/// What moves in a run.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    pub(crate) sums: RunSums,
    pub(crate) theta: BTreeMap<String, TrainedTensor>,
    pub(crate) value: Option<BTreeMap<String, TrainedTensor>>,
    pub(crate) selector: Option<SelectorState>,
}

/// What tells a run from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunIdentity {
    pub(crate) task: String,
    pub(crate) settings: serde_json::Value,
    pub(crate) seed: u64,
    pub(crate) steps: usize,
    /// Hash of the fine-tuning rows in their order.
    pub(crate) rows: u64,
    pub(crate) safe_rows: Option<u64>,
    /// Of omega; it holds the mean loss under the starting model.
    pub(crate) rate: Option<f64>,
}

impl RunIdentity {
    /// # Errors
    /// The first thing that `other` has otherwise.
    pub(crate) fn check(&self, other: &Self) -> Result<(), StateError> {
        let differences = [
            ("task", self.task != other.task),
            ("set of settings", self.settings != other.settings),
            ("seed", self.seed != other.seed),
            ("fine-tuning set", self.rows != other.rows),
            ("safe set", self.safe_rows != other.safe_rows),
            ("rate of the selector", self.rate != other.rate),
            ("number of steps", self.steps != other.steps),
        ];
        match differences.into_iter().find(|(_, differs)| *differs) {
            Some((what, _)) => Err(StateError::OtherRun { what }),
            None => Ok(()),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateHeader {
    format_version: u32,
    run: RunIdentity,
    step: usize,
    sums: RunSums,
    /// Whether there is a second model, theta^.
    value: bool,
    selector: Option<SelectorHeader>,
}

/// The numbers of a selector that are not one a row.
#[derive(Serialize, Deserialize)]
struct SelectorHeader {
    /// Shift, total and largest logit.
    partition: Option<[f64; 3]>,
    /// Steps of Adam.
    adam_steps: Option<u32>,
}

impl TrainerState {
    /// Steps done.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        self.run.steps
    }

    /// As a safetensors file, the same bytes for the same state.
    ///
    /// # Errors
    /// More than the container can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        let (tensors, header) = self.parts()?;
        let metadata = [(HEADER.to_owned(), header)].into_iter().collect();
        Ok(safetensors::serialize(&tensors, Some(metadata))?)
    }

    /// Writes the bytes of [`TrainerState::to_bytes`] to a file, tensor by tensor, so that they are
    /// not in memory a second time.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        let (tensors, header) = self.parts()?;
        let metadata = [(HEADER.to_owned(), header)].into_iter().collect();
        Ok(safetensors::serialize_to_file(&tensors, Some(metadata), path)?)
    }

    /// The tensors by name, and the header.
    fn parts(&self) -> Result<(Tensors<'_>, String), StateError> {
        let Self { run, step, saved: Saved { sums, theta, value, selector } } = self;
        let mut out = Writer::default();
        out.model("theta", theta);
        if let Some(value) = value {
            out.model("value", value);
        }
        if let Some(SelectorState { omega, adam, .. }) = selector {
            out.numbers("omega", omega);
            if let Some(AdamState { mean, square, .. }) = adam {
                out.numbers("omega.exp_avg", mean);
                out.numbers("omega.exp_avg_sq", square);
            }
        }
        let header = StateHeader {
            format_version: FORMAT_VERSION,
            run: run.clone(),
            step: *step,
            sums: sums.clone(),
            value: value.is_some(),
            selector: selector.as_ref().map(|s| SelectorHeader {
                partition: s.partition.map(|p| [p.shift, p.total, p.max]),
                adam_steps: s.adam.as_ref().map(|a| a.steps),
            }),
        };
        Ok((out.0, serde_json::to_string(&header)?))
    }

    /// From the bytes of [`TrainerState::to_bytes`].
    ///
    /// # Errors
    /// Bytes that are not whole, or of another version of the format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let texts = metadata.metadata().as_ref();
        let header = texts.and_then(|texts| texts.get(HEADER)).map_or("", String::as_str);
        let version: Version = serde_json::from_str(header)?;
        if version.format_version != FORMAT_VERSION {
            let found = version.format_version;
            return Err(StateError::Version { found, known: FORMAT_VERSION });
        }
        let StateHeader { run, step, sums, value, selector, .. } = serde_json::from_str(header)?;
        let tensors = Reader(SafeTensors::deserialize(bytes)?);
        let selector = selector.map(|header| tensors.selector(&header)).transpose()?;
        let value = value.then(|| tensors.model("value")).transpose()?;
        let saved = Saved { sums, theta: tensors.model("theta")?, value, selector };
        Ok(Self { run, step, saved })
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// A tensor of the container.
struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    /// Little-endian.
    bytes: Cow<'a, [u8]>,
}

type Tensors<'a> = BTreeMap<String, Tensor<'a>>;

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of numbers, in place where the machine has them in the container's order.
fn bytes<T: Pod, const N: usize>(values: &[T], to_le: fn(T) -> [u8; N]) -> Cow<'_, [u8]> {
    match cfg!(target_endian = "little") {
        true => Cow::Borrowed(bytemuck::cast_slice(values)),
        false => Cow::Owned(values.iter().flat_map(|x| to_le(*x)).collect()),
    }
}

/// Tensors by their names.
#[derive(Default)]
struct Writer<'a>(Tensors<'a>);

impl<'a> Writer<'a> {
    fn model(&mut self, of: &str, tensors: &'a BTreeMap<String, TrainedTensor>) {
        for (name, TrainedTensor { shape, values, moments }) in tensors {
            let name = format!("{of}.{name}");
            let floats = |values: &'a [f32]| Tensor {
                dtype: Dtype::F32,
                shape: shape.clone(),
                bytes: bytes(values, f32::to_le_bytes),
            };
            if let Some(Moments { exp_avg, exp_avg_sq, steps }) = moments {
                self.0.insert(format!("{name}.exp_avg"), floats(exp_avg));
                self.0.insert(format!("{name}.exp_avg_sq"), floats(exp_avg_sq));
                let bytes = Cow::Owned(steps.to_le_bytes().to_vec());
                let steps = Tensor { dtype: Dtype::U32, shape: Vec::new(), bytes };
                self.0.insert(format!("{name}.step"), steps);
            }
            self.0.insert(name, floats(values));
        }
    }

    fn numbers(&mut self, name: &str, values: &'a [f64]) {
        let bytes = bytes(values, f64::to_le_bytes);
        let tensor = Tensor { dtype: Dtype::F64, shape: vec![values.len()], bytes };
        self.0.insert(name.to_owned(), tensor);
    }
}

struct Reader<'a>(SafeTensors<'a>);

impl Reader<'_> {
    fn tensor(
        &self,
        name: &str,
        dtype: Dtype,
        named: &'static str,
    ) -> Result<TensorView<'_>, StateError> {
        match self.0.tensor(name) {
            Ok(view) if view.dtype() == dtype => Ok(view),
            _ => Err(StateError::Tensor { name: name.to_owned(), dtype: named }),
        }
    }

    fn floats(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), StateError> {
        let view = self.tensor(name, Dtype::F32, "F32")?;
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        Ok((view.shape().to_vec(), values.collect()))
    }

    fn numbers(&self, name: &str) -> Result<Vec<f64>, StateError> {
        let view = self.tensor(name, Dtype::F64, "F64")?;
        Ok(view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }

    fn model(&self, of: &str) -> Result<BTreeMap<String, TrainedTensor>, StateError> {
        let moment =
            |name: &str| [".exp_avg", ".exp_avg_sq", ".step"].iter().any(|m| name.ends_with(m));
        let prefix = format!("{of}.");
        let mut out = BTreeMap::new();
        for full in self.0.names() {
            let Some(name) = full.strip_prefix(&prefix).filter(|name| !moment(name)) else {
                continue;
            };
            let (shape, values) = self.floats(full)?;
            let moments = self.moments(full, &shape)?;
            out.insert(name.to_owned(), TrainedTensor { shape, values, moments });
        }
        Ok(out)
    }

    /// Moments of the tensor `name`, where it has some.
    fn moments(&self, name: &str, shape: &[usize]) -> Result<Option<Moments>, StateError> {
        let step = format!("{name}.step");
        if self.0.tensor(&step).is_err() {
            return Ok(None);
        }
        let steps = self.tensor(&step, Dtype::U32, "U32")?;
        let moment = |kind: &str| {
            let name = format!("{name}.{kind}");
            match self.floats(&name)? {
                (found, values) if found == shape => Ok(values),
                _ => Err(StateError::Tensor { name, dtype: "F32" }),
            }
        };
        let Ok(bytes) = steps.data().try_into() else {
            return Err(StateError::Tensor { name: step, dtype: "U32" });
        };
        let (exp_avg, exp_avg_sq) = (moment("exp_avg")?, moment("exp_avg_sq")?);
        Ok(Some(Moments { exp_avg, exp_avg_sq, steps: u32::from_le_bytes(bytes) }))
    }

    fn selector(&self, header: &SelectorHeader) -> Result<SelectorState, StateError> {
        let partition =
            header.partition.map(|[shift, total, max]| PartitionState { shift, total, max });
        let adam = |steps| {
            let mean = self.numbers("omega.exp_avg")?;
            Ok::<_, StateError>(AdamState {
                mean,
                square: self.numbers("omega.exp_avg_sq")?,
                steps,
            })
        };
        let adam = header.adam_steps.map(adam).transpose()?;
        Ok(SelectorState { omega: self.numbers("omega")?, partition, adam })
    }
}
