//! What guards and reward models have in common when they are opened.

use std::path::{Path, PathBuf};

use seal_data::chat::ChatFormat;
use seal_data::{TemplateSetting, Tokenizer as _};
use seal_device::{DeviceSpec, Kernels};
use seal_judge::pointwise::PointItem;
use seal_judge::prompt::sha256_hex;

use super::sequence::{Sequence, Sequences};
use crate::digest::{DigestFiles, digest_files};
use crate::encoder::Encoder;
use crate::jobs::Watch;
use crate::jobs::record_file::{RecordFile, RecordLine};
use crate::remote::Reach;
use crate::{JudgeModelError, LeftOutRow, ModelError};

/// Where a judge works.
#[derive(Clone, Debug)]
pub struct JudgeRequest {
    /// Folder of its table, from which a prompt is looked for.
    pub folder: PathBuf,
    /// Another place of the prompt.
    pub prompt: Option<PathBuf>,
    /// Device string, see [`seal_device::DeviceSpec`].
    pub device: String,
    /// The name by which verdicts are marked, where it is not that of the device: any of several
    /// devices of a kind may give them.
    pub marked: Option<String>,
    /// Digests the files of the model.
    pub digest_files: DigestFiles,
    /// How far to go for a model on a hub.
    pub reach: Reach,
}

impl JudgeRequest {
    /// A judge whose table stands at `table`, on the CPU.
    pub fn new(table: &Path) -> Self {
        let folder = table.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            folder,
            prompt: None,
            device: "flex".into(),
            marked: None,
            digest_files,
            reach: Reach::Hub,
        }
    }

    /// The device as its verdicts are marked: numbers of two devices differ a little, and a file
    /// has those of one.
    ///
    /// # Errors
    /// An unknown device.
    pub(super) fn device_name(&self) -> Result<String, ModelError> {
        let name = self.marked.as_ref().unwrap_or(&self.device);
        Ok(name.parse::<DeviceSpec>()?.to_string())
    }

    /// Whether the device can be opened and has kernels.
    ///
    /// # Errors
    /// An unknown device.
    pub(super) fn has_kernels(&self) -> Result<bool, ModelError> {
        let device = self.device.parse::<DeviceSpec>()?.open();
        Ok(device.is_ok_and(|device| Kernels::of(&device).is_some()))
    }
}

/// The chat template of `setting`, with the SHA-256 of its text. The template is given texts in the
/// form that it takes.
///
/// # Errors
/// A template that cannot be read; a text with another SHA-256 than `expected`.
pub(super) fn chat_template(
    setting: &TemplateSetting,
    encoder: &Encoder,
    folder: &Path,
    model: &Path,
    expected: Option<&str>,
) -> Result<(ChatFormat, String), ModelError> {
    let format = setting.chat_format(folder, encoder.text_tokenizer())?;
    let found = sha256_hex(format.template.source().as_bytes());
    let named = encoder.text_tokenizer().map(|tokenizer| tokenizer.named_tokens());
    let template = format.template.taking_texts(&named.unwrap_or_default());
    let is_right = |expected: &str| {
        expected == seal_judge::prompt::ANY_HASH || expected.eq_ignore_ascii_case(&found)
    };
    if let Some(expected) = expected.map(str::trim).filter(|expected| !is_right(expected)) {
        let (folder, expected) = (model.to_owned(), expected.to_owned());
        return Err(JudgeModelError::TemplateHash { folder, expected, found }.into());
    }
    Ok((ChatFormat { template, ..format }, found))
}

/// The setting without the place of a file, whose text has a hash of its own.
pub(super) fn without_place(setting: &TemplateSetting) -> TemplateSetting {
    let mut setting = setting.clone();
    if let TemplateSetting::Chat { chat, .. } = &mut setting {
        *chat = None;
    }
    setting
}

/// A run over a set of answers.
pub(super) struct JudgeRun<'a, R> {
    pub(super) file: RecordFile<R>,
    /// Records of the file, the new ones behind.
    pub(super) records: Vec<R>,
    /// Answers without a record, with their tokens, shortest first.
    pub(super) open: Vec<(&'a PointItem, Sequence)>,
    pub(super) left_out: Vec<LeftOutRow>,
    pub(super) before: usize,
}

impl<'a, R: RecordLine> JudgeRun<'a, R> {
    /// Reads `path` and makes the tokens of the answers that have no record there.
    pub(super) fn start(
        path: &Path,
        made_by: &str,
        items: &'a [PointItem],
        sequences: &Sequences<'_>,
    ) -> Result<Self, ModelError> {
        let mut records = Vec::new();
        let file = RecordFile::open_with(path, made_by, |record| records.push(record))?;
        let (mut open, mut left_out, mut before) = (Vec::new(), Vec::new(), 0);
        for item in items {
            if file.has(item.id) {
                before += 1;
                continue;
            }
            match sequences.of(item) {
                Ok(sequence) => open.push((item, sequence)),
                Err(row) => left_out.push(row),
            }
        }
        // Rows of like length side by side waste the least padding.
        open.sort_by_key(|(_, sequence)| sequence.tokens.len());
        Ok(Self { file, records, open, left_out, before })
    }

    /// Judges the open answers, `batch` at a time, and adds each batch to the file as soon as it is
    /// done.
    pub(super) fn run(
        &mut self,
        batch: usize,
        watch: &mut dyn Watch,
        judge: impl Fn(&[(&'a PointItem, Sequence)]) -> Result<Vec<R>, ModelError>,
    ) -> Result<usize, ModelError> {
        let all = self.open.len();
        let mut done = 0;
        for rows in std::mem::take(&mut self.open).chunks(batch) {
            if watch.is_cancelled() {
                return Err(ModelError::Cancelled);
            }
            for record in judge(rows)? {
                self.file.add(&record)?;
                self.records.push(record);
            }
            done += rows.len();
            watch.progress(done, all);
        }
        Ok(all)
    }

    /// The records of `items`, in their order.
    pub(super) fn into_records(self, items: &[PointItem]) -> Vec<R> {
        let mut by_id: std::collections::BTreeMap<_, R> =
            self.records.into_iter().map(|record| (record.id(), record)).collect();
        items.iter().filter_map(|item| by_id.remove(&item.id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_of_two_devices_are_told_apart_by_one_name_each() {
        let of = |device: &str| {
            let request = JudgeRequest::new(Path::new("judge.toml"));
            JudgeRequest { device: device.into(), ..request }.device_name()
        };
        assert_eq!(of("cuda").unwrap(), of("cuda:0").unwrap());
        let request = JudgeRequest::new(Path::new("judge.toml"));
        let marked = Some("cuda:0".to_owned());
        let one_of_many = JudgeRequest { device: "cuda:5".into(), marked, ..request };
        assert_eq!(one_of_many.device_name().unwrap(), of("cuda:0").unwrap());
        assert_ne!(of("flex").unwrap(), of("cuda").unwrap());
        assert!(of("abacus").is_err());
    }
}
