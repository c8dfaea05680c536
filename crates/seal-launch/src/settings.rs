//! Settings of launchers: a name, a value, and perhaps the kind of stage that they are for.

use crate::error::LaunchError;

/// A setting that a launcher may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LauncherSetting {
    /// Its name.
    pub name: &'static str,
    /// What it takes, for people.
    pub takes: &'static str,
    /// Whether it may be given for one kind of stage.
    by_stage: bool,
}

const fn setting(name: &'static str, takes: &'static str) -> LauncherSetting {
    LauncherSetting { name, takes, by_stage: false }
}

const fn by_stage(name: &'static str, takes: &'static str) -> LauncherSetting {
    LauncherSetting { name, takes, by_stage: true }
}

/// All settings.
const ALL: [LauncherSetting; 17] = [
    by_stage("cpus", "a number of cores, 1 or more"),
    by_stage("gpus", "a number of GPUs"),
    by_stage("memory", "an amount such as 800M or 16G"),
    by_stage("time", "a time such as 90m, 12h or 2d"),
    setting("group", "seconds of small stages that one task makes, 0 or more"),
    setting("attempts", "how often a task is started at most, 1 or more"),
    setting("requeue", "how often a task that its time ran out for is queued again, 0 or more"),
    setting("notice", "seconds before the end of its time at which a task is told so, 1 or more"),
    setting("partition", "a partition of the cluster"),
    setting("account", "an account of the cluster"),
    setting("qos", "a quality of service of the cluster"),
    setting(
        "sbatch",
        "one more option of sbatch in one word, with its dashes, and = before its value",
    ),
    setting("server", "the folder of a HyperQueue server"),
    setting("python", "a Python that has the package hyperqueue"),
    setting("image", "a container image that has the program"),
    setting("claim", "the name of a persistent volume claim with the run folder and the store"),
    setting("mount", "the folder at which that volume is mounted"),
];

/// What a task asks of the place that it runs in. Equal requests may share a job array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Cores.
    pub cpus: usize,
    /// GPUs.
    pub gpus: usize,
    /// Memory in MiB; `None` leaves it to the place.
    pub memory: Option<u64>,
    /// Time in minutes; `None` leaves it to the place.
    pub minutes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GivenSetting {
    stage: Option<String>,
    name: &'static str,
    value: String,
}

impl GivenSetting {
    fn text(&self) -> String {
        let stage = self.stage.as_ref().map_or_else(String::new, |stage| format!("{stage}."));
        format!("{stage}{}={}", self.name, self.value)
    }
}

/// The settings of a launch. A later one replaces an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchSettings(Vec<GivenSetting>);

impl LaunchSettings {
    /// Reads settings in the form `name=value` or `stage.name=value`, of those that the launcher
    /// named `launcher` reads. `stages` are the kinds of stages of the plan.
    ///
    /// # Errors
    /// A setting that the launcher does not read; a stage that the plan does not have; a value that
    /// the setting does not take.
    pub fn parse(
        given: &[String],
        (launcher, reads): (&'static str, &[&'static str]),
        stages: &[&str],
    ) -> Result<Self, LaunchError> {
        let mut all = Vec::new();
        for text in given {
            let unknown = || LaunchError::UnknownSetting {
                given: text.clone(),
                launcher,
                known: reads.to_vec(),
            };
            let (place, value) = text.split_once('=').ok_or_else(unknown)?;
            let (stage, name) = match place.rsplit_once('.') {
                Some((stage, name)) => (Some(stage), name),
                None => (None, place),
            };
            let known = ALL.iter().find(|known| known.name == name && reads.contains(&known.name));
            let known = known.ok_or_else(unknown)?;
            let bad = |takes| LaunchError::Setting { given: text.clone(), takes };
            match stage {
                Some(_) if !known.by_stage => return Err(bad("it is for all stages alike")),
                Some(stage) if !stages.contains(&stage) => {
                    return Err(bad("the study has no stages of this kind"));
                }
                _ => {}
            }
            if !takes(known.name, value) {
                return Err(bad(known.takes));
            }
            let (stage, value) = (stage.map(str::to_owned), value.to_owned());
            all.push(GivenSetting { stage, name: known.name, value });
        }
        Ok(Self(all))
    }

    /// A setting for all stages.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let of = |given: &&GivenSetting| given.name == name && given.stage.is_none();
        self.0.iter().rev().find(of).map(|given| given.value.as_str())
    }

    /// Every value of a setting that may be given several times.
    pub(crate) fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |given| given.name == name).map(|given| given.value.as_str())
    }

    /// A setting that the launcher cannot do without.
    pub(crate) fn needed(
        &self,
        launcher: &'static str,
        name: &'static str,
    ) -> Result<&str, LaunchError> {
        self.text(name).ok_or_else(|| {
            let takes = ALL.iter().find(|known| known.name == name).map_or("", |of| of.takes);
            LaunchError::NoSetting { launcher, setting: name, takes }
        })
    }

    /// A number for all stages.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// Seconds of small stages that one task makes.
    pub(crate) fn group(&self) -> f64 {
        const DEFAULT: f64 = 5.0;
        self.text("group").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT)
    }

    /// How often a task is started at most.
    pub(crate) fn attempts(&self) -> u32 {
        const DEFAULT: u32 = 4;
        self.number("attempts").unwrap_or(DEFAULT)
    }

    /// What a stage asks for: what is given for its kind, else for all, else what the plan says.
    pub fn request(
        &self,
        stage: &str,
        threads: usize,
        (device, devices): (Option<&str>, usize),
    ) -> Request {
        // A stage without a device computes with no model, so a number of cores or GPUs for all
        // stages is not for it.
        let is_for = |name: &str| device.is_some() || !["cpus", "gpus"].contains(&name);
        let value = |name: &str| {
            let of = |given: &&GivenSetting, stage: Option<&str>| {
                given.name == name && given.stage.as_deref() == stage
            };
            let own = self.0.iter().rev().find(|given| of(given, Some(stage)));
            own.map(|given| given.value.as_str())
                .or_else(|| self.text(name).filter(|_| is_for(name)))
        };
        let on_gpu =
            device.is_some_and(|device| device.contains("cuda") || is_card_of_wgpu(device));
        let gpus = match value("gpus").and_then(|text| text.parse().ok()) {
            Some(gpus) => gpus,
            None if on_gpu => devices.max(1),
            None => 0,
        };
        Request {
            cpus: value("cpus").and_then(|text| text.parse().ok()).unwrap_or(threads.max(1)),
            gpus,
            memory: value("memory").and_then(mebibytes),
            minutes: value("time").and_then(minutes),
        }
    }

    /// The settings as they were given.
    pub fn given(&self) -> Vec<String> {
        self.0.iter().map(GivenSetting::text).collect()
    }
}

