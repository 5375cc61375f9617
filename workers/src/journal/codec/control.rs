//! The timers that stand for what is wanted of runs.

use serde::{Deserialize, Serialize};

use super::write;
use crate::journal::JournalError;

#[derive(Serialize, Deserialize)]
struct ControlTimerForm {
    /// Which of those that are kept for its run.
    control: u64,
}

/// The key of a timer that stands for something that is wanted of its run.
pub(crate) fn write_control_timer(sequence: u64) -> Result<Vec<u8>, JournalError> {
    write(&ControlTimerForm { control: sequence })
}

/// For what a timer of that key stands; `None`: it is one of the run's own.
pub(crate) fn read_control_timer(key: &[u8]) -> Option<u64> {
    serde_json::from_slice::<ControlTimerForm>(key).ok().map(|form| form.control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Timer, journal::codec};

    #[test]
    fn a_timer_of_a_control_is_written_as_ever_and_is_none_of_the_runs_own() {
        let key = write_control_timer(7).unwrap();
        assert_eq!(key, br#"{"control":7}"#);
        assert_eq!(read_control_timer(&key), Some(7));
        assert!(codec::read_timer(&key).is_err());
        for own in [Timer::Begin, Timer::Deadline, Timer::Wake(crate::engine::StepKey::outside(1))] {
            assert_eq!(read_control_timer(&codec::write_timer(&own).unwrap()), None);
        }
    }
}
