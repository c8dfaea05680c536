//! Real processes on one store, and what they left.

#![allow(dead_code, reason = "each test and the example use a part")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use seal_store::Digest;

/// The example program; `cargo test` builds it beside the tests.
pub fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap();
    let folder = match folder.file_name() == Some(OsStr::new("examples")) {
        true => folder.to_owned(),
        false => folder.parent().unwrap().join("examples"),
    };
    let program = folder.join(format!("shared_store{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is not built: use --tests --examples", program.display());
    program
}

/// The program on the store `dir/store` with the log `dir/log`.
pub fn command(dir: &Path, pause: &str, names: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg(dir.join("store")).arg(dir.join("log")).arg(pause).args(names);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn start(dir: &Path, pause: &str, names: &[&str]) -> Child {
    command(dir, pause, names).spawn().unwrap()
}

pub fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

/// What a program said after it ended without an error.
pub fn said(child: Child) -> Vec<String> {
    said_by(&child.wait_with_output().unwrap())
}

pub fn said_by(out: &Output) -> Vec<String> {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

/// The error of a program that ended with one.
pub fn error_of(out: &Output) -> String {
    assert!(!out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// How many outputs a program made, by the line that says so.
pub fn made_by(said: &[String]) -> usize {
    let line = said.iter().find(|line| line.ends_with(" found")).unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

/// How often each part was made.
pub fn made(dir: &Path) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for line in fs::read_to_string(dir.join("log")).unwrap_or_default().lines() {
        *made.entry(line.to_owned()).or_default() += 1;
    }
    made
}

/// The parts of these names, in their order.
pub fn parts(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|name| (0..4).map(move |part| format!("{name} {part}"))).collect()
}

/// Waits until the log has this part.
pub fn wait_for(dir: &Path, part: &str) {
    while !made(dir).contains_key(part) {
        sleep(Duration::from_millis(5));
    }
}

pub fn left(dir: &Path, name: &str) -> usize {
    fs::read_dir(dir.join("store").join(name)).map_or(0, Iterator::count)
}

pub fn is_swept(dir: &Path) {
    for name in ["claims", "scratch", "unfinished"] {
        assert_eq!(left(dir, name), 0, "{name}");
    }
}

/// Sends a signal to a process that this one started.
pub fn signal(child: &Child, name: &str) {
    let script = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

/// Folders of all entries.
pub fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for stage in ["part", "all"] {
        let folder = dir.join("store").join(stage);
        if folder.exists() {
            found.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

/// The content of every entry, manifests included.
pub fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut content = BTreeMap::new();
    for entry in entries(dir) {
        for file in fs::read_dir(&entry).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_owned();
            content.insert(name, fs::read(&path).unwrap());
        }
    }
    content
}

/// The name that the files of the output of `name` have outside of its entry.
pub fn output_name(name: &str) -> String {
    let inputs = serde_json::json!({ "name": name });
    format!("part-{}", seal_store::Key::of("part", 1, &inputs))
}

/// The claim of a process on another host, whose clock is off by some seconds, and which is gone.
pub fn claim_of_other_host(dir: &Path, name: &str, seconds_off: i64) -> PathBuf {
    let holder = serde_json::json!({
        "format_version": 1, "host": "far", "machine": "another", "process": 1, "started": "1",
        "token": "00000000000000ff",
    });
    let text = format!("{holder}\n{}\n{:020}\n", Digest::of(holder.to_string()), 7);
    let claims = dir.join("store/claims");
    fs::create_dir_all(&claims).unwrap();
    let path = claims.join(output_name(name));
    fs::write(&path, text).unwrap();
    #[allow(clippy::disallowed_methods, reason = "a file is given a time of the clock")]
    let now = std::time::SystemTime::now();
    let off = Duration::from_secs(seconds_off.unsigned_abs());
    let time = if seconds_off < 0 { now - off } else { now + off };
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    path
}
