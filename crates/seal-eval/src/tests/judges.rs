//! Judges of pairs, several judges of a test, and a majority.

use seal_judge::{BothOrders, Judgement, Outcome, Verdict};
use seal_report::{Canaries, PairJudging, Standing};

use super::*;

fn both(first: Outcome, second: Outcome) -> BothOrders {
    BothOrders { arm_first: Judgement::of(first), arm_second: Judgement::of(second) }
}

fn pair(name: &str, outcome: BothOrders, excess_length: f64) -> PairFacts {
    PairFacts { id: id(name), samples: vec![outcome], excess_length, is_equal: false }
}

/// Two arms and a reference on four prompts, judged by pairs; a further judge of single answers.
fn study_by_pairs() -> StudyFacts {
    let prompts = ["a", "b", "c", "d"];
    let verdicts = |all: [Verdict; 4]| {
        Evidence::Verdicts(prompts.iter().map(|name| id(name)).zip(all).collect())
    };
    let scores = |all: [f64; 4]| {
        let scored = prompts.iter().zip(all);
        Evidence::Assessments(scored.map(|(name, value)| request(name, "k", value)).collect())
    };
    let of_cell = |evidence: Evidence, further: [f64; 4]| CellFacts {
        seed: 1,
        tests: BTreeMap::from([("t".to_owned(), evidence)]),
        pairs: BTreeMap::new(),
        also: BTreeMap::from([(
            "t".to_owned(),
            BTreeMap::from([("oracle".to_owned(), scores(further))]),
        )]),
        unasked: BTreeMap::new(),
        selection: None,
    };
    let ids: Vec<RowId> = prompts.iter().map(|name| id(name)).collect();
    let mut reference = arm("standard-sft", Role::Reference, None);
    reference.cells = vec![of_cell(Evidence::ties(&ids), [0.0, 0.0, 0.0, 2.0])];
    let mut seal = arm("seal", Role::Seal, None);
    let mut cell = of_cell(
        verdicts([Verdict::Win, Verdict::Win, Verdict::Tie, Verdict::Unparsed]),
        [2.0, 0.0, 0.0, 2.0],
    );
    use Outcome::{First, Second};
    cell.pairs = BTreeMap::from([(
        "t".to_owned(),
        vec![
            pair("a", both(First, Second), 4.0),
            pair("b", both(First, Second), -4.0),
            // It follows the place.
            pair("c", both(First, First), 0.0),
            pair("d", both(Outcome::Unparsed, First), 0.0),
        ],
    )]);
    seal.cells = vec![cell];
    let canaries = Canaries {
        kind: "empty".to_owned(),
        won: 1,
        tied: 0,
        lost: 2,
        missing: 0,
        standing: Standing::Failed,
    };
    let judging = PairJudging { pairs: 4, canaries: vec![canaries], ..PairJudging::default() };
    let also = FurtherJudge {
        judge: TestJudge::Single(JudgeKind::Oracle),
        tie: 0.0,
        judging: None,
        assessing: None,
    };
    let facts = TestFacts {
        judge: TestJudge::Pairs,
        judging: Some(judging),
        also: BTreeMap::from([("oracle".to_owned(), also)]),
        ..test(JudgeKind::Oracle, &prompts)
    };
    StudyFacts {
        name: "pairs".to_owned(),
        quick: false,
        seeds: vec![1],
        reference: "standard-sft".to_owned(),
        tests: BTreeMap::from([("t".to_owned(), facts)]),
        data: Data::default(),
        is_unsafe: BTreeMap::new(),
        arms: vec![reference, seal],
    }
}

#[test]
fn verdicts_on_pairs_decide_and_a_further_judge_is_set_beside_them() {
    let results = results_of(&study_by_pairs()).unwrap();
    assert_eq!(results.judge["t"], "pairwise");
    assert!(results.judging["t"].has_failed());
    let seal = results.arm("seal").unwrap();
    let rate = &seal.win_rate["t"];
    // Two wins and a tie of three; one is missing.
    assert_eq!((rate.wins, rate.ties, rate.losses, rate.missing), (2, 1, 0, 1));
    assert!((rate.mean.unwrap() - 250.0 / 3.0).abs() < 1e-9);
    assert_eq!(results.arm("standard-sft").unwrap().win_rate["t"].mean, Some(50.0));
    // By the oracle: a win and three ties.
    let opinion = &seal.opinions["t"]["oracle"];
    assert_eq!((opinion.wins, opinion.ties, opinion.missing), (1, 3, 0));
    // Of the three items with two labels: win-win, win-tie, tie-tie.
    let agreement = &results.opinions["t"]["oracle"].verdicts;
    assert_eq!(agreement.table, [[1, 1, 0], [0, 1, 0], [0, 0, 0]]);
    // p_o = 2/3; p_e = 2/3 x 1/3 + 1/3 x 2/3 = 4/9; (2/3 - 4/9) / (5/9) = 0.4.
    assert!((agreement.kappa.unwrap() - 0.4).abs() < 1e-12);
    assert_eq!(results.opinions["t"]["oracle"].harm, None);
    let figures = &seal.pairs["t"];
    assert_eq!(figures.flip_rate, Some(1.0 / 3.0));
    // Six judgements of judged pairs name a place: first in two wins once each, and twice in c.
    assert_eq!(figures.first_slot_rate, Some(4.0 / 6.0));
    assert_eq!(seal.cells[0].pairs["t"], *figures);
}

