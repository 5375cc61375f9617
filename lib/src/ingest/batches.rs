//! A batch as its consumer gets it: events one by one, and dead letters for all that is none.

use domain::{
    dead_letter::DeadLetter,
    event::{self, Event, UnreadableEvent},
    ids::TenantId,
    timestamp::Timestamp,
};

use super::{NO_RECORD, Unreadable, letters::Letters, records, watch::BodyWatch};

/// Reads the batches that connectors bring to one consumer.
#[derive(Debug)]
pub struct BatchReader {
    consumer: &'static str,
    bodies: BodyWatch,
}

/// A record that its consumer has no use for.
#[derive(Debug)]
pub struct Refused {
    /// Whose it is, if that can be told.
    pub tenant: Option<TenantId>,
    /// Why, in words.
    pub reason: String,
}

impl BatchReader {
    /// A reader for `consumer` (`worker`, `scheduler`), under whose name dead letters are kept and bodies without an
    /// event are counted.
    #[must_use]
    pub fn new(consumer: &'static str) -> Self {
        Self { consumer, bodies: BodyWatch::new(consumer) }
    }

    /// Reads a body. `take` gets every record, as an event or as what can be told of it if it is none; what it refuses,
    /// and what is not even a record, becomes a dead letter, as far as the limits for one body allow.
    pub fn read(
        &self,
        body: &[u8],
        now: Timestamp,
        mut take: impl FnMut(Result<Event, UnreadableEvent>, &str) -> Result<(), Refused>,
    ) -> Vec<DeadLetter> {
        let mut letters = Letters::new(self.consumer, now);
        let (mut events, mut unread) = (0, None);
        for record in records(body) {
            letters.next_record();
            match record {
                Ok(text) => {
                    let event = event::read(&text);
                    match &event {
                        Ok(_) => events += 1,
                        // Not each of them becomes one of these letters.
                        Err(unreadable) => {
                            unread.get_or_insert_with(|| unreadable.reason.clone());
                        }
                    }
                    if let Err(Refused { tenant, reason }) = take(event, &text) {
                        letters.bury(reason, text.as_bytes(), tenant.as_ref().map_or("", TenantId::as_str));
                    }
                }
                Err(Unreadable { reason, record }) => letters.bury(reason, &record, ""),
            }
        }
        let reason = unread.as_deref().or_else(|| letters.first_reason());
        if self.bodies.read(body, events, reason, now) && reason.is_none() {
            letters.bury(NO_RECORD.to_owned(), body, "");
        }
        letters.finish()
    }
}

impl From<UnreadableEvent> for Refused {
    fn from(UnreadableEvent { reason, tenant, .. }: UnreadableEvent) -> Self {
        Self { tenant, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_taken_or_becomes_a_dead_letter() {
        let event = |kind: &str| {
            let moment = "2026-01-01T00:00:00Z";
            format!(
                r#"{{"specversion":"1.0","id":"1","time":"{moment}","tenantid":"acme","type":"{kind}","data":{{
                "workflow_id":"018f3c3e-0000-7000-8000-000000000000","version":1,"created_at":"{moment}",
                "deleted_at":"{moment}"}}}}"#
            )
        };
        let deleted = event("io.minireipaz.workflow.deleted.v1");
        let body = format!("[{deleted},{},oops,{deleted}]", event("other"));
        let mut taken = 0;
        let letters =
            BatchReader::new("worker").read(body.as_bytes(), Timestamp::from_millis(7), |event, text| {
                let event = event?;
                assert_eq!(text, deleted);
                taken += 1;
                let refused = Refused { tenant: Some(event.tenant), reason: "twice".to_owned() };
                if taken == 1 { Ok(()) } else { Err(refused) }
            });
        assert_eq!(taken, 2);
        let kept: Vec<_> =
            letters.iter().map(|letter| (letter.record.as_str(), letter.tenant.as_str())).collect();
        assert_eq!(kept, [(event("other").as_str(), "acme"), ("oops", ""), (&deleted, "acme")]);
        assert_eq!(letters[2].reason, "twice");
    }

    #[test]
    fn a_body_of_separators_is_kept_and_an_empty_one_is_nothing() {
        let read = |body: &str| {
            BatchReader::new("worker").read(body.as_bytes(), Timestamp::from_millis(7), |_, _| Ok(()))
        };
        assert_eq!(read(";;;").len(), 1);
        assert_eq!(read(";;;")[0].record, ";;;");
        assert!(read(" [ ]\n").is_empty() && read("").is_empty());
    }
}
