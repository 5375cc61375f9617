//! What could not be processed.

use async_trait::async_trait;

use super::{
    ClickHouse,
    cells::{moment, row, text},
    connection::InsertRow,
};
use crate::store::{DeadLetterStore, StoreError};
use domain::dead_letter::DeadLetter;

#[async_trait]
impl DeadLetterStore for ClickHouse {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.database.insert("bury", "dead_letter_rows", letters.iter().map(letter_row).collect()).await
    }
}

fn letter_row(letter: &DeadLetter) -> InsertRow {
    row! {
        "tenant": text(&letter.tenant),
        "at": moment(letter.at),
        "consumer": text(&letter.consumer),
        "reason": text(&letter.reason),
        "record": text(&letter.record),
    }
}
