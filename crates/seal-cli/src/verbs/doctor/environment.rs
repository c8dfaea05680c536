//! The model hub's cache, and variables of the environment. A value that may be secret is not shown.

use std::env;

use seal_study::{Config, OneJudge};

use super::check::Check;

/// Variables whose values are shown.
const SHOWN: [&str; 9] = [
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "RUST_LOG",
    "CUDA_VISIBLE_DEVICES",
    "MIMALLOC_PURGE_DELAY",
    "TMPDIR",
];

/// Variables that may hold a password or a token: it is said whether they are set.
const HIDDEN: [&str; 9] = [
    "HF_TOKEN",
    "HF_ENDPOINT",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "MLFLOW_TRACKING_URI",
];

/// The hub's cache, the keys of the judges of `config`, and what is set.
pub(super) fn check_environment(config: Option<&Config>, checks: &mut Vec<Check>) {
    #[cfg(feature = "hub")]
    checks.push(hub());
    for (place, variable) in config.map(keys).unwrap_or_default() {
        checks.push(match is_set(&variable) {
            true => Check::ok(format!("key of {place}"), format!("{variable} is set")),
            false => Check::warning(
                format!("key of {place}"),
                format!("{variable} is not set, and the judge asks with it"),
                format!("export {variable}=..., unless all replies are in the store"),
            ),
        });
    }
    let shown = SHOWN.iter().filter_map(|name| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        Some(format!("{name}={}", value.to_string_lossy()))
    });
    let hidden = HIDDEN.iter().filter(|name| is_set(name)).map(|name| format!("{name} (set)"));
    let all: Vec<String> = shown.chain(hidden).collect();
    let found = match all.is_empty() {
        true => "no variable that counts is set".to_owned(),
        false => all.join(", "),
    };
    checks.push(Check::ok("environment", found));
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Variables that hold the keys of judges, with the places of the judges.
fn keys(config: &Config) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for (test, judges) in &config.judge {
        let also = judges.also.iter().map(|(name, judge)| (format!("judge.{test}.{name}"), judge));
        let all = std::iter::once((format!("judge.{test}"), &judges.first)).chain(also);
        for (place, judge) in all {
            let asks = match judge {
                OneJudge::Pairs(table) => table.endpoint.as_ref(),
                OneJudge::Rubric(table) => table.endpoint.as_ref(),
                OneJudge::Single(_)
                | OneJudge::Guard(_)
                | OneJudge::Reward(_)
                | OneJudge::Majority(_) => continue,
            };
            let variable = asks.and_then(|endpoint| endpoint.api_key_env.clone());
            keys.extend(variable.map(|variable| (place, variable)));
        }
    }
    keys
}

/// Where models of the hub go.
#[cfg(feature = "hub")]
fn hub() -> Check {
    use seal_hub::HubSettings;
    let settings = match HubSettings::from_env() {
        Ok(settings) => settings,
        Err(error) => {
            return Check::warning("model hub", error.to_string(), "hf:// addresses need it");
        }
    };
    let mut found = settings.cache.display().to_string();
    found.push_str(match settings.token {
        Some(_) => ", logged in",
        None => ", not logged in: public models alone",
    });
    if settings.offline {
        found.push_str(", offline");
    }
    match seal_files::try_folder(&settings.cache) {
        Ok(_) => Check::ok("model hub", found),
        Err(error) => Check::warning(
            "model hub",
            format!("{found}; the cache cannot be written ({error})"),
            "set HF_HUB_CACHE to a folder that can",
        ),
    }
}
