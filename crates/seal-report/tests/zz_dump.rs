mod common;
use seal_report::Document;
#[test]
fn dump() {
    for (n, r) in [
        ("full", common::full()),
        ("one", common::one_seed()),
        ("missing", common::missing()),
        ("unl", common::unlabelled()),
    ] {
        let mut r = common::report(r);
        if n == "one" {
            r.results.quick = true;
        }
        let _ = r.write(std::path::Path::new(&format!("/tmp/rep/{n}")));
    }
    std::fs::write("tests/golden/results-v1.json", common::missing().to_json().unwrap()).unwrap();
}
