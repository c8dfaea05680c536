//! Makes outputs in a store that any number of these programs share.
//!
//! ```text
//! shared_store STORE LOG MILLISECONDS NAME... [--silent MILLISECONDS]
//! ```
//!
//! Each NAME is the output of a stage that works in four parts of MILLISECONDS each; one more
//! stage reads them all. Every part that is made is a line of LOG. Start it twice with names
//! in common: each part is made once. Kill one: the other goes on with its parts. Stop one for
//! longer than the time after `--silent`: another takes over, and the first throws its own work
//! away when it wakes up.

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use seal_store::{
    Capacity, Event, InProcess, Job, Key, Node, Observer, Resources, Store, StoreError, Timing,
    Work, in_parts, run_graph,
};
use serde_json::{Value, json};

const PARTS: usize = 4;

/// Writes a line for each stage that started or is elsewhere.
struct Lines<'a>(&'a [String]);

impl Observer for Lines<'_> {
    fn event(&self, event: &Event<'_>) {
        let name = |node: usize| self.0.get(node).map_or("all", String::as_str);
        let line = match event {
            Event::Started { node, .. } => format!("{} started", name(*node)),
            Event::Elsewhere { node, .. } => format!("{} elsewhere", name(*node)),
            Event::TakenOver { node, .. } => format!("{} taken over", name(*node)),
            Event::Lost { node } => format!("{} lost", name(*node)),
            _ => return,
        };
        // Whoever started this may have stopped reading.
        let _ = writeln!(io::stdout(), "{line}");
    }
}

/// A line in a file that other processes write to, too.
fn log(path: &Path, line: &str) -> io::Result<()> {
    File::options().append(true).create(true).open(path)?.write_all(format!("{line}\n").as_bytes())
}

/// Makes the output of one name.
fn make(job: &Job<'_>, name: &str, list: &Path, pause: Duration) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: job.dir.to_owned(), source };
    let parts = in_parts(job.unfinished, "parts", PARTS, |part| {
        std::thread::sleep(pause);
        log(list, &format!("{name} {part}")).map_err(io)?;
        Ok::<_, StoreError>(vec![format!("{name} {part}")])
    })?;
    fs::write(job.dir.join("out"), parts.join("\n")).map_err(io)
}

/// Puts the outputs of all names one after another.
fn join(job: &Job<'_>) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: job.dir.to_owned(), source };
    let texts: Result<Vec<String>, io::Error> =
        job.deps.iter().map(|dir| fs::read_to_string(dir.join("out"))).collect();
    fs::write(job.dir.join("out"), texts.map_err(io)?.join("\n")).map_err(io)
}

type Made<'a> = Work<'a, StoreError>;

fn node<'a>(
    stage: &'static str,
    label: &str,
    inputs: Value,
    deps: Vec<usize>,
    work: Made<'a>,
) -> Node<Made<'a>> {
    Node {
        stage,
        label: label.to_owned(),
        key: Key::of(stage, 1, &inputs),
        inputs,
        deps,
        cost: 1.0,
        wave: 0,
        needs: Resources::default(),
        work,
    }
}

/// Time without a sign of life after which a process takes over.
fn timing(silent: Option<&str>) -> Result<Timing, Box<dyn Error>> {
    let Some(silent) = silent else { return Ok(Timing::default()) };
    let silent = Duration::from_millis(silent.parse()?);
    Ok(Timing { beat: silent / 10, silent })
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let silent = args.iter().position(|arg| arg == "--silent").map(|at| args.split_off(at));
    let silent = silent.as_ref().and_then(|option| option.get(1)?.to_str());
    let [root, list, rest @ ..] = args.as_slice() else {
        return Err("usage: shared_store STORE LOG MILLISECONDS NAME...".into());
    };
    let rest: Vec<String> = rest.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let [pause, names @ ..] = rest.as_slice() else {
        return Err("how many milliseconds does a part take?".into());
    };
    let (list, pause) = (Path::new(list), Duration::from_millis(pause.parse()?));
    let mut nodes: Vec<Node<Made<'_>>> = Vec::new();
    for name in names {
        let work: Made<'_> = Box::new(move |job| make(job, name, list, pause));
        nodes.push(node("part", name, json!({ "name": name }), Vec::new(), work));
    }
    let keys: Vec<&str> = nodes.iter().map(|node| node.key.as_str()).collect();
    let inputs = json!({ "of": keys });
    nodes.push(node("all", "all", inputs, (0..names.len()).collect(), Box::new(join)));
    let store = Store::open_with(Path::new(root), timing(silent)?)?;
    let runner = InProcess::new();
    let done = run_graph(&nodes, &[], &store, &Capacity::new(1, 1), &runner, &Lines(names))?;
    let made = done.iter().filter(|done| done.seconds.is_some()).count();
    let all = fs::read_to_string(done[names.len()].dir.join("out"))?;
    writeln!(io::stdout(), "{made} made, {} found\n{all}", done.len() - made)?;
    Ok(())
}
