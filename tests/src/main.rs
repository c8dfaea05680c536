//! The program under test: the same entry point as `cargo xtask`, or as the installed `seal`
//! where `TEST_PROGRAM` says so. Both are one binary, so that one is linked.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::var_os(whole_program::PROGRAM) {
        Some(name) if name == "seal" => seal_cli::main(&seal_cli::SEAL),
        _ => xtask::main(),
    }
}
