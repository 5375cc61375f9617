//! The program `minireipaz`; everything is in the library, so that tests and benchmarks can use its parts.

/// Half of the CPU that the system's allocator takes; measured in docs/performance.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
