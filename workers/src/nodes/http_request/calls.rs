//! One item's call, or the calls for the pages of what belongs to it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use domain::{
    items::Item,
    iteration::Iteration,
    kinds::http_request::{Paged, Params},
    limits::MAX_PAGES,
    run::NodeError,
    workflow::OnError,
};
use http::StatusCode;
use serde_json::Value;

use super::{
    answer::Answer,
    batches::rest,
    call::Caller,
    credential::Presented,
    failure::CallFailure,
    further::further,
    gathered::Gathered,
    pages::{Asking, Follows, Pages},
    partial::Settled,
    repeats::Repeats,
    response,
    room::{Held, Room},
    used::Used,
};
use crate::credentials::Shown;

/// How one item's calls ended.
pub(super) enum Ended {
    Settled(Settled),
    /// They may be tried again, behind the pages that came.
    Again(CallFailure, Option<Gathered>),
    /// The step has failed already, so they were not made, or not all of them.
    NotMade,
    /// What came is more than the step may give.
    TooMuch(Box<NodeError>),
}

/// One step's calls.
pub(super) struct Calls<'s> {
    pub(super) caller: Caller<'s>,
    pub(super) asking: Asking<'s>,
    pub(super) pages: Option<&'s Pages>,
    pub(super) iteration: &'s Iteration,
    pub(super) room: &'s Mutex<Room>,
    /// Under `fail` one permanent failure decides the step. Calls under way are not cut off: they may have effects.
    pub(super) decided: AtomicBool,
    /// What they show, or why it cannot be shown.
    pub(super) credential: Result<Option<Presented>, CallFailure>,
}

