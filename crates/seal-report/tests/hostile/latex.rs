//! Tables as LaTeX sets them.

/// Whether a sign stands in the line without a backslash before it.
pub fn unescaped(line: &str, sign: char) -> bool {
    let mut before = ' ';
    for letter in line.chars() {
        if letter == sign && before != '\\' {
            return true;
        }
        before = if letter == '\\' && before == '\\' { ' ' } else { letter };
    }
    false
}

/// The first cell of the first row.
pub fn escaped_label(tables: &str) -> String {
    let rows = tables.split("\\midrule\n").nth(1).unwrap();
    let row = rows.lines().find(|line| !line.starts_with("\\multicolumn")).unwrap();
    let mut before = ' ';
    let mut label = String::new();
    for letter in row.chars() {
        if letter == '&' && before != '\\' {
            break;
        }
        label.push(letter);
        before = letter;
    }
    label
}

/// What LaTeX sets for the commands that the tables use.
pub fn unset(text: &str) -> String {
    const SIGNS: [(&str, &str); 16] = [
        ("\\textbackslash{}", "\\"),
        ("\\textasciitilde{}", "~"),
        ("\\textasciicircum{}", "^"),
        ("\\textasciigrave{}", "`"),
        ("\\textbar{}", "|"),
        ("\\textdagger{}", "†"),
        ("\\textdaggerdbl{}", "‡"),
        ("$<$", "<"),
        ("$>$", ">"),
        ("$-$", "−"),
        ("$\\gamma$", "γ"),
        ("{[}", "["),
        ("{*}", "*"),
        ("{}", ""),
        ("---", "—"),
        ("\\", ""),
    ];
    let mut rest = text;
    let mut out = String::new();
    while let Some(first) = rest.chars().next() {
        match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            Some((sign, letter)) => {
                out.push_str(letter);
                rest = &rest[sign.len()..];
                if *sign == "\\" {
                    let next = rest.chars().next().unwrap();
                    assert!("{}$&#%_".contains(next), "a command of others: {text}");
                    out.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
            None => {
                assert!(!"{}$&#%_^~".contains(first), "a sign of others: {text}");
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}
