//! The devices of a study: several of one kind, of which each stage has one.

use std::collections::BTreeMap;

use crate::spec::{Backend, DeviceError, DeviceSpec};

/// The variable by which a process sees only some of the GPUs of NVIDIA.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// One device, or several of one kind. Reading it asks nothing of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSet {
    kind: DeviceSpec,
    listed: Listed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Listed {
    /// A device by itself: stages may share it.
    One(DeviceSpec),
    /// A list: each stage has one of them for itself.
    These(Vec<DeviceSpec>),
    /// As a list of all that the machine has.
    All,
}

/// Devices that are no set, or that the machine does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceSetError {
    /// A device that is unknown, or not in this binary.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A list without a device.
    #[error("the list of devices is empty: name one, such as flex or cuda:0")]
    Empty,
    /// A device without a name.
    #[error("the name of a device is empty: give one, such as flex or cuda:0, or a comma less")]
    NoName,
    /// Several devices in one text, where a list is meant.
    #[error("`{text}` is one text: several devices are a list, such as {}", list(.text))]
    NoList {
        /// The text.
        text: String,
    },
    /// Devices that may round differently.
    #[error(
        "the devices {first} and {other} are of two kinds: results of different kinds of device are \
         never mixed in one study; name devices of one kind"
    )]
    Kinds {
        /// The first of the list.
        first: DeviceSpec,
        /// One of another kind.
        other: DeviceSpec,
    },
    /// One device twice, maybe by two names.
    #[error("{}: a stage has a device for itself; name each once", twice(*first, *again))]
    Twice {
        /// The device as it was named first.
        first: DeviceSpec,
        /// As it was named again.
        again: DeviceSpec,
    },
    /// Devices that stages with several each do not share evenly.
    #[error(
        "each stage that trains is to have {each} devices, and there {}: a stage has devices for \
         itself; name a list of {each}, or of a multiple of {each}",
        if *found == 1 { "is 1".to_owned() } else { format!("are {found}") }
    )]
    Shares {
        /// Devices of a stage.
        each: usize,
        /// How many there are.
        found: usize,
    },
    /// All of a kind, beside others.
    #[error("`{name}` stands for all devices of its kind: name it alone")]
    NotAlone {
        /// The name.
        name: String,
    },
    /// All of a kind that has no number of devices.
    #[error("`{name}`: {}", numbered(.name))]
    NoNumber {
        /// The name.
        name: String,
    },
    /// All of a kind, of which the machine has none.
    #[error(
        "device `cuda:*`: this machine shows no CUDA device; `nvidia-smi -L` lists those that it has, and \
         {VISIBLE} those that a process sees"
    )]
    NoneFound,
    /// A device that the machine does not have.
    #[error(
        "device `{device}`: this machine shows {found} CUDA devices, counted from cuda:0; \
         `nvidia-smi -L` lists those that it has, and {VISIBLE} those that a process sees"
    )]
    Absent {
        /// The device.
        device: DeviceSpec,
        /// How many there are.
        found: usize,
    },
}

fn shares(found: usize, each: usize) -> Result<(), DeviceSetError> {
    match found.is_multiple_of(each.max(1)) {
        true => Ok(()),
        false => Err(DeviceSetError::Shares { each, found }),
    }
}

/// What to name in place of a kind whose name ends in a star.
fn numbered(name: &str) -> String {
    match name.trim_end_matches('*') {
        "wgpu:" => "adapters are no kind, for they may round differently; name one, such as wgpu:0"
            .to_owned(),
        kind => format!("how many there are is not known; name each, such as {kind}0 and {kind}1"),
    }
}