fn takes(name: &str, value: &str) -> bool {
    let at_least = |least: u32| value.parse::<u32>().is_ok_and(|n| n >= least);
    match name {
        "cpus" | "attempts" | "notice" => at_least(1),
        "gpus" | "requeue" => at_least(0),
        "memory" => mebibytes(value).is_some(),
        "time" => minutes(value).is_some(),
        "group" => value.parse::<f64>().is_ok_and(|n| n.is_finite() && n >= 0.0),
        // It is one word: a blank is part of a value only after a `=`.
        "sbatch" => {
            let first = value.split(char::is_whitespace).next().unwrap_or_default();
            value.starts_with('-')
                && (first.len() == value.len() || first.contains('='))
                && !value.contains(['\n', '\r', '\0'])
        }
        // They become lines and arguments of scripts.
        _ => !value.is_empty() && !value.contains(['\n', '\r', '\0']),
    }
}

/// Whether a device of `wgpu` is a card, and not a program on the CPU.
fn is_card_of_wgpu(device: &str) -> bool {
    device.contains("wgpu") && !device.contains("wgpu:cpu")
}

/// `800M` or `16G` in MiB.
fn mebibytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let each: u64 = match unit {
        "M" => 1,
        "G" => 1024,
        "T" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each).filter(|n| *n > 0)
}

/// `90m`, `12h` or `2d` in minutes.
fn minutes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let each: u64 = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each).filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &[&str]) -> Result<LaunchSettings, LaunchError> {
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        let reads = ["cpus", "gpus", "memory", "time", "group", "sbatch"];
        LaunchSettings::parse(&given, ("slurm", &reads), &["sft", "selector"])
    }

    #[test]
    fn a_setting_for_one_kind_of_stage_comes_before_that_for_all() {
        let given = ["selector.time=12h", "time=90m", "memory=2G", "sft.memory=800M", "gpus=2"];
        let settings = parse(&given).unwrap();
        let sft = settings.request("sft", 3, (Some("cuda:0"), 3));
        let all = (Some(800), Some(90));
        assert_eq!((sft.cpus, sft.gpus, (sft.memory, sft.minutes)), (3, 2, all));
        let selector = settings.request("selector", 0, (None, 0));
        let all = (Some(2048), Some(720));
        assert_eq!(
            (selector.cpus, selector.gpus, (selector.memory, selector.minutes)),
            (1, 0, all)
        );
        let gpus = |device, n| parse(&[]).unwrap().request("sft", 1, (Some(device), n)).gpus;
        assert_eq!(["tch:cuda:1", "wgpu:0", "wgpu:cpu", "flex"].map(|d| gpus(d, 0)), [1, 1, 0, 0]);
        assert_eq!([gpus("cuda:0", 4), gpus("flex", 4)], [4, 0]);
        assert_eq!(settings.given(), given);
    }

    #[test]
    fn a_setting_that_means_nothing_is_refused() {
        for text in ["memory=2", "memory=0G", "time=1:00", "cpus=0", "group=-1", "group=nan"] {
            assert!(matches!(parse(&[text]), Err(LaunchError::Setting { .. })), "{text}");
        }
        for text in ["sft.group=1", "answers.time=1h", "sbatch=", "sbatch=-a\nb", "sbatch=--mem 4"]
        {
            assert!(matches!(parse(&[text]), Err(LaunchError::Setting { .. })), "{text}");
        }
        for text in ["partition=x", "time", "tim=1h"] {
            assert!(matches!(parse(&[text]), Err(LaunchError::UnknownSetting { .. })), "{text}");
        }
        let settings = parse(&["sbatch=-Ca", "sbatch=-xb"]).unwrap();
        assert_eq!(settings.texts("sbatch").collect::<Vec<_>>(), ["-Ca", "-xb"]);
    }
}
