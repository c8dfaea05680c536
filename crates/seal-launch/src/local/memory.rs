//! The memory of this machine.

/// MiB of memory that processes of this machine may have together; `None` where the system does not
/// say.
pub(super) fn of_machine() -> Option<u64> {
    let whole = of(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    // A container may have less. Its limit stands where its own group is the root.
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    Some(limit.and_then(|text| of_group(&text)).map_or(whole, |limit| limit.min(whole)))
}

fn of_group(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    Some(bytes >> 20)
}

fn of(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::{of, of_group};

    #[test]
    fn a_limit_of_a_group_is_read_in_mebibytes() {
        assert_eq!(of_group("2147483648\n"), Some(2048));
        assert_eq!(of_group("max\n"), None);
    }

    #[test]
    fn the_total_is_read_in_mebibytes() {
        assert_eq!(of("MemFree: 1 kB\nMemTotal:       24576000 kB\n"), Some(24_000));
        assert_eq!(of("MemTotal: many\n"), None);
        assert_eq!(of(""), None);
    }
}