/// The parts of a text with commas, as a list.
fn list(text: &str) -> String {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    format!("[{}]", names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "))
}

fn twice(first: DeviceSpec, again: DeviceSpec) -> String {
    match first == again {
        true => format!("the device {first} is there twice"),
        false => format!("{first} and {again} are one device"),
    }
}

impl DeviceSet {
    /// The device `name`, or all devices of a kind: `cuda:*`.
    ///
    /// # Errors
    /// An unknown device; no name, or several; a kind that has no number of devices.
    pub fn named(name: &str) -> Result<Self, DeviceSetError> {
        match name {
            name if name.trim().is_empty() => Err(DeviceSetError::NoName),
            name if name.contains(',') => Err(DeviceSetError::NoList { text: name.to_owned() }),
            "cuda:*" => {
                let kind = DeviceSpec::of(Backend::Cuda, Some(0));
                Ok(Self { kind, listed: Listed::All })
            }
            "flex:*" | "tch:cuda:*" | "wgpu:*" => {
                Err(DeviceSetError::NoNumber { name: name.to_owned() })
            }
            name => {
                let device: DeviceSpec = name.parse()?;
                Ok(Self { kind: device.kind(), listed: Listed::One(device) })
            }
        }
    }

    /// The devices `names`, of which each stage has one for itself.
    ///
    /// # Errors
    /// An unknown device; a name that is empty; devices of two kinds; one device twice; no device.
    pub fn listed(names: &[String]) -> Result<Self, DeviceSetError> {
        if names.iter().any(|name| name.trim().is_empty()) {
            return Err(DeviceSetError::NoName);
        }
        if let (true, Some(name)) = (names.len() > 1, names.iter().find(|n| n.ends_with(":*"))) {
            return Err(DeviceSetError::NotAlone { name: name.clone() });
        }
        let first = names.first().ok_or(DeviceSetError::Empty)?;
        if first.ends_with(":*") {
            return Self::named(first);
        }
        let devices: Vec<DeviceSpec> =
            names.iter().map(|name| name.parse()).collect::<Result<_, DeviceError>>()?;
        let (first, kind) = (devices[0], devices[0].kind());
        let mut seen = BTreeMap::new();
        for device in &devices {
            if device.kind() != kind {
                return Err(DeviceSetError::Kinds { first, other: *device });
            }
            if let Some(first) = seen.insert(device.index.unwrap_or(0), *device) {
                return Err(DeviceSetError::Twice { first, again: *device });
            }
        }
        Ok(Self { kind, listed: Listed::These(devices) })
    }

    /// The kind of the devices, which is the first device of it.
    pub fn kind(&self) -> DeviceSpec {
        self.kind
    }

    /// The first device as it was named, which errors name; that of the kind where all are meant.
    pub fn first(&self) -> DeviceSpec {
        match &self.listed {
            Listed::One(device) => *device,
            Listed::These(devices) => devices[0],
            Listed::All => self.kind,
        }
    }

    /// Whether each stage has a device for itself. A device that is named alone is shared.
    pub fn is_list(&self) -> bool {
        !matches!(self.listed, Listed::One(_))
    }

    /// Refuses devices that stages with `each` of them do not share evenly, as far as the names tell.
    /// With one each, a device need not be in a list.
    ///
    /// # Errors
    /// [`DeviceSetError::Shares`].
    pub fn check_shares(&self, each: usize) -> Result<(), DeviceSetError> {
        match &self.listed {
            Listed::One(_) => shares(1, each),
            Listed::These(devices) => shares(devices.len(), each),
            Listed::All => Ok(()),
        }
    }

    /// As [`DeviceSet::found`], where each stage that trains has `each` of them.
    ///
    /// # Errors
    /// As there, and [`DeviceSetError::Shares`].
    pub fn found_for(&self, each: usize) -> Result<Vec<DeviceSpec>, DeviceSetError> {
        let found = self.found()?;
        shares(found.len(), each).map(|()| found)
    }

    /// The first `n` devices of the kind, for a process that sees these alone.
    pub fn first_of_kind(&self, n: usize) -> Vec<DeviceSpec> {
        (0..n).map(|i| DeviceSpec { index: Some(i), ..self.kind }).collect()
    }

    /// The devices, in their order. The machine is asked for those of a list of GPUs.
    ///
    /// # Errors
    /// A backend that is not in this binary; GPUs that the machine does not have.
    pub fn found(&self) -> Result<Vec<DeviceSpec>, DeviceSetError> {
        self.first().open()?;
        self.found_of(count(self.kind))
    }

    /// As [`DeviceSet::found`] on a machine with so many devices of the kind, if that is known.
    fn found_of(&self, count: Option<usize>) -> Result<Vec<DeviceSpec>, DeviceSetError> {
        match &self.listed {
            Listed::One(device) => Ok(vec![*device]),
            Listed::These(devices) => {
                let is_absent = |of: &&DeviceSpec| count.is_some_and(|n| of.index >= Some(n));
                match (devices.iter().find(is_absent), count) {
                    (Some(device), Some(found)) => {
                        Err(DeviceSetError::Absent { device: *device, found })
                    }
                    _ => Ok(devices.clone()),
                }
            }
            Listed::All => match count {
                None | Some(0) => Err(DeviceSetError::NoneFound),
                Some(n) => Ok((0..n).map(|i| DeviceSpec { index: Some(i), ..self.kind }).collect()),
            },
        }
    }
}

impl DeviceSpec {
    /// The variables of the environment by which another process sees this device alone, as the first
    /// of its kind. `visible` is what `CUDA_VISIBLE_DEVICES` is here, if it is set. Devices on the CPU
    /// need none.
    pub fn variables(self, visible: Option<&str>) -> Vec<(String, String)> {
        let (Backend::Cuda | Backend::Tch, Some(index)) = (self.backend, self.index) else {
            return Vec::new();
        };
        vec![(VISIBLE.to_owned(), self.as_seen(index, visible))]
    }

    /// The name of the device number `index` for a process that sees the devices `visible`. A device
    /// that is hidden from this process stays hidden from the other: it sees none.
    fn as_seen(self, index: usize, visible: Option<&str>) -> String {
        match visible {
            None => index.to_string(),
            Some(all) => all.split(',').map(str::trim).nth(index).unwrap_or_default().to_owned(),
        }
    }
}

/// How many devices of `kind` this machine shows to this process, where the backend counts them.
fn count(kind: DeviceSpec) -> Option<usize> {
    match kind.backend {
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            use burn::tensor::{Device, DeviceType};

            // Without a driver the backend panics: there is no device then.
            Some(crate::quietly(|| Device::enumerate(DeviceType::Cuda).len()).unwrap_or(0))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
