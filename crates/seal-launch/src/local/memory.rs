//! The memory of this machine.

/// MiB of memory that processes of this machine may have together; `None` where the system does not
/// say.
pub(super) fn of_machine() -> Option<u64> {
    of(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn of(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_total_is_read_in_mebibytes() {
        assert_eq!(of("MemFree: 1 kB\nMemTotal:       24576000 kB\n"), Some(24_000));
        assert_eq!(of("MemTotal: many\n"), None);
        assert_eq!(of(""), None);
    }
}
