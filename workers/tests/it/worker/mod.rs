//! The whole worker over loopback, with a store in memory.

mod bodies;
mod branches;
mod crash;
mod duplicates;
mod kill;
mod on_error;
mod outage;
mod pressure;
mod rig;
mod shares;
mod spy_store;
mod stop;
mod target;
mod timers;
