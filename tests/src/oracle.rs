//! A judge of pairs that knows the built-in world: the oracle's truth behind a chat endpoint.

use std::collections::BTreeMap;

use seal_rows::Row;
use seal_study::{ConfigSource, load_config};
use seal_world::{Oracle, Split, World};

/// The test rows of a world by their prompts, and the oracle.
#[derive(Debug)]
pub struct OracleJudge {
    rows: BTreeMap<String, Row>,
}

impl OracleJudge {
    /// The oracle of the built-in config with these settings.
    ///
    /// # Panics
    /// Where the settings are of no world.
    pub fn of(source: &ConfigSource) -> Self {
        let config = load_config(source).expect("the config can be read");
        let world = config.world.expect("the oracle knows the built-in world only");
        let world = World::new(&world).expect("the world can be drawn");
        let rows = Split::TESTS.iter().flat_map(|split| world.split(*split).as_slice());
        Self { rows: rows.map(|row| (row.prompt.clone(), row.clone())).collect() }
    }

    /// `A`, `B`, or `C` for a tie, on the request and the two answers in a text that our own prompt
    /// for pairs made. `None` for a text without them, and for a request of another world.
    pub fn verdict(&self, prompt: &str) -> Option<&'static str> {
        let code = prompt.split_whitespace().nth(3)?.trim_end_matches('.');
        let part = |name: &str| {
            let (_, after) = prompt.split_once(&format!("[{code} {name}]\n"))?;
            Some(after.split_once(&format!("\n[{code} end of {name}]"))?.0)
        };
        let row = self.rows.get(part("request")?)?;
        let score = |answer: &str| Oracle.score(row, answer).value();
        let (first, second) = (score(part("answer A")?), score(part("answer B")?));
        Some(match first.cmp(&second) {
            std::cmp::Ordering::Greater => "A",
            std::cmp::Ordering::Less => "B",
            std::cmp::Ordering::Equal => "C",
        })
    }
}

/// The table of a judge of pairs at `address`, whose key is in the variable `variable` if there is
/// one. `more` are further keys.
pub fn table(address: &str, variable: Option<&str>, more: &str) -> String {
    let key = variable.map_or_else(String::new, |name| format!("api_key_env = \"{name}\"\n"));
    format!(
        "kind = \"pairwise\"\n{more}\n[verdict]\nform = \"line\"\nfirst = [\"A\"]\n\
         second = [\"B\"]\ntie = [\"C\"]\n[endpoint]\nbase_url = \"{address}\"\n\
         model = \"oracle\"\n{key}max_tokens = 16\nprice = {{ input = 1.0, output = 1.0 }}\n\
         patience = {{ first_wait = 0.002, longest_wait = 0.02, attempts = 10, timeout = 20.0 }}\n"
    )
}
