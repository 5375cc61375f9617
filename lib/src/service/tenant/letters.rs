//! Dead letters: looked at, sent again, put away.

use super::Tenants;
use crate::{
    bus::BusError,
    service::Caller,
    store::{Handled, Page, PageRequest, StoreError},
};
use domain::{
    dead_letter::{DeadLetter, Handling, LetterHead},
    event::{self, Event, Payload},
    ids::{LetterId, RunId},
    run::RunStatus,
};

/// Why nothing was done with a letter.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// It does not exist, or is another tenant's.
    #[error("there is no dead letter {0}")]
    NotFound(LetterId),
    /// Its record is no event, now as before.
    #[error("the record cannot be read as an event now either, so it cannot be sent again: {0}")]
    NotAnEvent(String),
    /// Its record is an event of another tenant.
    #[error("the record is an event of another tenant")]
    OfAnother,
    /// What it asks for is over.
    #[error(
        "run {run}, which the record is about, has ended as {status}, and that is final; replay the run, or start a new one"
    )]
    RunEnded {
        /// Which run.
        run: RunId,
        /// How.
        status: RunStatus,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not known whether the event was taken; it is safe to send it again.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl Tenants {
    /// The caller's dead letters that nobody has handled, last refused first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn letters(&self, caller: &Caller, page: &PageRequest) -> Result<Page<LetterHead>, StoreError> {
        self.store.letters(Some(&caller.tenant), page).await
    }

    /// One letter, with what is kept of its record.
    ///
    /// # Errors
    /// When there is no such letter, or the store does not answer.
    pub async fn letter(&self, caller: &Caller, id: LetterId) -> Result<DeadLetter, LetterError> {
        self.store.letter(Some(&caller.tenant), id).await?.ok_or(LetterError::NotFound(id))
    }

    /// Sends the record to its topic again, as it was, and puts the letter away. What was refused because something was
    /// wrong with the system is handled now, once: receivers recognise what they have had.
    ///
    /// # Errors
    /// When there is no such letter, when it is no event of the caller's, or when its run has ended.
    pub async fn send_letter_again(
        &self,
        caller: &Caller,
        id: LetterId,
        by: &str,
    ) -> Result<Event, LetterError> {
        let letter = self.letter(caller, id).await?;
        let event =
            event::read(&letter.record).map_err(|unreadable| LetterError::NotAnEvent(unreadable.reason))?;
        if event.tenant != caller.tenant {
            return Err(LetterError::OfAnother);
        }
        if let Some(run) = run_of(&event.payload) {
            let key = (caller.tenant.clone(), run);
            let head = self.store.heads(std::slice::from_ref(&key)).await?.remove(&key).transpose();
            let status = head.map_err(StoreError::from)?.map(|head| head.status);
            if let Some(status) = status.filter(|status| status.is_terminal()) {
                return Err(LetterError::RunEnded { run, status });
            }
        }
        self.bus.publish(std::slice::from_ref(&event)).await?;
        self.handle(caller, id, Handling::SentAgain, by).await?;
        Ok(event)
    }

    /// Puts a letter away.
    ///
    /// # Errors
    /// When there is no such letter, or the store does not answer.
    pub async fn dismiss_letter(&self, caller: &Caller, id: LetterId, by: &str) -> Result<(), LetterError> {
        self.letter(caller, id).await?;
        Ok(self.handle(caller, id, Handling::Dismissed, by).await?)
    }

    async fn handle(
        &self,
        caller: &Caller,
        id: LetterId,
        handling: Handling,
        by: &str,
    ) -> Result<(), StoreError> {
        let handled = Handled { handling, by, at: self.clock.now() };
        self.store.handle_letter(Some(&caller.tenant), id, &handled).await
    }
}

/// The run that an event asks for or is about.
fn run_of(payload: &Payload) -> Option<RunId> {
    match payload {
        Payload::RunRequested(request) => Some(request.run_id),
        Payload::TaskExecute(task) => Some(task.run_id),
        Payload::RunCancelRequested(cancel) | Payload::TaskCancel(cancel) => Some(cancel.run_id),
        Payload::RunResumeRequested(resume) | Payload::TaskResume(resume) => Some(resume.run_id),
        Payload::WorkflowSaved(_) | Payload::WorkflowDeleted(_) | Payload::ClockTicked(_) => None,
    }
}
