//! Limits that a cluster sets.

use std::process::Command;

/// Slurm's own default.
const DEFAULT: usize = 1001;

/// Tasks that one job array may have.
pub(super) fn array_size() -> usize {
    let mut command = Command::new("scontrol");
    command.args(["show", "config"]);
    super::said(command).ok().and_then(|text| max_array_size(&text)).unwrap_or(DEFAULT)
}

/// Indices must be smaller than the number, so that there are as many from 0 on. An array of none is
/// no array.
fn max_array_size(config: &str) -> Option<usize> {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    };
    config.lines().find_map(value).filter(|most| *most > 0)
}

#[cfg(test)]
mod tests {
    use super::max_array_size;

    #[test]
    fn the_limit_is_read_from_the_config() {
        let text = "Configuration data as of 2026-01-01T00:00:00\nMaxArraySize            = 1001\n\
                    MaxJobCount             = 10000\n";
        assert_eq!(max_array_size(text), Some(1001));
        assert_eq!(max_array_size("MaxArraySize = 0\n"), None);
        assert_eq!(max_array_size("MaxArraySizes = 4\n"), None);
    }
}
