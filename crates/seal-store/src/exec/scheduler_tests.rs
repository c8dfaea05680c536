//! Which stage is next, and when stages of others are asked for again.

use serde_json::json;

use super::*;
use crate::key::Key;
use crate::resources::Resources;

type TestState = Scheduler<std::io::Error>;

fn node(name: usize, deps: &[usize], cost: f64) -> Node<()> {
    let inputs = json!(name);
    Node {
        stage: "test",
        label: name.to_string(),
        key: Key::of("test", 1, &inputs),
        inputs,
        deps: deps.to_vec(),
        cost,
        wave: 0,
        needs: Resources::default(),
        work: (),
    }
}

fn state(nodes: &[Node<()>]) -> TestState {
    Scheduler::new(nodes, vec![Status::Waiting; nodes.len()], 4)
}

fn done() -> Done {
    Done { dir: "d".into(), files: Vec::new(), seconds: None }
}

/// The number of the stage that is to run.
fn run(next: Next) -> usize {
    taken(next).node
}

fn taken(next: Next) -> Taken {
    match next {
        Next::Run(taken) => taken,
        Next::Wait => panic!("it waits for another worker"),
        Next::AskAgain => panic!("it waits for another process"),
        Next::Nothing => panic!("nothing is left"),
    }
}

#[test]
fn a_worker_waits_while_another_is_at_what_its_stage_needs() {
    let nodes = [node(0, &[], 1.0), node(1, &[0], 1.0)];
    let (mut state, capacity) = (state(&nodes), Capacity::new(2, 1));
    let first = taken(state.next(&nodes, &capacity));
    assert_eq!(first.node, 0);
    assert!(matches!(state.next(&nodes, &capacity), Next::Wait));
    state.free(&nodes, first);
    state.settle(0, done());
    let second = taken(state.next(&nodes, &capacity));
    assert_eq!((second.node, second.deps), (1, vec![done().dir]));
    // The last stage runs: a second worker has nothing to wait for.
    assert!(matches!(state.next(&nodes, &capacity), Next::Nothing));
}

/// Else its workers would wait for ever.
#[test]
fn nothing_is_left_where_a_stage_depends_on_itself_and_none_runs() {
    let nodes = [node(0, &[0], 1.0)];
    let next = state(&nodes).next(&nodes, &Capacity::new(1, 1));
    assert!(matches!(next, Next::Nothing));
}

#[test]
fn stages_that_are_alike_start_in_their_order() {
    let nodes = [node(0, &[], 1.0), node(1, &[], 2.0), node(2, &[], 2.0), node(3, &[], 1.0)];
    let (mut state, capacity) = (state(&nodes), Capacity::new(4, 1));
    let order = [(); 4].map(|()| run(state.next(&nodes, &capacity)));
    assert_eq!(order, [1, 2, 0, 3]);
}

#[test]
fn a_failure_leaves_out_all_that_depends_on_it_and_the_first_is_kept() {
    let deps: [&[usize]; 6] = [&[], &[], &[0], &[2], &[1], &[1, 3]];
    let nodes: Vec<Node<()>> =
        deps.iter().enumerate().map(|(i, deps)| node(i, deps, 1.0)).collect();
    let mut state = state(&nodes);
    state.fail(&nodes, 0, StageError::Cancelled);
    let failed = |state: &TestState| {
        let is_failed = |i: &usize| matches!(state.status[*i], Status::Failed);
        (0..nodes.len()).filter(is_failed).collect::<Vec<_>>()
    };
    assert_eq!(failed(&state), [0, 2, 3, 5]);
    state.fail(&nodes, 1, StageError::Panicked { message: None });
    assert_eq!(failed(&state), [0, 1, 2, 3, 4, 5]);
    assert!(matches!(state.error, Some((0, StageError::Cancelled))));
}

/// The pause doubles while nothing happens, up to a second, a beat at most, and never less than
/// the first.
#[test]
fn stages_of_others_are_asked_for_less_and_less_often() {
    let nodes = [node(0, &[], 1.0), node(1, &[], 1.0)];
    let mut state = state(&nodes);
    let beat = Duration::from_secs(5);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        pauses.push(state.asks_after(beat).as_millis());
        state.ask_again();
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
    assert_eq!(state.asks_after(Duration::from_millis(300)), Duration::from_millis(300));
    assert_eq!(state.asks_after(Duration::from_millis(1)), ASK_AGAIN);
    for _ in 0..100 {
        state.ask_again();
    }
    assert_eq!(state.asks_after(beat), ASK_AGAIN_AT_MOST);
    // Something happened: the output of another may come soon.
    state.settle(0, done());
    assert_eq!(state.asks_after(beat), ASK_AGAIN);
}

#[test]
fn a_stage_of_another_is_said_once_and_asked_for_when_nothing_else_is_to_be_done() {
    let nodes = [node(0, &[], 1.0), node(1, &[], 1.0), node(2, &[0], 1.0)];
    let (mut state, capacity) = (state(&nodes), Capacity::new(2, 1));
    let first = taken(state.next(&nodes, &capacity));
    assert_eq!(first.node, 0);
    state.free(&nodes, first);
    assert!(state.put_off(0));
    assert_eq!(run(state.next(&nodes, &capacity)), 1, "it does other work first");
    assert!(matches!(state.next(&nodes, &capacity), Next::AskAgain));
    state.ask_again();
    let again = taken(state.next(&nodes, &capacity));
    assert_eq!(again.node, 0);
    state.free(&nodes, again);
    assert!(!state.put_off(0), "it was said");
}

/// Four devices. The stage of two waits behind a stage of one and another of two; a later stage of one
/// does not take what becomes free first.
#[test]
fn no_later_stage_takes_a_device_that_an_earlier_one_waits_for() {
    let asks = |name, devices, cost| {
        let device = Some("cuda:0".to_owned());
        Node {
            needs: Resources { device, devices, ..Resources::default() },
            ..node(name, &[], cost)
        }
    };
    let nodes = [
        asks(0, 1, 9.0),
        asks(1, 2, 8.0),
        asks(2, 2, 7.0),
        asks(3, 1, 1.0),
        node(4, &[], 0.5),
        asks(5, 1, 7.5),
    ];
    let devices = (0..4).map(|i| format!("cuda:{i}")).collect();
    let (mut state, capacity) = (state(&nodes), Capacity::on_devices(4, 1, "cuda:0", devices));
    let first = taken(state.next(&nodes, &capacity));
    assert_eq!((first.node, &first.devices[..]), (0, &["cuda:0".to_owned()][..]));
    let second = taken(state.next(&nodes, &capacity));
    assert_eq!((second.node, second.devices.len()), (1, 2));
    // An earlier stage takes the device that is left, and the last one may not.
    let third = taken(state.next(&nodes, &capacity));
    assert_eq!((third.node, &third.devices[..]), (5, &["cuda:3".to_owned()][..]));
    state.free(&nodes, first);
    state.settle(0, done());
    assert_eq!(run(state.next(&nodes, &capacity)), 4, "it needs no device");
    assert!(matches!(state.next(&nodes, &capacity), Next::Wait));
    state.free(&nodes, third);
    state.settle(5, done());
    assert_eq!(run(state.next(&nodes, &capacity)), 2);
    assert!(matches!(state.next(&nodes, &capacity), Next::Wait));
    state.free(&nodes, second);
    state.settle(1, done());
    assert_eq!(run(state.next(&nodes, &capacity)), 3);
}
