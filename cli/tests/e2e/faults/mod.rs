//! What goes wrong, one thing after the other, on the one cluster, with runs in flight. After each: every run is
//! right, none is lost, none is there twice, and no step is repeated that the fault did not interrupt.

pub mod broker;
pub mod database;
pub mod disk;
pub mod duplicates;
mod load;
pub mod network;
pub mod programs;
mod table;

use load::{Load, Repeats, count_tasks};
pub use table::{Row, print};
