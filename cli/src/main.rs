//! The program `minireipaz`; everything is in the library, so that tests and benchmarks can use its parts.

fn main() -> std::process::ExitCode {
    cli::main()
}
