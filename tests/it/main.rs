//! The functions' real binaries, on the platforms that they run on.
#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod file_downloads;
mod function;
mod lambda;
mod logs;
mod path;
mod request;
mod secrets;
