//! Documents, the worst among them, what is generated of the kinds, and what is published of the limits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod documents;
mod flow_agree;
mod hostile;
mod kinds;
mod kinds_agree;
mod kinds_values;
mod limits;
mod options;
mod worst;
