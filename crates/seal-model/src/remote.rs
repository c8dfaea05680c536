//! Addresses on a model hub, as local paths.

use std::path::{Path, PathBuf};

use seal_data::DataSpec;

use crate::{AddressError, ModelError};

/// How much of an address is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchScope {
    /// A model with its weights.
    Model,
    /// A model's settings, tokenizer and templates.
    Tokenizer,
    /// One file.
    File,
}

/// How far to go for an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To the hub, where the cache does not do.
    #[default]
    Hub,
    /// To the cache of this machine. No connection is opened.
    Cache,
}

/// The local folder of a model: `path` itself, or what was fetched for an
/// `hf://` address.
///
/// # Errors
/// An address that cannot be fetched, or that is out of reach.
pub(crate) fn model(path: &Path, wanted: FetchScope, reach: Reach) -> Result<PathBuf, ModelError> {
    match address(path) {
        None => Ok(path.to_owned()),
        Some(text) => fetch(text, wanted, reach),
    }
}

/// The local path of a file of rows.
///
/// # Errors
/// An address that cannot be fetched.
pub fn local_file(path: &Path) -> Result<PathBuf, ModelError> {
    match address(path) {
        None => Ok(path.to_owned()),
        Some(text) => fetch(text, FetchScope::File, Reach::Hub),
    }
}

/// The same data with local paths.
///
/// # Errors
/// An address that cannot be fetched.
pub fn local_data(spec: &DataSpec) -> Result<DataSpec, ModelError> {
    let mut spec = spec.clone();
    let tests = spec.test.values_mut();
    let sets = [&mut spec.base, &mut spec.fine_tuning, &mut spec.safe, &mut spec.safety];
    for source in sets.into_iter().chain(tests).flatten() {
        if address(&source.path).is_some() {
            let path = local_file(&source.path)?;
            // An absolute path stays what it is when the data root is put before it.
            source.path = std::path::absolute(&path).map_err(ModelError::io(&path))?;
        }
    }
    Ok(spec)
}

/// Whether the path is an address on a hub.
pub fn is_address(path: &Path) -> bool {
    address(path).is_some()
}

fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.starts_with("hf://"))
}

#[cfg(feature = "hub")]
fn fetch(text: &str, wanted: FetchScope, reach: Reach) -> Result<PathBuf, ModelError> {
    use seal_hub::{Hub, HubAddress, HubError, HubSettings};
    let address: HubAddress = text.parse()?;
    let whole = wanted != FetchScope::File;
    if whole != address.path().is_none() {
        let address = text.to_owned();
        return Err(match whole {
            true => AddressError::IsFile { address }.into(),
            false => AddressError::IsRepository { address }.into(),
        });
    }
    let mut settings = HubSettings::from_env()?;
    settings.offline |= reach == Reach::Cache;
    let hub = Hub::new(settings)?;
    let lines = DownloadLines::new();
    let found = match wanted {
        FetchScope::Model => hub.model(&address, &lines).map(|model| (model.folder, model.pinned)),
        FetchScope::Tokenizer => {
            hub.tokenizer(&address, &lines).map(|model| (model.folder, model.pinned))
        }
        FetchScope::File => hub.file(&address, &lines).map(|file| (file.path, file.pinned)),
    };
    let (path, pinned) = match found {
        Err(HubError::Offline { .. }) if reach == Reach::Cache => {
            return Err(AddressError::NotFetched { address: text.to_owned() }.into());
        }
        found => found?,
    };
    tracing::info!(address = text, %pinned, "from the hub");
    Ok(path)
}

#[cfg(not(feature = "hub"))]
fn fetch(text: &str, _wanted: FetchScope, _reach: Reach) -> Result<PathBuf, ModelError> {
    Err(AddressError::NoHub { address: text.to_owned() }.into())
}

/// Says on stderr how far a download is, at each tenth. It comes before there is
/// a plan, so there is no bar of a study yet.
#[cfg(feature = "hub")]
struct DownloadLines {
    state: std::cell::Cell<(u64, u64)>,
}

#[cfg(feature = "hub")]
impl DownloadLines {
    fn new() -> Self {
        Self { state: std::cell::Cell::new((0, 0)) }
    }
}

#[cfg(feature = "hub")]
impl seal_hub::DownloadProgress for DownloadLines {
    fn event(&self, event: &seal_hub::Event<'_>) {
        use std::io::Write as _;

        use seal_hub::Event;
        const MIB: f64 = 1_048_576.0;
        let say = |text: String| {
            // Names of files come from the hub and may hold any character.
            let text: String =
                text.chars()
                    .map(|c| {
                        if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' {
                            c
                        } else {
                            '?'
                        }
                    })
                    .collect();
            // Progress that cannot be shown stops nothing.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        };
        let (done, all) = self.state.get();
        match event {
            Event::Start { file, done, size } => {
                self.state.set((*done, size.unwrap_or(0)));
                match size {
                    Some(size) => say(format!("download {file}: {:.1} MiB", *size as f64 / MIB)),
                    None => say(format!("download {file}")),
                }
            }
            Event::Bytes { file, count } => {
                let now = done + count;
                self.state.set((now, all));
                if all > 0 && 10 * now / all > 10 * done / all && now < all {
                    say(format!("download {file}: {} %", 100 * now / all));
                }
            }
            Event::Waiting { file, wait } => {
                say(format!("download {file}: again in {:.0} s", wait.as_secs_f64()));
            }
            Event::Locked { file } => say(format!("download {file}: waiting for another program")),
            Event::Damaged { file } => {
                say(format!("download {file}: the copy in the cache is damaged, loading it anew"));
            }
            // Only these take long enough to be told of.
            Event::Checking { file } if file.ends_with(".safetensors") => {
                say(format!("checking {file}"));
            }
            _ => {}
        }
    }
}
