//! The memory that a control group leaves to this process: that of a container, of a Slurm job or of a
//! systemd unit.

use std::fs;
use std::path::{Path, PathBuf};

/// The memory of one control group, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Group {
    /// The largest use that is allowed.
    pub(super) limit: u64,
    /// What is in use, without files that can be read again.
    pub(super) used: u64,
}

impl Group {
    pub(super) fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// Names of the files of a version of control groups.
struct Version {
    /// Folder under which the groups lie.
    root: &'static str,
    limit: &'static str,
    used: &'static str,
    /// The line of `memory.stat` with the files that can be read again.
    files: &'static str,
}

const V2: Version =
    Version { root: "", limit: "memory.max", used: "memory.current", files: "inactive_file" };

const V1: Version = Version {
    root: "memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    files: "total_inactive_file",
};

/// The groups of this process that have a limit.
pub(super) fn limited_groups() -> Vec<Group> {
    let Ok(list) = fs::read_to_string("/proc/self/cgroup") else { return Vec::new() };
    of(&list, Path::new("/sys/fs/cgroup"))
}

/// The groups with a limit among those that `list`, a `/proc/<process>/cgroup`, names below `root`.
/// A limit holds for all groups below it. In a container a path may be that of the host, of which the
/// container sees the end as its root.
fn of(list: &str, root: &Path) -> Vec<Group> {
    let mut found = Vec::new();
    for line in list.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let version = match (id, controllers) {
            ("0", "") => &V2,
            (_, controllers) if controllers.split(',').any(|name| name == "memory") => &V1,
            _ => continue,
        };
        let below = path.trim_start_matches('/');
        let dirs: Vec<PathBuf> =
            Path::new(below).ancestors().map(|part| root.join(version.root).join(part)).collect();
        found.extend(dirs.iter().filter_map(|dir| group(dir, version)));
    }
    found
}

/// `None` where there is no limit.
fn group(dir: &Path, version: &Version) -> Option<Group> {
    let number = |name: &str| fs::read_to_string(dir.join(name)).ok()?.trim().parse::<u64>().ok();
    // "max" is no number. Version 1 writes the largest multiple of a page instead.
    let limit = number(version.limit).filter(|limit| *limit < 1 << 62)?;
    let all = number(version.used)?;
    let stat = fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
    let files = stat.lines().find_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        (name == version.files).then(|| bytes.trim().parse::<u64>().ok())?
    });
    Some(Group { limit, used: all.saturating_sub(files.unwrap_or(0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, dir: &str, files: &[(&str, &str)]) {
        let dir = root.join(dir);
        fs::create_dir_all(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
    }

    #[test]
    fn each_level_of_a_path_may_have_a_limit() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "", &[("memory.stat", "inactive_file 1\n")]);
        let job = [
            ("memory.max", "16000\n"),
            ("memory.current", "6000\n"),
            ("memory.stat", "anon 3\ninactive_file 1000\nactive_file 7\n"),
        ];
        write(root, "slurm/job_1", &job);
        write(root, "slurm/job_1/step_0", &[("memory.max", "max\n"), ("memory.current", "10\n")]);
        let found = of("0::/slurm/job_1/step_0\n", root);
        assert_eq!(found, [Group { limit: 16000, used: 5000 }]);
        assert_eq!(found[0].left(), 11000);
        assert_eq!(Group { limit: 1, used: 2 }.left(), 0);
        assert!(of("0::/other\n", root).is_empty());
        assert!(of("no group\n", root).is_empty());
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let files = [
            ("memory.limit_in_bytes", "4096\n"),
            ("memory.usage_in_bytes", "1024\n"),
            ("memory.stat", "inactive_file 1\ntotal_inactive_file 24\n"),
        ];
        write(root, "memory", &files);
        let list = "5:cpu,cpuacct:/docker/abc\n4:hugetlb,memory:/docker/abc\n1:name=systemd:/x\n";
        assert_eq!(of(list, root), [Group { limit: 4096, used: 1000 }]);
        write(root, "memory", &[("memory.limit_in_bytes", "9223372036854771712\n")]);
        assert!(of(list, root).is_empty());
    }
}
