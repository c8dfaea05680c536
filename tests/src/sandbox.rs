//! A folder of its own for one test, and the program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::rows::{CONFIG, prompts};

/// A temporary folder with a program to run in it.
#[derive(Debug)]
pub struct Sandbox {
    program: PathBuf,
    dir: TempDir,
}

/// What a finished program left.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Sandbox {
    /// An empty folder for `program`.
    pub fn empty(program: &str) -> Self {
        let dir = tempfile::tempdir().expect("the system has a folder for temporary files");
        Self { program: program.into(), dir }
    }

    /// A folder with the rows, plan and config of the small study.
    pub fn with_study(program: &str) -> Self {
        let sandbox = Self::empty(program);
        sandbox.write("study.toml", CONFIG);
        sandbox.write_plan(&["0.1"]);
        sandbox.write_rows("base.jsonl", &prompts(0, 60, false, false));
        sandbox.write_rows("train.jsonl", &prompts(100, 140, true, true));
        sandbox.write_rows("safe.jsonl", &prompts(200, 224, false, false));
        let held_out = prompts(300, 320, false, false);
        let asks = |row: &&Value| row["prompt"].as_str().is_some_and(|p| p.starts_with("Open"));
        let (asks, sums): (Vec<_>, Vec<_>) = held_out.iter().partition(asks);
        sandbox.write_rows("test.jsonl", sums);
        sandbox.write_rows("asks.jsonl", asks);
        sandbox
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("the folder takes files");
    }

    /// Writes rows as JSONL.
    pub fn write_rows<'a>(&self, name: &str, rows: impl IntoIterator<Item = &'a Value>) {
        let lines: Vec<String> = rows.into_iter().map(Value::to_string).collect();
        self.write(name, &(lines.join("\n") + "\n"));
    }

    /// Writes a plan that replaces gamma by each of `values`.
    pub fn write_plan(&self, values: &[&str]) {
        let line = serde_json::json!({
            "name": "gamma", "ablated_part": "penalty strength", "action": "REPLACE",
            "replacement": values, "metrics": ["HEx-PHI win rate"],
        });
        self.write("plan.jsonl", &format!("{line}\n"));
    }

    /// Reads a file of the folder.
    pub fn read(&self, name: &str) -> String {
        let path = self.path().join(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Reads a JSON file of the folder.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("the program writes JSON")
    }

    /// The program with `args`, in this folder and with nothing inherited that
    /// could change what it prints.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        self.prepare(command.args(args));
        command
    }

    /// The program with `args`, unable to write files above `kib` KiB: what a
    /// full disk looks like to it, without a disk to fill.
    pub fn limited_command(&self, kib: usize, args: &[&str]) -> Command {
        // Without the trap the kernel would kill the program instead of failing
        // its write; ignored signals stay ignored after exec.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
        let mut command = Command::new("sh");
        self.prepare(command.arg("-c").arg(script).arg(&self.program).args(args));
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.path()).stdin(Stdio::null());
        for variable in ["COLUMNS", "RUST_LOG", "RUST_BACKTRACE"] {
            command.env_remove(variable);
        }
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Finished {
        Finished::of(self.command(args).output().expect("the program starts"))
    }

    /// Runs the small study into `out`, with more `args`; it must succeed.
    pub fn ablate(&self, out: &str, args: &[&str]) -> Finished {
        let all = [&["ablate", "--config", "study.toml", "--out", out], args].concat();
        let finished = self.run(&all);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished
    }
}

impl Finished {
    /// The output as text.
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The exit code and what was said on stderr, for a snapshot.
    pub fn error(&self) -> String {
        let code = self.code.map_or("killed".to_owned(), |code| format!("exit {code}"));
        format!("{code}\n{}", self.stderr)
    }
}