#[test]
fn equal_answers_say_nothing_of_a_judge() {
    let mut facts = study_by_pairs();
    let cell = &mut facts.arms[1].cells[0];
    // The pair that was a tie for both judges was equal, and no one was asked.
    let equal = PairFacts { is_equal: true, ..pair("c", both(Outcome::Tie, Outcome::Tie), 0.0) };
    cell.pairs.get_mut("t").unwrap()[2] = equal;
    cell.unasked.insert(("t".to_owned(), None), [id("c")].into());
    let results = results_of(&facts).unwrap();
    let seal = results.arm("seal").unwrap();
    // It stays a tie of the win rate.
    assert_eq!((seal.win_rate["t"].wins, seal.win_rate["t"].ties), (2, 1));
    assert_eq!(seal.pairs["t"].flip_rate, Some(0.0));
    assert_eq!(seal.pairs["t"].first_slot_rate, Some(0.5));
    let agreement = &results.opinions["t"]["oracle"].verdicts;
    assert_eq!(agreement.table, [[1, 1, 0], [0, 0, 0], [0, 0, 0]]);
    assert_eq!(agreement.unasked, 1);
    // One judge says nothing but "win": chance explains what they share.
    assert_eq!(agreement.kappa, Some(0.0));
}

#[test]
fn the_rate_at_equal_lengths_is_of_verdicts_as_the_win_rate_is() {
    use Outcome::{First, Second};
    let at_equal_lengths = |win: BothOrders, loss: BothOrders| {
        let mut facts = study_by_pairs();
        let excess = [4.0, -3.0, 1.0, -2.0];
        let pairs = ["a", "b", "c", "d"]
            .iter()
            .zip(excess)
            .enumerate()
            .map(|(i, (name, excess))| pair(name, if i == 2 { loss } else { win }, excess));
        facts.arms[1].cells[0].pairs.insert("t".to_owned(), pairs.collect());
        results_of(&facts).unwrap().arm("seal").unwrap().pairs["t"].length_controlled.unwrap()
    };
    let unsure = |p: f64| BothOrders {
        arm_first: Judgement::by_probability(p),
        arm_second: Judgement::by_probability(1.0 - p),
    };
    let hard = at_equal_lengths(both(First, Second), both(Second, First));
    assert_eq!(at_equal_lengths(unsure(0.6), unsure(0.4)), hard);
}

#[test]
fn the_order_of_pairs_changes_no_bit() {
    let facts = study_by_pairs();
    let mut turned = facts.clone();
    turned.arms[1].cells[0].pairs.get_mut("t").unwrap().reverse();
    assert_eq!(results_of(&facts).unwrap(), results_of(&turned).unwrap());
}

#[test]
fn a_majority_is_more_than_half_of_those_that_said_something() {
    let judge = |all: &[(&str, Verdict)]| {
        all.iter().map(|(name, verdict)| (id(name), *verdict)).collect::<BTreeMap<_, _>>()
    };
    use Verdict::{Loss, Tie, Unparsed, Win};
    let judges = [
        judge(&[("a", Win), ("b", Win), ("c", Win), ("d", Win), ("e", Unparsed), ("f", Loss)]),
        judge(&[
            ("a", Win),
            ("b", Loss),
            ("c", Tie),
            ("d", Unparsed),
            ("e", Unparsed),
            ("f", Loss),
        ]),
        judge(&[("a", Loss), ("b", Tie), ("c", Unparsed), ("d", Unparsed), ("e", Win), ("f", Tie)]),
    ];
    let prompts: Vec<RowId> = ["a", "b", "c", "d", "e", "f"].map(id).to_vec();
    let Evidence::Verdicts(found) = Evidence::majority(&prompts, &judges) else { panic!() };
    let found: Vec<Verdict> = found.into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(found, [Win, Tie, Tie, Unparsed, Unparsed, Loss]);
    // One of two is no majority.
    let two = [judge(&[("a", Win), ("b", Win)]), judge(&[("a", Win), ("b", Unparsed)])];
    let Evidence::Verdicts(found) = Evidence::majority(&prompts[..2], &two) else { panic!() };
    assert_eq!(found, [(id("a"), Win), (id("b"), Unparsed)]);
}
