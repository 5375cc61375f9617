//! A task is for a worker, and on the wrong topic here.

use super::Received;
use crate::ingest::Refused;
use domain::event::Topic;

pub(super) fn refuse(received: Received) -> Refused {
    received.refused(format!("a task belongs to topic {}", Topic::Tasks.as_str()))
}
