//! What is kept of the records of a body that nobody can read: so many, and so many bytes. Of the rest the number, so
//! that a body of rubbish fills neither memory nor the table of dead letters.

use domain::{dead_letter::DeadLetter, timestamp::Timestamp};

/// So many dead letters a body has at most, and one more that tells of the rest.
pub const MAX_LETTERS: usize = 1_000;
/// So many bytes they have together at most: 4 MiB.
pub const MAX_LETTERS_BYTES: usize = 4 << 20;

/// The dead letters of one body.
#[derive(Debug)]
pub(super) struct Letters {
    consumer: &'static str,
    at: Timestamp,
    /// The record of the body that is being looked at, from 1 on.
    place: usize,
    kept: Vec<DeadLetter>,
    bytes: usize,
    unkept: Option<Unkept>,
}

#[derive(Debug)]
struct Unkept {
    number: usize,
    first: usize,
    last: usize,
    reason: String,
}

impl Letters {
    /// None so far, of a body that `consumer` took at that time.
    pub(super) const fn new(consumer: &'static str, at: Timestamp) -> Self {
        Self { consumer, at, place: 0, kept: Vec::new(), bytes: 0, unkept: None }
    }

    /// The body's next record is looked at.
    pub(super) const fn next_record(&mut self) {
        self.place += 1;
    }

    /// Keeps the record that is looked at, as far as the limits allow. `tenant` is empty when nobody can tell it.
    pub(super) fn bury(&mut self, reason: String, record: &[u8], tenant: &str) {
        if self.kept.len() < MAX_LETTERS && self.bytes < MAX_LETTERS_BYTES {
            let letter = DeadLetter::new(self.consumer, &reason, record, tenant, self.at);
            self.bytes += letter.reason.len() + letter.record.len();
            self.kept.push(letter);
            return;
        }
        let place = self.place;
        let unkept = self.unkept.get_or_insert(Unkept { number: 0, first: place, last: place, reason });
        unkept.number += 1;
        unkept.last = place;
    }

    /// Why the first record could not be read that could not.
    pub(super) fn first_reason(&self) -> Option<&str> {
        self.kept.first().map(|letter| letter.reason.as_str())
    }

    /// All of them, with one that tells of those that are not kept. The log gets one line.
    pub(super) fn finish(mut self) -> Vec<DeadLetter> {
        let Some(first) = self.first_reason() else { return self.kept };
        let records = self.kept.len() + self.unkept.as_ref().map_or(0, |unkept| unkept.number);
        let (consumer, kept) = (self.consumer, self.kept.len());
        tracing::warn!(
            consumer,
            records,
            kept,
            reason = first,
            "records cannot be read and become dead letters"
        );
        if let Some(Unkept { number, first, last, reason }) = self.unkept.take() {
            let told = format!(
                "{number} more records of the same body cannot be read either and are not kept (a body has at most \
                 {MAX_LETTERS} dead letters of {MAX_LETTERS_BYTES} bytes): they are among its records {first} to \
                 {last}; the first of them: {reason}"
            );
            self.kept.push(DeadLetter::new(consumer, &told, b"", "", self.at));
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Letters {
        Letters::new("worker", Timestamp::from_millis(7))
    }

    #[test]
    fn above_the_number_one_letter_tells_how_many_more_and_where() {
        let mut letters = letters();
        for n in 1..=MAX_LETTERS + 2_000 {
            letters.next_record();
            if n % 2 == 0 || n > MAX_LETTERS {
                letters.bury(format!("reason {n}"), b"x", "");
            }
        }
        let letters = letters.finish();
        assert_eq!(letters.len(), MAX_LETTERS + 1);
        let last = &letters[MAX_LETTERS].reason;
        assert!(last.starts_with("1500 more records"), "{last}");
        assert!(last.ends_with("among its records 1501 to 3000; the first of them: reason 1501"), "{last}");
    }

    #[test]
    fn their_bytes_are_bounded_together_and_each() {
        let mut letters = letters();
        let large = "ü".repeat(1 << 20);
        for _ in 0..200 {
            letters.next_record();
            letters.bury(large.clone(), large.as_bytes(), "");
        }
        let letters = letters.finish();
        let size = |letter: &DeadLetter| letter.reason.len() + letter.record.len();
        assert!(letters.iter().all(|letter| size(letter) <= 66 << 10));
        let all: usize = letters.iter().map(size).sum();
        assert!((4 << 20..(4 << 20) + (130 << 10)).contains(&all), "{all}");
        assert!(letters.last().unwrap().reason.starts_with("137 more records"), "{:?}", letters.last());
    }
}
