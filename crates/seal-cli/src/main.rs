//! The program `seal`.

use std::process::ExitCode;

fn main() -> ExitCode {
    seal_cli::main(&seal_cli::SEAL)
}
