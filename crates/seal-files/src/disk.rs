//! The file system of a folder: its kind, and the room on it.

use std::io;
use std::path::Path;

use crate::trial::nearest;

/// What is known of a file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Its kind as the system names it, such as `ext4` or `nfs4`; `None` where it does not say.
    pub kind: Option<String>,
    /// Bytes that this user may still write; `None` where the system does not say.
    pub free: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

impl FileSystem {
    /// That of the folder `dir`, or, where it does not exist, of the nearest folder above it.
    ///
    /// # Errors
    /// No folder there or above.
    pub fn of(dir: &Path) -> io::Result<Self> {
        let dir = nearest(dir)?.canonicalize()?;
        let (free, total) = room(&dir);
        let mounts = std::fs::read_to_string("/proc/self/mountinfo");
        let kind = mounts.ok().and_then(|mounts| kind_of(&dir, &mounts));
        Ok(Self { kind, free, total })
    }

    /// Whether other hosts may write to it at the same time.
    pub fn is_shared(&self) -> bool {
        const SHARED: [&str; 12] = [
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "lustre",
            "gpfs",
            "beegfs",
            "ceph",
            "glusterfs",
            "9p",
            "afs",
            "virtiofs",
        ];
        self.kind.as_deref().is_some_and(|kind| {
            SHARED.contains(&kind) || kind.starts_with("fuse.") || kind == "fuseblk"
        })
    }

    /// Whether it is gone when the machine starts again.
    pub fn is_in_memory(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| matches!(kind, "tmpfs" | "ramfs"))
    }
}

#[cfg(unix)]
fn room(dir: &Path) -> (Option<u64>, Option<u64>) {
    match rustix::fs::statvfs(dir) {
        Ok(found) => {
            let bytes = |blocks: u64| blocks.checked_mul(found.f_frsize);
            (bytes(found.f_bavail), bytes(found.f_blocks))
        }
        Err(_) => (None, None),
    }
}

#[cfg(not(unix))]
fn room(_: &Path) -> (Option<u64>, Option<u64>) {
    (None, None)
}

/// The kind of the file system that holds `dir`, by the lines of proc_pid_mountinfo(5): that of the
/// longest place of a mount above it, and of several at one place the last.
fn kind_of(dir: &Path, mounts: &str) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let (Some(place), Some(kind)) =
            (before.split(' ').nth(4), after.split(' ').next().filter(|kind| !kind.is_empty()))
        else {
            continue;
        };
        let place = unescaped(place);
        if dir.starts_with(&place) && best.is_none_or(|(length, _)| length <= place.len()) {
            best = Some((place.len(), kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

/// A place without the octal numbers that stand for spaces, tabs, line breaks and backslashes.
fn unescaped(place: &str) -> String {
    let mut text = place.to_owned();
    for (number, sign) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(number, sign);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /dev/shm rw - tmpfs tmpfs rw
41 22 0:40 / /data rw shared:7 master:2 - nfs4 server:/export rw,vers=4.2
42 22 0:41 / /data/my\\040disk rw - fuse.sshfs host: rw
43 41 0:42 / /data rw - lustre mds:/fs rw
";

    #[test]
    fn the_mount_that_is_nearest_decides() {
        let kind = |dir: &str| kind_of(Path::new(dir), MOUNTS).unwrap();
        assert_eq!(kind("/home/me"), "ext4");
        assert_eq!(kind("/dev/shm/store"), "tmpfs");
        assert_eq!(kind("/data/my disk/store"), "fuse.sshfs");
        assert_eq!(kind("/database"), "ext4", "a name that begins alike is another");
        assert_eq!(kind("/data/runs"), "lustre", "of two at one place the last is seen");
        assert_eq!(kind_of(Path::new("/x"), "no mount"), None);
    }

    #[test]
    fn kinds_that_other_hosts_share_are_known() {
        let of = |kind: &str| FileSystem { kind: Some(kind.to_owned()), free: None, total: None };
        assert!(of("nfs4").is_shared() && of("fuse.sshfs").is_shared() && !of("ext4").is_shared());
        assert!(of("tmpfs").is_in_memory() && !of("xfs").is_in_memory());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_real_folder_has_a_kind_and_room() {
        let dir = tempfile::tempdir().unwrap();
        let found = FileSystem::of(&dir.path().join("absent")).unwrap();
        assert!(found.kind.is_some() && found.free <= found.total, "{found:?}");
        assert!(found.total.unwrap() > 0);
    }
}
