//! Rows that cannot be read. Each is told once: it is asked for again and again.

use std::{
    collections::HashSet,
    fmt::Display,
    sync::{Mutex, PoisonError},
};

use metrics::counter;

use crate::{store::UnreadableRow, telemetry::names};

/// Of so many rows is known that they were told; who has more of them has read of it.
const REMEMBERED: usize = 1_000;

/// The rows that were told.
#[derive(Default)]
pub(super) struct Unreadable(Mutex<HashSet<String>>);

impl Unreadable {
    /// Counts and logs a row, unless that was done. `whose` names it, as far as is known.
    pub(super) fn tell(&self, whose: impl Display, why: &impl Display) {
        let whose = whose.to_string();
        {
            let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() >= REMEMBERED {
                told.clear();
            }
            if !told.insert(whose.clone()) {
                return;
            }
        }
        counter!(names::STORE_UNREADABLE_ROWS).increment(1);
        tracing::error!(row = whose, error = %why, "a row of {whose} cannot be read; the others are");
    }

    /// The row, unless it cannot be read, which is told.
    pub(super) fn readable<T>(&self, whose: impl Display, row: Result<T, UnreadableRow>) -> Option<T> {
        row.inspect_err(|why| self.tell(whose, why)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_told_once_and_what_is_remembered_has_a_bound() {
        let unreadable = Unreadable::default();
        let why = UnreadableRow("damaged".to_owned());
        let told = |unreadable: &Unreadable| unreadable.0.lock().unwrap().len();
        unreadable.tell("run 1", &why);
        unreadable.tell("run 1", &why);
        assert_eq!(told(&unreadable), 1);
        (0..2 * REMEMBERED).for_each(|run| unreadable.tell(run, &why));
        assert!(told(&unreadable) <= REMEMBERED);
        assert_eq!(unreadable.readable::<u8>("run 1", Err(why)), None);
        assert_eq!(unreadable.readable("run 1", Ok(7)), Some(7));
    }
}
