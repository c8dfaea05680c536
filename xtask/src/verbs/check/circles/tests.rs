use std::path::Path;

use super::floors::violations;
use super::{Imports, against};

/// The circles of a crate with these sources.
fn of(files: &[(&str, &str)]) -> Vec<String> {
    imports(files).circles
}

/// Writes `files` as the sources of a crate and reads them.
fn imports(files: &[(&str, &str)]) -> Imports {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Imports::of("it", dir.path()).unwrap()
}

#[test]
fn a_circle_of_three_is_named_once() {
    let found = of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn f() { crate::c::g() }"),
        ("c.rs", "pub fn g() -> super::a::A { todo!() }"),
        ("d.rs", "use crate::a::A; pub struct D(A);"),
    ]);
    assert_eq!(found, ["it: a.rs, b.rs, c.rs"]);
}

#[test]
fn what_lib_rs_hands_on_is_followed_to_its_file() {
    let clean = [
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
        ("a.rs", "pub struct A;"),
        ("b.rs", "use crate::A; pub struct B(A);"),
    ];
    assert!(of(&clean).is_empty());
    let mut circle = clean;
    circle[1].1 = "use crate::B; pub struct A(B);";
    assert_eq!(of(&circle), ["it: a.rs, b.rs"]);
}

#[test]
fn a_module_and_the_modules_inside_it_are_one() {
    let mut files = [
        ("lib.rs", "mod m; mod n;"),
        ("m/mod.rs", "mod child; pub struct M; pub fn f() { child::g(M) }"),
        ("m/child.rs", "pub fn g(_: super::M) {}"),
        ("n.rs", "pub struct N(crate::m::M);"),
    ];
    assert!(of(&files).is_empty());
    files[2].1 = "pub fn g(_: super::M) -> crate::n::N { todo!() }";
    assert_eq!(of(&files), ["it: m/mod.rs, m/child.rs, n.rs"]);
}

#[test]
fn tests_and_other_crates_do_not_count() {
    let found = of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"),
        ("b.rs", "use std::fmt; use crate::a::A; pub struct B(A);"),
    ]);
    assert!(found.is_empty());
}

#[test]
fn the_list_of_known_circles_only_gets_shorter() {
    let found = ["a: x.rs, y.rs".to_owned(), "b: x.rs, z.rs".to_owned()];
    assert_eq!(against("# known\na: x.rs, y.rs\nb: x.rs, z.rs", &found), [""; 0]);
    let wrong = against("a: x.rs, y.rs\nc: gone.rs, z.rs", &found);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert_eq!(wrong[0], "b: x.rs, z.rs import each other");
    assert!(wrong[1].ends_with("known.txt: c: gone.rs, z.rs"), "{wrong:?}");
}

#[test]
fn a_module_stands_above_what_it_imports() {
    let floors = |files: &[(&str, &str)]| imports(files).floors;
    let mut files = [
        ("lib.rs", "mod a; mod b; mod c; pub use c::C;"),
        ("a.rs", "pub struct A;"),
        ("b/mod.rs", "mod inside; pub struct B(inside::I);"),
        ("b/inside.rs", "pub struct I(crate::a::A);"),
        ("c.rs", "pub struct C(crate::b::B);"),
    ];
    assert_eq!(floors(&files), [vec!["", "a"], vec!["b"], vec!["c"]]);
    // A module below another one by way of a third is as deep as that one.
    files[4].1 = "pub struct C(crate::b::B, crate::a::A);";
    assert_eq!(floors(&files).len(), 3);
    // A circle hides no floor.
    files[1].1 = "pub struct A(Option<Box<crate::c::C>>);";
    assert_eq!(floors(&files), [vec![""], vec![], vec!["a", "b", "c"]]);
}

#[test]
fn a_bound_crate_that_grows_higher_is_named_with_its_floors() {
    let of = |name: &str, height: usize| {
        (name.to_owned(), (0..height).map(|i| vec![format!("m{i}")]).collect())
    };
    let high = violations(&[of("seal-study", 7), of("seal-lm", 30)]);
    assert_eq!(high.len(), 1, "{high:?}");
    assert!(high[0].starts_with("seal-study has 7 floors, at most 6; 1: m0; 2: m1"), "{high:?}");
    assert_eq!(violations(&[of("seal-study", 6)]), [""; 0]);
}
