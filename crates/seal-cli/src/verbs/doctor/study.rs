//! The files and models that a config names.

use std::fs::File;
use std::path::Path;

use seal_data::TemplateSetting;
use seal_lm::{Cost, check_weights};
use seal_model::{FoundModel, ModelSettings, is_address};
use seal_study::{Config, ConfigSource, OneJudge, Peak, Preview, RunOptions, Study, read_plan};

use super::check::{Check, CheckOutcome, count};
use crate::memory;
use crate::message::message;
use crate::verbs::preview::refuse_too_large;
use crate::verbs::store::size;

/// What mends a model folder that lacks something.
const WHOLE: &str = "load the whole model: `hf download NAME --local-dir DIR`";

/// The plan, the files of rows, templates, the model folders, and those of judges. Where each of them can be read, the
/// study as a run reads it: its arms, rows, tokenizers and judges.
pub(super) fn check_study(
    source: &ConfigSource,
    config: &Config,
    folders: (&Path, &Path),
    checks: &mut Vec<Check>,
) {
    let before = checks.len();
    files(config, checks);
    // What is wrong with a file would be said twice.
    if checks[before..].iter().all(|check| check.state != CheckOutcome::Wrong) {
        check_whole_study(source, config, folders, checks);
    }
}

/// The study as a run into the folder `out` with the store `store` reads it.
fn check_whole_study(
    source: &ConfigSource,
    config: &Config,
    (out, store): (&Path, &Path),
    checks: &mut Vec<Check>,
) {
    const REMEDY: &str = "mend what it names; `plan` with the same options says the same";
    let wrong = |error: seal_study::StudyError| {
        Check::wrong("study", message(&anyhow::Error::from(error)), REMEDY)
    };
    let preview = match Preview::of(source) {
        Ok(preview) => preview,
        Err(error) => return checks.push(wrong(error)),
    };
    let lacking = checks.len();
    checks.extend(preview.lacking().map(|text| Check::wrong("study", text, REMEDY)));
    if checks.len() > lacking {
        return;
    }
    // To load it is to hash the models. A study that trains its own has none.
    let is_small = config.model.folder().is_none() && config.proxy.is_none();
    let loaded = match preview.is_here && is_small {
        true => Study::load_unjudged(source).map(Some),
        false => Ok(None),
    };
    let of_device = memory::of_devices(&config.device);
    let fits = match &loaded {
        // What the store has needs no memory any more. Which judges have nothing left to do is not
        // known without their models.
        Ok(Some(study)) => {
            let store = Some(store.to_owned());
            let options = RunOptions { store, device_memory: of_device, ..RunOptions::new(out) };
            let is_judge = |peak: &Peak| peak.of.starts_with("judge.");
            study
                .check_memory(&options)
                .and_then(|()| refuse_too_large(&preview, of_device, is_judge))
        }
        _ => refuse_too_large(&preview, of_device, |_| true),
    };
    if let Err(error) = fits {
        let said = message(&anyhow::Error::from(error));
        checks.push(Check::wrong("memory of a device", said, "`plan` says the same"));
    }
    checks.push(match loaded {
        Ok(_) => {
            let (arms, stages) = (preview.arms.len(), preview.stages.values().sum::<usize>());
            let what = if preview.is_here { "" } else { ", as far as it is here" };
            let [arms, stages] = [count(arms, "arm", "arms"), count(stages, "stage", "stages")];
            Check::ok("study", format!("{arms}, at most {stages}{what}"))
        }
        Err(error) => wrong(error),
    });
}

/// Each file by itself.
fn files(config: &Config, checks: &mut Vec<Check>) {
    let name = format!("plan {}", config.study.plan);
    checks.push(match read_plan(config) {
        Ok(plan) => Check::ok(name, count(plan.len(), "replacement", "replacements")),
        Err(error) => {
            Check::wrong(name, error.to_string(), "mend the plan, or give another --plan")
        }
    });
    rows(config, checks);
    model("model", &config.model, checks);
    if let Some(proxy) = &config.proxy {
        model("model of the selector", &proxy.model, checks);
    }
    for (place, path) in judges(config) {
        checks.push(judge(&place, path));
    }
    if let TemplateSetting::Chat { chat: Some(file), .. } = &config.tokenizer.template {
        checks.push(readable("template", file));
    }
}

/// The models of judges that are on this machine, with the places of the judges in the config.
fn judges(config: &Config) -> Vec<(String, &Path)> {
    let mut found = Vec::new();
    for (test, judges) in &config.judge {
        let also = judges.also.iter().map(|(name, judge)| (format!("judge.{test}.{name}"), judge));
        for (place, judge) in std::iter::once((format!("judge.{test}"), &judges.first)).chain(also)
        {
            let path = match judge {
                OneJudge::Guard(table) => Some(table.model.path.as_path()),
                OneJudge::Reward(table) => Some(table.model.path.as_path()),
                OneJudge::Pairs(table) => table.model.as_ref().map(|model| model.path.as_path()),
                OneJudge::Rubric(table) => table.model.as_ref().map(|model| model.path.as_path()),
                OneJudge::Single(_) | OneJudge::Majority(_) => None,
            };
            found.extend(path.map(|path| (place, path)));
        }
    }
    found
}

