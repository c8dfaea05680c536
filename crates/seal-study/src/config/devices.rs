//! The key `device`: where stages compute.

use std::fmt;

use seal_device::{Backend, DeviceSet, DeviceSetError};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A device, or several of one kind of which each stage has one for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// A device by its name, or all of a kind: `cuda:*`.
    Named(String),
    /// A list of devices.
    Listed(Vec<String>),
}

impl Devices {
    /// As a command line has them: a name, or names with commas between.
    pub fn of_text(text: &str) -> Self {
        match text.contains(',') {
            true => Self::Listed(text.split(',').map(|name| name.trim().to_owned()).collect()),
            false => Self::Named(text.to_owned()),
        }
    }

    /// The devices. The machine is not asked.
    ///
    /// # Errors
    /// As [`DeviceSet::named`] and [`DeviceSet::listed`].
    pub fn set(&self) -> Result<DeviceSet, DeviceSetError> {
        match self {
            Self::Named(name) => DeviceSet::named(name),
            Self::Listed(names) => DeviceSet::listed(names),
        }
    }

    /// Whether each stage has a device for itself.
    pub fn is_list(&self) -> bool {
        self.set().is_ok_and(|set| set.is_list())
    }

    /// Their name in the keys of stages. No result depends on how many devices of a kind there are,
    /// nor on which of them a stage had, so that a list has the name of its kind. A device that is
    /// named alone keeps its name.
    pub fn in_keys(&self) -> String {
        match (self.set(), self) {
            (Ok(set), Self::Named(name)) if !set.is_list() => match set.kind().backend {
                Backend::Flex => set.kind().to_string(),
                Backend::Cuda | Backend::Tch | Backend::Wgpu => name.clone(),
            },
            (Ok(set), _) => set.kind().to_string(),
            // No config has them: it is checked when it is read.
            (Err(_), _) => self.to_string(),
        }
    }

    /// The names of the devices that stages have for themselves, in the order in which they are taken;
    /// none for a device that is named alone. Stages that train have `per_stage` each.
    ///
    /// # Errors
    /// Devices that the machine does not have, or that these stages do not share evenly.
    pub fn to_take(&self, per_stage: usize) -> Result<Vec<String>, DeviceSetError> {
        let set = self.set()?;
        if !set.is_list() {
            return Ok(Vec::new());
        }
        Ok(set.found_for(per_stage)?.iter().map(ToString::to_string).collect())
    }

    /// The names of the first `n` devices of the kind, for a process that sees these alone; none for one
    /// device, which needs no name.
    ///
    /// # Errors
    /// As [`Devices::set`].
    pub(crate) fn first_of_kind(&self, n: usize) -> Result<Vec<String>, DeviceSetError> {
        match n {
            0 | 1 => Ok(Vec::new()),
            n => Ok(self.set()?.first_of_kind(n).iter().map(ToString::to_string).collect()),
        }
    }

    /// The device that a stage computes on which runs by itself.
    ///
    /// # Errors
    /// As [`Devices::to_take`].
    pub(crate) fn first(&self) -> Result<String, DeviceSetError> {
        Ok(self.to_take(1)?.into_iter().next().unwrap_or_else(|| self.in_keys()))
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Listed(names) => f.write_str(&names.join(", ")),
        }
    }
}

impl Serialize for Devices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(name) => name.serialize(serializer),
            Self::Listed(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Devices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Devices;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a device or a list of devices")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Devices, E> {
                Ok(Devices::Named(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Devices, A::Error> {
                let mut all = Vec::new();
                while let Some(name) = names.next_element()? {
                    all.push(name);
                }
                Ok(Devices::Listed(all))
            }
        }

        deserializer.deserialize_any(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Devices {
        Devices::Listed(names.iter().map(|&name| name.to_owned()).collect())
    }

    /// A key of today is that of a device which is named alone.
    #[test]
    fn a_name_alone_is_in_keys_as_it_is_and_a_list_as_its_kind() {
        for name in ["flex", "cuda", "cuda:0", "cuda:3", "tch", "tch:cuda:1", "wgpu"] {
            assert_eq!(Devices::of_text(name).in_keys(), name);
        }
        assert_eq!(Devices::of_text("flex:1").in_keys(), "flex");
        for text in ["cuda:0,cuda:1", "cuda:3, cuda:1", "cuda:*"] {
            assert_eq!(Devices::of_text(text).in_keys(), "cuda:0", "{text}");
        }
        assert_eq!(listed(&["cuda:5"]).in_keys(), "cuda:0");
        assert_eq!(listed(&["flex:0", "flex:1"]).in_keys(), "flex");
    }

    #[test]
    fn a_list_is_taken_from_and_a_name_alone_is_not() {
        assert!(Devices::of_text("flex").to_take(1).unwrap().is_empty());
        assert_eq!(listed(&["flex:1", "flex:0"]).to_take(2).unwrap(), ["flex:1", "flex:0"]);
        assert!(listed(&["flex:1", "flex:0"]).to_take(3).is_err());
        assert_eq!(listed(&["flex:1", "flex:0"]).first().unwrap(), "flex:1");
        assert_eq!(Devices::of_text("flex").first().unwrap(), "flex");
    }

    #[test]
    fn devices_are_written_as_they_are_read() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Of {
            device: Devices,
        }
        for text in ["device = \"cuda:*\"\n", "device = [\"flex:0\", \"flex:1\"]\n"] {
            let read: Of = toml::from_str(text).unwrap();
            assert_eq!(toml::to_string(&read).unwrap(), text);
        }
        let said = toml::from_str::<Of>("device = 3").unwrap_err().to_string();
        assert!(said.contains("a device or a list of devices"), "{said}");
    }
}
