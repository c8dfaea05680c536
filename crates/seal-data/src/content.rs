//! Hashes of what a set of rows says, part by part.

use seal_files::Digester;

use crate::Row;

/// Hashes of the parts of a set of rows, in the order of the rows, each as 32 hexadecimal digits of
/// BLAKE3. A caller that does not read a part leaves its hash out of what it depends on.
///
/// These are made here and not by the caller, because hashing a hundred thousand rows takes the
/// optimisation that this crate is compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentHashes {
    /// Of all that a model can be trained on or asked: everything but the parts below.
    pub texts: String,
    /// Of the rejected answers.
    pub rejected: String,
    /// Of the labels.
    pub labels: String,
    /// Of the categories.
    pub categories: String,
}

impl ContentHashes {
    /// The hashes of `rows`.
    pub fn of(rows: &[Row]) -> Self {
        Self {
            // All but what is known not to be read, so that a new field counts.
            texts: hash(rows, |row| Row {
                is_unsafe: None,
                category: None,
                rejected: None,
                ..row.clone()
            }),
            rejected: hash(rows, |row| row.rejected.clone()),
            labels: hash(rows, |row| row.is_unsafe),
            categories: hash(rows, |row| row.category.clone()),
        }
    }
}

/// BLAKE3 over `part` of each row as JSON, a line each.
fn hash<T: serde::Serialize>(rows: &[Row], part: impl Fn(&Row) -> T) -> String {
    let mut digester = Digester::new();
    let mut line = Vec::new();
    for row in rows {
        line.clear();
        serde_json::to_writer(&mut line, &part(row)).expect("rows are text, numbers and flags");
        line.push(b'\n');
        digester.update(&line);
    }
    digester.finish().short()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rows;

    #[test]
    fn each_part_reaches_its_hash_alone() {
        let mut rows = Rows::new();
        rows.push("p", "r");
        rows.push("q", "s");
        let rows = rows.into_vec();
        let of = |change: fn(&mut Row)| {
            let mut rows = rows.clone();
            change(&mut rows[1]);
            ContentHashes::of(&rows)
        };
        let plain = of(|_| ());
        let parts = |h: &ContentHashes| {
            [&h.texts, &h.rejected, &h.labels, &h.categories].map(String::clone)
        };
        let changed = |change: fn(&mut Row)| {
            let (a, b) = (parts(&plain), parts(&of(change)));
            std::array::from_fn::<bool, 4, _>(|i| a[i] != b[i])
        };
        assert_eq!(changed(|row| row.response.push('!')), [true, false, false, false]);
        assert_eq!(changed(|row| row.rejected = Some("x".into())), [false, true, false, false]);
        assert_eq!(changed(|row| row.is_unsafe = Some(true)), [false, false, true, false]);
        assert_eq!(changed(|row| row.category = Some("c".into())), [false, false, false, true]);
        let mut turned = rows.clone();
        turned.reverse();
        assert_ne!(ContentHashes::of(&turned).texts, plain.texts);
        assert_eq!(plain.texts.len(), 32);
    }
}