/// The model folder of a judge: it is there, and every file of its weights can be opened.
fn judge(place: &str, path: &Path) -> Check {
    let name = format!("model of {place} {}", path.display());
    if is_address(path) {
        return Check::ok(name, "fetched from the hub at first use");
    }
    if let Err(error) = opened(&path.join("config.json")) {
        let found = format!("its config.json cannot be read ({error})");
        return Check::wrong(name, found, format!("set {place}.model.path to a model folder"));
    }
    match check_weights(path) {
        Ok(()) => Check::ok(name, "its weights can be opened"),
        Err(error) => Check::wrong(name, message(&anyhow::Error::from(error)), WHOLE),
    }
}

/// The files of rows: those that can be read in one line, each of the others in a line of its own.
fn rows(config: &Config, checks: &mut Vec<Check>) {
    let Some(data) = &config.data else { return };
    let sets = [&data.base, &data.fine_tuning, &data.safe, &data.safety];
    let sources = sets.into_iter().chain(data.test.values()).flatten();
    let (mut files, mut bytes, mut remote) = (0, 0, 0);
    for source in sources {
        if is_address(&source.path) {
            remote += 1;
            continue;
        }
        let path = data.root.join(&source.path);
        match opened(&path) {
            Ok(_) if is_pointer(&path) => checks.push(Check::wrong(
                format!("rows {}", path.display()),
                "a pointer of Git LFS, not the rows",
                "`git lfs pull` in its folder",
            )),
            Ok(length) => {
                files += 1;
                bytes += length;
            }
            Err(_) => checks.push(readable("rows", &path)),
        }
    }
    let mut found = format!("{} can be read, {}", count(files, "file", "files"), size(bytes));
    if remote > 0 {
        let remote = count(remote, "file is", "files are");
        found.push_str(&format!("; {remote} fetched from the hub at first use"));
    }
    checks.push(Check::ok("rows", found));
}

/// Opens a file, and gives its length.
fn opened(path: &Path) -> std::io::Result<u64> {
    let found = File::open(path)?.metadata()?;
    match found.is_dir() {
        true => Err(std::io::ErrorKind::IsADirectory.into()),
        false => Ok(found.len()),
    }
}

fn readable(what: &str, path: &Path) -> Check {
    let name = format!("{what} {}", path.display());
    match opened(path) {
        Ok(length) => Check::ok(name, size(length)),
        Err(error) => Check::wrong(
            name,
            error.to_string(),
            "mend the path in the config, or the file's rights",
        ),
    }
}

/// A model folder: its shape can be read, its weights can be opened, and there is memory for them.
fn model(what: &str, settings: &ModelSettings, checks: &mut Vec<Check>) {
    let Some(folder) = settings.folder() else {
        return checks.push(Check::ok(what, "trained from scratch"));
    };
    let name = format!("{what} {}", folder.path.display());
    if is_address(&folder.path) {
        return checks.push(Check::ok(name, "fetched from the hub at first use"));
    }
    let (dir, shape) = match FoundModel::shape_of(&folder.path) {
        Ok(found) => found,
        Err(error) => {
            let said = message(&anyhow::Error::from(error));
            return checks.push(Check::wrong(name, said, "set model.path to a model folder"));
        }
    };
    // It says of a pointer of Git LFS and of a shard that is missing what to do.
    if let Err(error) = check_weights(&dir) {
        let said = message(&anyhow::Error::from(error));
        return checks.push(Check::wrong(name, said, WHOLE));
    }
    let parameters = Cost::of(&shape).parameters();
    let bytes = parameters * settings.dtype().bytes() as f64;
    let found = format!("{:.0} M weights, {} in memory", parameters / 1e6, size(bytes as u64));
    let available = memory::available().map(|mib| mib * f64::from(1 << 20));
    checks.push(match available.is_some_and(|available| available < bytes) {
        false => Check::ok(name, found),
        true => Check::warning(
            name,
            format!("{found}, more than is free"),
            "end other programs; `ablate --dry-run` estimates the peak",
        ),
    });
}

/// Whether a file is the pointer that Git LFS leaves in its place.
fn is_pointer(file: &Path) -> bool {
    const LONGEST: u64 = 1024;
    let is_short = std::fs::metadata(file).is_ok_and(|found| found.len() <= LONGEST);
    is_short && std::fs::read(file).is_ok_and(|bytes| seal_files::is_lfs_pointer(&bytes))
}
