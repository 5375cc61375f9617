//! What is generated of the kinds.

mod kinds;
