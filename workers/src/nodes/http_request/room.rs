//! What a step's calls may bring together: no more than the step may give, else a large list of large answers would fill
//! the memory first.

use domain::{
    limits::{MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    measure::value_bytes_within,
    run::NodeError,
};

use super::partial::Settled;
use crate::nodes::output::{measure_item, within};

/// More levels than anything has that was read.
const ANY_DEPTH: usize = 256;

/// What a step's calls have brought so far.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Of items that are settled.
    bytes: usize,
    items: usize,
    /// Of failures that may be tried again.
    waiting: usize,
}

impl Room {
    /// Counts what leaves in the item's place, or is kept with the others until the next attempt.
    ///
    /// # Errors
    /// When it is more than the step may give.
    pub(super) fn settled(&mut self, settled: &Settled) -> Result<(), Box<NodeError>> {
        match settled {
            Settled::Done(items) => {
                self.items += items.len();
                for item in items {
                    self.bytes += measure_item(item)?;
                }
            }
            Settled::Failed(error) => self.bytes += measure_error(error),
        }
        within("MAX_ITEMS", "items by one port", self.items, MAX_ITEMS)?;
        within("MAX_STEP_OUTPUT_BYTES", "bytes", self.bytes, MAX_STEP_OUTPUT_BYTES)
    }

    /// Counts a failure that may be tried again. It must not end the step for good, so above the bound it loses its
    /// details.
    pub(super) fn waiting(&mut self, error: &mut NodeError) {
        if self.bytes + self.waiting + measure_error(error) > MAX_STEP_OUTPUT_BYTES {
            error.details = None;
        }
        self.waiting += measure_error(error);
    }
}

fn measure_error(error: &NodeError) -> usize {
    let details = error.details.as_ref();
    let bytes = details.map_or(0, |details| value_bytes_within(details, ANY_DEPTH).unwrap_or(usize::MAX / 2));
    bytes.saturating_add(error.message.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(bytes: usize) -> NodeError {
        // As deep as what a server answers may be.
        let body = (0..120).fold(json!("x".repeat(bytes)), |inner, _| json!([inner]));
        NodeError::new("http_status", "it answered 503").with_details(json!({ "body": body }))
    }

    #[test]
    fn failures_that_may_be_tried_again_are_all_kept_and_those_above_the_bound_without_details() {
        let mut room = Room::default();
        let mut errors = vec![refused(60_000); 10_000 / 60];
        errors.iter_mut().for_each(|error| room.waiting(error));
        let told: usize =
            errors.iter().filter_map(|error| error.details.as_ref()).map(|it| it.to_string().len()).sum();
        assert!(errors[0].details.is_some() && errors.last().unwrap().details.is_none());
        assert!((MAX_STEP_OUTPUT_BYTES / 2..=MAX_STEP_OUTPUT_BYTES).contains(&told), "{told}");
        assert!(errors.iter().all(|error| error.message == "it answered 503"));
        let item = domain::items::Item::from_iter([("a".to_owned(), Value::from(1))]);
        assert!(room.settled(&Settled::Done(vec![item])).is_ok(), "the others have their room still");
    }

    #[test]
    fn failures_for_good_are_counted_as_what_leaves() {
        let mut room = Room::default();
        let failed = Settled::Failed(refused(60_000).into());
        let above = (0..MAX_STEP_OUTPUT_BYTES / 60_000 + 1).find_map(|_| room.settled(&failed).err());
        assert_eq!(above.unwrap().code, "limit");
    }
}