impl Calls<'_> {
    pub(super) fn is_decided(&self) -> bool {
        self.decided.load(Ordering::Relaxed)
    }

    /// Makes the calls for an item; `came` are the pages that an earlier attempt got.
    pub(super) async fn one(
        &self,
        item: usize,
        params: Result<Arc<Params>, CallFailure>,
        came: Option<Gathered>,
    ) -> (usize, Ended) {
        if self.is_decided() {
            return (item, Ended::NotMade);
        }
        if let Err(failed) = &self.credential {
            return (item, failure(failed.clone(), came));
        }
        let ended = match (params, self.pages) {
            (Err(failed), _) => failure(failed, came),
            (Ok(params), Some(pages)) => self.paged(pages, &params, item, came).await,
            (Ok(params), None) => match self.page(&params, None, item, 1).await {
                Ok((answer, body)) if params.response.full => {
                    done(response::items_of_whole(response::whole(&answer, body), true))
                }
                Ok((_, body)) => done(response::items(body)),
                Err(failed) => failure(failed, None),
            },
        };
        if self.asking.node.on_error == OnError::Fail && matches!(ended, Ended::Settled(Settled::Failed(_))) {
            self.decided.store(true, Ordering::Relaxed);
        }
        (item, ended)
    }

    async fn paged(&self, pages: &Pages, params: &Params, item: usize, came: Option<Gathered>) -> Ended {
        let full = params.response.full;
        let (mut held, mut repeats) = (Held::nothing(self.room), Repeats::of(params));
        // What made another attempt necessary made a pause too.
        let mut rested = came.is_some();
        let mut came = match came {
            Some(came) => came,
            None => {
                let first = self.page(params, None, item, 1).await.and_then(|(answer, body)| {
                    repeats.answer(1, answer.content())?;
                    Ok(response::whole(&answer, body))
                });
                match first {
                    Ok(answer) => Gathered::first(answer),
                    Err(failed) => return failure(failed, None),
                }
            }
        };
        if let Err(above) = held.more(came.size(full)) {
            return Ended::TooMuch(above);
        }
        loop {
            if self.is_decided() {
                return Ended::NotMade;
            }
            let request = match self.next(pages, params, item, &came, &mut repeats).await {
                Ok(Next::Page(request)) => request,
                Ok(Next::Nothing { with_last }) => return done(came.into_items(with_last, full)),
                Err(failed) => {
                    // An expression may tell what it found in an answer, and servers repeat what they were sent.
                    return failure(failed.without(&Used::by(params, &self.asking.scope.env)), Some(came));
                }
            };
            match self.further_page(params, &request, item, came.pages + 1, rested, &mut repeats).await {
                Ok(answer) => came.add(answer, full),
                Err(failed) => return failure(failed, Some(came)),
            }
            if let Err(above) = held.more(came.last_size(full)) {
                return Ended::TooMuch(above);
            }
            rested = false;
        }
    }

    /// A further page, behind its pause.
    async fn further_page(
        &self,
        params: &Params,
        request: &Params,
        item: usize,
        number: usize,
        rested: bool,
        repeats: &mut Repeats,
    ) -> Result<Value, CallFailure> {
        let Asking { node, deadline, .. } = self.asking;
        let pause = params.pagination.as_ref().and_then(|Paged(pagination)| pagination.pause);
        if let Some(pause) = pause.filter(|_| !rested) {
            rest(pause.0, deadline, node.timeout).await?;
        }
        let (answer, body) = self.page(params, Some(request), item, number).await?;
        repeats.answer(number, answer.content())?;
        Ok(response::whole(&answer, body))
    }

    /// What follows the pages that came.
    async fn next(
        &self,
        pages: &Pages,
        params: &Params,
        item: usize,
        came: &Gathered,
        repeats: &mut Repeats,
    ) -> Result<Next, CallFailure> {
        if params.ends_pages(came.last_status()) {
            return Ok(Next::Nothing { with_last: false });
        }
        let most = params.pagination.as_ref().and_then(|Paged(pagination)| pagination.max_pages);
        let is_enough = most.is_some_and(|most| came.pages >= most.0);
        let mut different = match pages.follows(self.asking, item, came, is_enough).await? {
            Follows::Nothing => return Ok(Next::Nothing { with_last: true }),
            Follows::NotEvenThis => return Ok(Next::Nothing { with_last: false }),
            Follows::Page(different) => different,
        };
        if came.pages >= MAX_PAGES {
            let message = format!(
                "more than {MAX_PAGES} pages follow one another (MAX_PAGES); let `pagination.until` say which is the last \
                 one, ask for more at a time, or set `pagination.max_pages` to leave the rest"
            );
            return Err(CallFailure::permanent("too_many_pages", message));
        }
        let number = came.pages + 1;
        if Instant::now() >= self.asking.deadline {
            return Err(CallFailure::out_of_time(self.asking.node.timeout).of_page(number));
        }
        let request = further(params, &mut different, number, &self.asking.scope.env)?;
        repeats.request(number, &request, &different.body)?;
        Ok(Next::Page(Box::new(request)))
    }

    /// The answer to an item's call, and its body as data. `page` is the request if it is that of a further page.
    async fn page(
        &self,
        params: &Params,
        page: Option<&Params>,
        item: usize,
        number: usize,
    ) -> Result<(Answer, Value), CallFailure> {
        let presented = self.credential.as_ref().map_err(Clone::clone)?.as_ref();
        let request = page.unwrap_or(params);
        // A page elsewhere gets nothing.
        let presented = presented.filter(|_| request.target().origin() == params.target().origin());
        let Some(presented) = presented else { return self.called(params, page, (item, number), None).await };
        let shown = presented.shown();
        let called = self.called(params, page, (item, number), Some(&shown)).await;
        if !is_unauthorized(&called) {
            return called;
        }
        match presented.renewed(&shown, self.asking.deadline).await {
            Some(Ok(newer)) => self.called(params, page, (item, number), Some(&newer)).await,
            Some(Err(failed)) => Err(failed.of_page(number)),
            None => called,
        }
    }

    async fn called(
        &self,
        params: &Params,
        page: Option<&Params>,
        (item, number): (usize, usize),
        shown: Option<&Shown>,
    ) -> Result<(Answer, Value), CallFailure> {
        let mut used = Used::by(params, &self.asking.scope.env).showing(shown);
        if let Some(page) = page {
            used = used.for_page(page);
        }
        let request = page.unwrap_or(params);
        let called = self.caller.call(request, &self.key(item, number), shown, &mut used).await;
        let read = called.and_then(|mut answer| {
            let mut body = response::body(&answer, request, &used)?;
            if let Some(shown) = shown {
                // The author asked for the answer, and not for what somebody else may show.
                shown.redactor().json(&mut body);
                shown.clean(&mut answer.headers);
            }
            Ok((answer, body))
        });
        read.map_err(|failed| failed.without(&used).of_page(number))
    }

    /// What every attempt of this call says: which one it is.
    fn key(&self, item: usize, page: usize) -> String {
        let (run, node) = (self.asking.scope.run.run_id, header_safe(self.asking.node.id.as_str()));
        let mut key = format!("{run}:{node}");
        if !self.iteration.is_outside() {
            key.push_str(&format!(":{}", self.iteration));
        }
        key.push_str(&format!(":{item}"));
        if page > 1 {
            key.push_str(&format!(":page-{page}"));
        }
        key
    }
}

/// Whether a server does not take what it was shown.
fn is_unauthorized(called: &Result<(Answer, Value), CallFailure>) -> bool {
    match called {
        Ok((answer, _)) => answer.status == StatusCode::UNAUTHORIZED,
        Err(failed) => failed.status() == Some(StatusCode::UNAUTHORIZED),
    }
}

/// What follows the pages that came.
enum Next {
    Nothing { with_last: bool },
    Page(Box<Params>),
}

fn done(items: Vec<Item>) -> Ended {
    Ended::Settled(Settled::Done(items))
}

fn failure(failed: CallFailure, came: Option<Gathered>) -> Ended {
    if failed.failure.is_retryable() {
        Ended::Again(failed, came)
    } else {
        Ended::Settled(Settled::Failed(failed.error))
    }
}

/// A header holds visible ASCII only; a node's id may hold anything.
fn header_safe(id: &str) -> String {
    let mut safe = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}
