//! Pairs, a judge whose verdicts are known, and a folder for its log.

use std::path::Path;

use seal_endpoint::{ApiKey, Client};
use seal_judging::{
    JudgeTable, Judged, JudgingError, Observer, Pair, PairJudge, PairSet, QuestionSet, VerdictLog,
    judge,
};

use crate::stub::{ReceivedRequest, Served, Stub};

/// The two answers that a prompt of ours shows, in their places.
pub fn answers(prompt: &str) -> (String, String) {
    let code = prompt.split_whitespace().nth(3).unwrap().trim_end_matches('.');
    let part = |name: &str| {
        let (_, after) = prompt.split_once(&format!("[{code} {name}]\n")).unwrap();
        after.split_once(&format!("\n[{code} end of {name}]")).unwrap().0.to_owned()
    };
    (part("answer A"), part("answer B"))
}

/// Judges by a rule of its own: the answer with the larger number is better, whatever else it says.
pub fn by_number(seen: &ReceivedRequest) -> Served {
    let (first, second) = answers(seen.prompt());
    let number = |text: &str| -> i64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(-1)
    };
    match number(&first).cmp(&number(&second)) {
        std::cmp::Ordering::Less => Served::says("B"),
        std::cmp::Ordering::Greater => Served::says("A"),
        // It cannot tell, so it takes the first: in both orders that is a tie.
        std::cmp::Ordering::Equal => Served::says("A"),
    }
}

pub fn table(stub: &Stub, head: &str, endpoint: &str) -> PairJudge {
    let text = format!(
        "kind = \"pairwise\"\n{head}\n[endpoint]\nbase_url = \"{}\"\nmodel = \"judge\"\n\
         max_tokens = 16\n{endpoint}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 4, timeout = 5.0 }}\n",
        stub.base_url()
    );
    let path = Path::new("judge.toml");
    let table = JudgeTable::parse(&text, path).unwrap();
    PairJudge::of(table, path, Path::new("."), None).unwrap()
}

pub fn pairs(n: usize) -> PairSet {
    let pair = |i: usize| Pair {
        instruction: format!("Name a large number ({i})."),
        // The arm wins where i is even.
        arm: format!("{} is large", if i.is_multiple_of(2) { 100 + i } else { i }),
        reference: format!("{} is large", 50 + i),
    };
    PairSet { pairs: (0..n).map(pair).collect(), ..PairSet::default() }
}

pub struct Folder(pub tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn log(&self) -> VerdictLog {
        VerdictLog::open(&self.0.path().join("v.jsonl")).unwrap()
    }

    pub fn text(&self) -> String {
        std::fs::read_to_string(self.0.path().join("v.jsonl")).unwrap()
    }
}

pub fn run(
    judge_of: &PairJudge,
    set: &PairSet,
    log: &mut VerdictLog,
    observer: &dyn Observer,
) -> Result<Judged, JudgingError> {
    let questions = QuestionSet::new(judge_of, set).unwrap();
    let client =
        Client::by(judge_of.endpoint(), ApiKey::none(), &seal_net::Proxies::default(), None)
            .unwrap();
    judge(judge_of, &questions, &client, log, observer)
}
