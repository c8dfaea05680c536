//! Rows of the data sets, counted where they are here.

use std::collections::BTreeMap;
use std::path::Path;

use seal_data::{DataSpec, Row, Source};
use seal_model::is_address;

use crate::StudyError;
use crate::config::Config;
use crate::options::FETCHED;

/// Rows of each set: `take` where the config says it, else counted in local files.
pub(super) fn counted(
    config: &Config,
    data: &DataSpec,
    missing: &mut Vec<String>,
) -> Result<BTreeMap<String, Option<usize>>, StudyError> {
    let limit = config.study.limit;
    let mut out = BTreeMap::new();
    let tests = data.test.iter().map(|(name, sources)| (format!("test.{name}"), sources));
    let own = [
        ("base", &data.base),
        ("fine_tuning", &data.fine_tuning),
        ("safe", &data.safe),
        ("safety", &data.safety),
    ];
    let own = own.into_iter().map(|(name, sources)| (name.to_owned(), sources));
    for (name, sources) in own.chain(tests).filter(|(_, sources)| !sources.is_empty()) {
        let sources = sources.iter().map(|source| rows_of(data, source, missing));
        // Every source is looked at, so that every missing file is named.
        let sources: Vec<Result<SourceRows, StudyError>> = sources.collect();
        let sources: Vec<SourceRows> = sources.into_iter().collect::<Result<_, StudyError>>()?;
        let read = sources.iter().map(|source| source.read.as_deref());
        if let (Some(test), Some(rows)) =
            (name.strip_prefix("test."), read.collect::<Option<Vec<&[Row]>>>())
        {
            config.judge_fits(test, &rows.concat())?;
        }
        let rows: Option<usize> = sources.iter().map(|source| source.count).sum();
        // The limit is not of the base's.
        let limit = limit.filter(|_| name != "base");
        out.insert(name, rows.map(|n| n.min(limit.unwrap_or(n))));
    }
    Ok(out)
}

/// Rows of one source.
struct SourceRows {
    /// Read, or as many as the config asks for.
    count: Option<usize>,
    /// `None` where the file is not here.
    read: Option<Vec<Row>>,
}

/// # Errors
/// A file that is here and cannot be read.
fn rows_of(
    data: &DataSpec,
    source: &Source,
    missing: &mut Vec<String>,
) -> Result<SourceRows, StudyError> {
    let absent = SourceRows { count: source.take, read: None };
    if is_address(&source.path) {
        // One line a repository, however many files it has.
        let address = source.path.display().to_string();
        let repository: Vec<&str> = address.splitn(6, '/').take(5).collect();
        let place = repository.join("/");
        let text = format!("{place}: {FETCHED}, unless the cache holds it");
        if !missing.contains(&text) {
            missing.push(text);
        }
        return Ok(absent);
    }
    let path = Path::new(&data.root).join(&source.path);
    if !path.is_file() {
        missing.push(format!("{}: no such file", path.display()));
        return Ok(absent);
    }
    // Read even where the number is known: a row of the wrong type is found now.
    let loaded = seal_data::load_split(Path::new(&data.root), std::slice::from_ref(source))?;
    let (count, rows) = (loaded.rows.len(), loaded.rows.into_vec());
    Ok(SourceRows { count: Some(count), read: Some(rows) })
}
