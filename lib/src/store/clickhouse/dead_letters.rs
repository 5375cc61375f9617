//! What could not be processed.

use async_trait::async_trait;
use klickhouse::Value;

use super::{
    ClickHouse,
    cells::{Reader, moment, row, text},
    connection::InsertRow,
    sql::{Moment, Text, after},
};
use crate::store::{Cursor, DeadLetterStore, Found, Handled, Page, PageRequest, StoreError};
use domain::{
    dead_letter::{DeadLetter, LetterHead, SHOWN_CHARS},
    ids::{LetterId, TenantId},
};

#[async_trait]
impl DeadLetterStore for ClickHouse {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        self.database.insert("bury", "dead_letter_rows", letters.iter().map(letter_row).collect()).await
    }

    async fn letters(
        &self,
        tenant: Option<&TenantId>,
        page: &PageRequest,
    ) -> Result<Page<LetterHead>, StoreError> {
        let limit = page.limit.clamp(1, 200) as usize;
        let rows = self.database.select("dead_letters", &list_statement(tenant, page, limit + 1)).await?;
        let read = |row| self.database.unreadable.readable("dead letters", read_head(row));
        let heads = rows.into_iter().filter_map(read);
        Ok(Page::of(heads.map(|head| (Cursor { at: head.at, id: head.id.0 }, Ok(head))).collect(), limit))
    }

    async fn letter(
        &self,
        tenant: Option<&TenantId>,
        id: LetterId,
    ) -> Result<Option<DeadLetter>, StoreError> {
        // The id tells the moment, which is in the key. What tells none is no letter.
        let Some(at) = id.created_at() else { return Ok(None) };
        let sql = format!(
            "SELECT tenant, at, consumer, reason, record FROM dead_letter_rows \
             WHERE tenant = {} AND at = {} AND letter_id = '{id}' LIMIT 1",
            of(tenant),
            Moment(at)
        );
        let row = self.database.select("dead_letter", &sql).await?.pop();
        Ok(row.map(read_letter).transpose()?)
    }

    async fn handle_letter(
        &self,
        tenant: Option<&TenantId>,
        id: LetterId,
        handled: &Handled<'_>,
    ) -> Result<(), StoreError> {
        let row = row! {
            "tenant": text(tenant.map_or("", TenantId::as_str)),
            "letter_id": Value::Uuid(id.0),
            "handling": text(handled.handling.as_str()),
            "by": text(handled.by),
            "at": moment(handled.at),
        };
        self.database.insert("handle_letter", "dead_letter_handling_rows", vec![row]).await
    }
}

fn of(tenant: Option<&TenantId>) -> Text<'_> {
    Text(tenant.map_or("", TenantId::as_str))
}

/// Which letters a page has is decided by their names alone; only theirs are the records that are read.
pub(super) fn list_statement(tenant: Option<&TenantId>, page: &PageRequest, limit: usize) -> String {
    let tenant = of(tenant);
    let after = page
        .after
        .as_ref()
        .map_or(String::new(), |cursor| format!(" AND {}", after("at", "letter_id", cursor)));
    format!(
        "SELECT letter_id, at, consumer, reason, length(record), substringUTF8(record, 1, {SHOWN_CHARS}) \
         FROM dead_letter_rows WHERE tenant = {tenant} AND (at, letter_id) IN (\
         SELECT at, letter_id FROM dead_letter_rows WHERE tenant = {tenant}{after} AND letter_id NOT IN (\
         SELECT letter_id FROM dead_letter_handling_rows WHERE tenant = {tenant}) \
         GROUP BY at, letter_id ORDER BY at DESC, toUInt128(letter_id) DESC LIMIT {limit}) \
         ORDER BY at DESC, toUInt128(letter_id) DESC LIMIT 1 BY letter_id"
    )
}

fn read_head(mut row: Reader) -> Found<LetterHead> {
    Ok(LetterHead {
        id: LetterId(row.uuid()?),
        at: row.moment()?,
        consumer: row.text()?,
        reason: row.text()?,
        bytes: row.u64()?,
        beginning: row.lossy_text()?,
    })
}

fn read_letter(mut row: Reader) -> Found<DeadLetter> {
    Ok(DeadLetter {
        tenant: row.text()?,
        at: row.moment()?,
        consumer: row.text()?,
        reason: row.text()?,
        record: row.lossy_text()?,
    })
}

fn letter_row(letter: &DeadLetter) -> InsertRow {
    row! {
        "tenant": text(&letter.tenant),
        "at": moment(letter.at),
        "consumer": text(&letter.consumer),
        "reason": text(&letter.reason),
        "record": text(&letter.record),
        "letter_id": Value::Uuid(letter.id().0),
    }
}
