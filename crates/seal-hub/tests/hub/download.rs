//! What a working hub gives.

use std::path::PathBuf;
use std::sync::Mutex;

use seal_hub::{Event, Silent};

use crate::server::{COMMIT, Reply, Server, address, large, sha256, small};

#[test]
fn a_small_file_is_laid_out_as_python_does() {
    let server = Server::new(&[("deep/a b.csv", small("x,y\n1,2\n"))]);
    let file = server.hub().file(&address("hf://datasets/o/n/deep/a b.csv"), &Silent).unwrap();
    assert!(file.loaded);
    assert_eq!(file.commit(), COMMIT);
    assert_eq!(file.pinned.to_string(), format!("hf://datasets/o/n@{COMMIT}/deep/a b.csv"));
    assert_eq!(std::fs::read_to_string(&file.path).unwrap(), "x,y\n1,2\n");
    let root = server.cache.path().join("hub/datasets--o--n");
    assert_eq!(file.path, root.join("snapshots").join(COMMIT).join("deep/a b.csv"));
    let etag = &sha256(b"x,y\n1,2\n")[..40];
    assert_eq!(
        std::fs::read_link(&file.path).unwrap(),
        PathBuf::from(format!("../../../blobs/{etag}"))
    );
    assert_eq!(std::fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    assert_eq!(server.log()[0], "HEAD /datasets/o/n/resolve/main/deep/a%20b.csv");
}

#[test]
fn a_large_file_comes_from_the_store_and_the_token_does_not_go_there() {
    let stored = large(1, 300_000);
    let server = Server::new(&[("model.safetensors", stored.clone())]);
    let file = server.with_token().file(&address("hf://o/n/model.safetensors"), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), stored.bytes);
    let blob = std::fs::canonicalize(&file.path).unwrap();
    assert_eq!(blob.file_name().unwrap().to_str().unwrap(), sha256(&stored.bytes));
    for request in server.seen.lock().unwrap().iter() {
        let told = request.headers.contains_key("authorization");
        assert_eq!(told, !request.path.starts_with("/store/"), "{request:?}");
    }
    assert!(server.log().iter().any(|line| line.starts_with("GET /store/")), "{:?}", server.log());
}

#[test]
fn what_is_cached_is_not_loaded_again() {
    let server = Server::new(&[("a.json", small("{}")), ("b.json", small("[]"))]);
    let (branch, pinned) =
        (address("hf://o/n/a.json"), address(&format!("hf://o/n@{COMMIT}/a.json")));
    let first = server.hub().file(&branch, &Silent).unwrap();
    server.forget();
    // A pinned address needs no network at all.
    let again = server.hub().file(&pinned, &Silent).unwrap();
    assert_eq!((again.loaded, &again.path), (false, &first.path));
    assert!(server.log().is_empty(), "{:?}", server.log());
    // A branch is looked up once by each hub.
    let hub = server.hub();
    assert!(!hub.file(&branch, &Silent).unwrap().loaded);
    assert!(!hub.file(&branch, &Silent).unwrap().loaded);
    assert_eq!(server.log(), ["HEAD /o/n/resolve/main/a.json"]);
    // The next file comes from that commit, whatever is pushed meanwhile.
    assert!(hub.file(&address("hf://o/n/b.json"), &Silent).unwrap().loaded);
    assert_eq!(server.log()[1], format!("HEAD /o/n/resolve/{COMMIT}/b.json"));
    // Or not at all.
    server.forget();
    let hub = server.hub_with(|s| s.follow_branches = false);
    assert!(!hub.file(&branch, &Silent).unwrap().loaded);
    assert!(server.log().is_empty(), "{:?}", server.log());
}

#[test]
fn a_deleted_or_damaged_blob_is_loaded_again() {
    let server = Server::new(&[("a.bin", large(1, 1000))]);
    let address = address("hf://o/n/a.bin");
    let file = server.hub().file(&address, &Silent).unwrap();
    let blob = std::fs::canonicalize(&file.path).unwrap();
    std::fs::remove_file(&blob).unwrap();
    assert!(server.hub().file(&address, &Silent).unwrap().loaded);
    // Half a blob under another commit's name: its length gives it away.
    std::fs::write(&blob, b"half").unwrap();
    std::fs::remove_file(&file.path).unwrap();
    assert!(server.hub().file(&address, &Silent).unwrap().loaded);
    assert_eq!(std::fs::read(&file.path).unwrap().len(), 1000);
}

#[test]
fn a_mirror_and_a_revision_with_slashes() {
    let server = Server::new(&[("a.json", small("{}"))]);
    let hub = server.hub_with(|s| s.endpoint.push_str("/mirror"));
    hub.file(&address("hf://datasets/o/n@refs/pr/1/a.json"), &Silent).unwrap();
    assert_eq!(server.log()[0], "HEAD /mirror/datasets/o/n/resolve/refs%2Fpr%2F1/a.json");
    let noted = server.cache.path().join("hub/datasets--o--n/refs/refs/pr/1");
    assert_eq!(std::fs::read_to_string(noted).unwrap(), COMMIT);
}

#[test]
fn a_renamed_repository_is_followed_with_the_token() {
    let server = Server::hooked(&[("a.json", small("{}"))], |request, _| {
        let rest = request.path.strip_prefix("/old/name/")?;
        Some(Reply::status(307).with("location", format!("/o/n/{rest}")))
    });
    let file = server.with_token().file(&address("hf://old/name/a.json"), &Silent).unwrap();
    assert_eq!(std::fs::read_to_string(&file.path).unwrap(), "{}");
    let seen = server.seen.lock().unwrap();
    assert!(seen.iter().all(|request| request.headers.contains_key("authorization")), "{seen:?}");
}

#[test]
fn empty_files_and_files_of_unknown_length() {
    let server =
        Server::hooked(&[("empty", small("")), ("any", small("some text"))], |request, _| {
            // The end of the connection ends the file.
            request.path.ends_with("any").then(|| {
                Reply { status: 200, body: b"some text".to_vec(), ..Reply::default() }
                    .with("x-repo-commit", COMMIT)
                    .with("etag", "\"abc\"")
                    .with("content-length", "")
            })
        });
    let file = server.hub().file(&address("hf://o/n/empty"), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), b"");
    let file = server.hub().file(&address("hf://o/n/any"), &Silent).unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), b"some text");
}

#[test]
fn a_bar_can_be_drawn() {
    let server = Server::new(&[("a.bin", large(1, 200_000))]);
    let seen = Mutex::new((Vec::new(), 0));
    let on = |event: &Event<'_>| {
        let mut seen = seen.lock().unwrap();
        match event {
            Event::Bytes { count, .. } => seen.1 += count,
            other => seen.0.push(format!("{other:?}")),
        }
    };
    server.hub().file(&address("hf://o/n/a.bin"), &on).unwrap();
    let (events, bytes) = seen.into_inner().unwrap();
    assert_eq!(bytes, 200_000);
    assert_eq!(
        events,
        [
            "Start { file: \"a.bin\", done: 0, size: Some(200000) }",
            "Checking { file: \"a.bin\" }",
            "Done { file: \"a.bin\" }",
        ]
    );
}
