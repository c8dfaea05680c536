//! Steps that pass, fail, panic, give no number, take too long, and are stopped.

use std::cell::Cell;

use super::*;

type Does = fn(&mut Context<'_>) -> Result<StepFound, StepFault>;

struct Fake {
    name: &'static str,
    needs: &'static [&'static str],
    seconds: u64,
    does: Does,
}

impl Step for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        "a step"
    }

    fn needs(&self) -> &'static [&'static str] {
        self.needs
    }

    fn until(&self) -> f64 {
        1.0
    }

    fn estimate(&self, _: &Known) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn run(
        &mut self,
        context: &mut Context<'_>,
        known: &mut Known,
    ) -> Result<StepFound, StepFault> {
        known.lacking.push("get a driver".to_owned());
        (self.does)(context)
    }
}

fn fake(name: &'static str, needs: &'static [&'static str], does: Does) -> Box<dyn Step> {
    Box::new(Fake { name, needs, seconds: 0, does })
}

fn passes(_: &mut Context<'_>) -> Result<StepFound, StepFault> {
    Ok(StepFound::passed("fine"))
}

fn reported(steps: &mut [Box<dyn Step>], stop: &dyn Fn() -> bool) -> (ContactReport, usize) {
    let start = |path: &Path| -> io::Result<Command> {
        let mut command = Command::new("sh");
        command.args(["-c", "echo '{}'; exec sleep 60"]).arg(path);
        Ok(command)
    };
    let setup = Setup {
        version: "1",
        device: "flex",
        accelerations: &[("fusion", false)],
        budget: Budget::new(Duration::from_secs(60)),
        stop,
        start: &start,
        alone: &|name| Some(format!("take {name} alone")),
    };
    let mut seen = 0;
    let report = run(&setup, steps, &mut |event| {
        if let ContactEvent::Ended(report) = event {
            // A report that is written here is of a run that has not ended.
            assert_eq!(report.state, ContactState::Running);
            seen = report.steps.len();
        }
    });
    (report, seen)
}

fn states(report: &ContactReport) -> Vec<StepState> {
    report.steps.iter().map(|step| step.state).collect()
}

#[test]
fn all_that_passes_is_passed() {
    let mut steps = [fake("a", &[], passes), fake("b", &["a"], passes)];
    let (report, seen) = reported(&mut steps, &|| false);
    assert_eq!((report.state, seen, report.format_version), (ContactState::Passed, 2, 1));
    assert!(report.steps.iter().all(|s| s.next.is_empty() && s.seconds.is_some()));
}

#[test]
fn a_panic_fails_its_step_and_those_that_need_it_are_not_done() {
    let mut steps = [
        fake("a", &[], |_| panic!("no driver\nat line 3")),
        fake("b", &["a"], passes),
        fake("c", &[], passes),
    ];
    let (report, seen) = reported(&mut steps, &|| false);
    assert_eq!(states(&report), [StepState::Failed, StepState::NotDone, StepState::Passed]);
    assert_eq!((report.state, seen), (ContactState::Failed, 3));
    assert_eq!(report.steps[0].said, "the step panicked: no driver");
    assert_eq!(report.steps[0].next, ["get a driver", "take a alone"]);
    assert_eq!(report.steps[1].said, "it needs the step `a`, which has not passed");
}

#[test]
fn what_is_no_number_fails_its_step() {
    let mut steps = [fake("a", &[], |_| {
        let mut found = StepFound::passed("fine");
        found.figure("speed", f64::NAN, "tokens/s");
        Ok(found)
    })];
    let (report, _) = reported(&mut steps, &|| false);
    assert_eq!(report.steps[0].state, StepState::Failed);
    assert_eq!(report.steps[0].said, "speed is NaN; fine");
    // JSON has no NaN, and the report is written all the same.
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["steps"][0]["figures"][0]["value"].is_null());
}

#[test]
fn a_step_that_fails_keeps_what_it_found() {
    let mut steps = [fake("a", &[], |_| {
        let mut found = StepFound::passed("2 of 3 checks");
        found.verdict = Verdict::Failed("1 check failed".to_owned());
        found.figure("checks", 3.0, "");
        Ok(found)
    })];
    let (report, _) = reported(&mut steps, &|| false);
    assert_eq!(report.steps[0].said, "1 check failed; 2 of 3 checks");
    assert_eq!(report.steps[0].figures.len(), 1);
}

#[test]
fn what_takes_longer_than_is_left_is_not_started() {
    let long = Fake { name: "long", needs: &[], seconds: 600, does: |_| panic!("started") };
    let mut steps: [Box<dyn Step>; 2] = [Box::new(long), fake("b", &[], passes)];
    let (report, _) = reported(&mut steps, &|| false);
    assert_eq!(states(&report), [StepState::NotDone, StepState::Passed]);
    assert_eq!(report.state, ContactState::Incomplete);
    assert!(report.steps[0].said.starts_with("it takes about 10 min, and 5"), "{report:?}");
    assert_eq!(report.steps[0].next, ["take long alone"]);
}

#[test]
fn a_stop_ends_the_process_of_a_step_and_the_rest_is_not_done() {
    let asked = Cell::new(false);
    let looks = Cell::new(0);
    let stop = || {
        // Asked for while the process of the first step sleeps.
        looks.set(looks.get() + 1);
        asked.set(looks.get() > 3);
        asked.get()
    };
    let mut steps = [
        fake("a", &[], |context| {
            let job = crate::DeviceJob::Open { device: "flex".to_owned() };
            context.answer::<Value>(&job, Duration::from_secs(60))?;
            Ok(StepFound::passed("fine"))
        }),
        fake("b", &[], passes),
    ];
    let (report, seen) = reported(&mut steps, &stop);
    assert_eq!(states(&report), [StepState::Unfinished, StepState::NotDone]);
    assert_eq!((report.state, seen), (ContactState::Stopped, 2));
    assert!(report.steps.iter().all(|step| step.said == "stopped on request"));
}

#[test]
fn a_process_that_hangs_fails_its_step() {
    let mut steps = [fake("a", &[], |context| {
        let job = crate::DeviceJob::Open { device: "flex".to_owned() };
        context.answer::<Value>(&job, Duration::from_millis(300))?;
        Ok(StepFound::passed("fine"))
    })];
    let (report, _) = reported(&mut steps, &|| false);
    assert_eq!(report.state, ContactState::Failed);
    assert!(report.steps[0].said.ends_with("does the device hang?"), "{report:?}");
}
