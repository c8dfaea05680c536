//! The running system, and which of its processes run.
//!
//! Linux says both in `/proc`. Elsewhere nothing here is known, and claims are judged by their
//! beats alone.

use std::fs;
use std::io::ErrorKind;
use std::sync::OnceLock;

/// The system that this process runs on.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Its name, for people.
    pub(crate) host: String,
    /// Start of the system and namespace of its processes. Two processes with the same see each
    /// other by the same numbers. Two containers of one host do not, and have two.
    pub(crate) id: Option<String>,
    /// When this process started.
    pub(crate) started: Option<String>,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    Yes,
    No,
    /// The system does not say.
    Unknown,
}

/// This system.
pub(crate) fn this() -> &'static Machine {
    static THIS: OnceLock<Machine> = OnceLock::new();
    THIS.get_or_init(|| Machine {
        host: host(),
        id: id(),
        started: stat(std::process::id()).ok().and_then(|stat| stat.started),
    })
}

/// Whether the process that had this number and this start still runs on this system. One that
/// ended and that its parent has not noticed does not.
pub(crate) fn runs(process: u32, started: Option<&str>) -> Runs {
    match stat(process) {
        Ok(stat) if stat.has_ended => Runs::No,
        Ok(stat) => match (stat.started.as_deref(), started) {
            (Some(now), Some(then)) if now == then => Runs::Yes,
            (Some(_), Some(_)) => Runs::No,
            _ => Runs::Unknown,
        },
        // Without /proc, no process is seen.
        Err(kind) if kind == ErrorKind::NotFound && stat(std::process::id()).is_ok() => Runs::No,
        Err(_) => Runs::Unknown,
    }
}

struct Stat {
    has_ended: bool,
    started: Option<String>,
}

fn stat(process: u32) -> Result<Stat, ErrorKind> {
    let text = fs::read(format!("/proc/{process}/stat")).map_err(|error| error.kind())?;
    let text = String::from_utf8_lossy(&text);
    // The name of the program stands in brackets, and may hold spaces and brackets.
    let (_, rest) = text.rsplit_once(')').ok_or(ErrorKind::InvalidData)?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Fields 3 and 22 of proc_pid_stat(5).
    let has_ended = matches!(fields.first(), Some(&("Z" | "X" | "x")));
    Ok(Stat { has_ended, started: fields.get(19).map(|ticks| (*ticks).to_owned()) })
}

fn host() -> String {
    let named = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = named.or_else(|| std::env::var("HOSTNAME").ok());
    let named = named.or_else(|| std::env::var("COMPUTERNAME").ok());
    named.map_or_else(|| "unknown".to_owned(), |name| name.trim().chars().take(100).collect())
}

fn id() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), space.to_str()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_runs_until_it_ends_also_where_nobody_noticed() {
        let this = this();
        assert!(this.id.is_some() && !this.host.is_empty());
        assert_eq!(runs(std::process::id(), this.started.as_deref()), Runs::Yes);
        assert_eq!(runs(std::process::id(), Some("1")), Runs::No, "another had the number");
        assert_eq!(runs(std::process::id(), None), Runs::Unknown);
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let started = stat(child.id()).ok().and_then(|stat| stat.started).unwrap();
        assert_eq!(runs(child.id(), Some(&started)), Runs::Yes);
        child.kill().unwrap();
        // Not waited for: its number stays taken.
        while runs(child.id(), Some(&started)) == Runs::Yes {
            std::thread::yield_now();
        }
        assert_eq!(runs(child.id(), Some(&started)), Runs::No);
        child.wait().unwrap();
        assert_eq!(runs(child.id(), Some(&started)), Runs::No);
    }
}
