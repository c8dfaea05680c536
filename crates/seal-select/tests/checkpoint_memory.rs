//! Hostile checkpoints cost no memory. In a program of its own, because the
//! allocator counts for all threads.

use peak_alloc::PeakAlloc;
use seal_select::PublishedSelector;

// What this test does not use, the other does.
#[allow(dead_code)]
#[path = "checkpoint/build.rs"]
mod build;
#[allow(dead_code)]
#[path = "checkpoint/hostile.rs"]
mod hostile;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that reading needs at most, beyond those of the file.
fn peak_of_reading(bytes: &[u8]) -> (usize, bool) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let is_ok = PublishedSelector::from_pt(bytes).is_ok();
    (MEMORY.peak_usage() - before, is_ok)
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn memory_follows_the_length_of_the_file() {
    sizes_that_a_file_only_claims_are_not_allocated();
    a_valid_file_takes_its_length_three_times_at_most();
}

fn sizes_that_a_file_only_claims_are_not_allocated() {
    let files = [
        ("zip bomb", hostile::bomb()),
        ("4 GB", hostile::huge_entry()),
        ("10 GB in the bytecode", hostile::huge_tensor()),
        ("65,535 entries", hostile::many_entries()),
        ("a directory of 4 GB", hostile::huge_directory()),
        ("two end records", hostile::two_end_records()),
        ("long text", build::with_pickle(b"\x80\x02}q\0X\xff\xff\xff\xff".to_vec())),
    ];
    for (name, bytes) in files {
        let (peak, is_ok) = peak_of_reading(&bytes);
        assert!(!is_ok, "{name}");
        assert!(peak < 64 << 10, "{name}: {peak} bytes");
    }
}

fn a_valid_file_takes_its_length_three_times_at_most() {
    let rows = 100_000;
    let numbers = build::numbers(&vec![0.5; rows]);
    let pickle =
        build::Tensor { stored: rows as i64, shape: vec![rows as i64], ..Default::default() };
    let mut entries = build::entries();
    entries[0].1 = pickle.pickle();
    entries[2].1 = numbers;
    let file = build::zip_of(&entries);
    let (peak, is_ok) = peak_of_reading(&file);
    assert!(is_ok);
    assert!(peak < 3 * file.len() + (64 << 10), "{peak} bytes for {}", file.len());
}
