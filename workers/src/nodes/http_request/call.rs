//! One call: the request, its redirects, and the answer's bytes.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    ids::TenantId,
    kinds::http_request::{Format, Params},
    retry::Failure,
    retry_after::retry_after,
    timestamp::Timestamp,
    trace::TraceContext,
};
use http::StatusCode;
use metrics::counter;
use minireipaz::{
    resilience::{Breaker, Permit},
    telemetry::{TraceSpan, names},
};
use tokio::time::Instant;
use tracing::{Instrument, field};
use url::Url;

use super::{
    answer::Answer,
    failure::{CallFailure, describe},
    file, read,
    redirect::redirection,
    request::Request,
    used::Used,
};
use crate::{
    crash_points::{CrashPoint, pass},
    credentials::Shown,
    files::Files,
    http_client::HttpClient,
};

/// What a call needs beside its parameters.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    pub(super) http: &'a HttpClient,
    pub(super) files: Option<&'a Files>,
    pub(super) tenant: &'a TenantId,
    pub(super) deadline: Instant,
    pub(super) now: Timestamp,
    /// The attempt's span.
    pub(super) trace: TraceContext,
}

impl Caller<'_> {
    /// Makes the call, and shows a credential. `key` is sent as `Idempotency-Key`, and the call's span as `traceparent`,
    /// unless the author sets them.
    pub(super) async fn call(
        &self,
        params: &Params,
        key: &str,
        shown: Option<&Shown>,
        used: &mut Used<'_>,
    ) -> Result<Answer, CallFailure> {
        let here = TraceSpan::after(Some(self.trace));
        let mut request = Request::new(params, key, here.context(), self).await?;
        if let Some(shown) = shown {
            let shown = shown.add_to(&mut request.url, &mut request.headers);
            shown.map_err(CallFailure::of_credential)?;
        }
        let span = tracing::info_span!(
            "call",
            trace_id = here.trace_id(),
            span_id = here.span_id(),
            parent_id = here.parent_id(),
            http.method = request.method.as_str(),
            http.origin = request.url.origin().ascii_serialization(),
            http.status = field::Empty,
            error.code = field::Empty,
        );
        let called = self.follow(params, request, used).instrument(span.clone()).await;
        match &called {
            Ok(answer) => span.record("http.status", answer.status.as_u16()),
            Err(failed) => span.record("error.code", &*failed.error.code),
        };
        called
    }

    async fn follow(
        &self,
        params: &Params,
        mut request: Request,
        used: &mut Used<'_>,
    ) -> Result<Answer, CallFailure> {
        let mut followed = 0;
        loop {
            let what = describe(request.method.as_str(), &request.url);
            let hop = self.hop(&request, params, &what).await;
            let (status, next) = match hop.map_err(|failed| failed.at(&request.url))? {
                Hop::Answer(answer, cut) if params.accepts(answer.status.as_u16()) => {
                    return cut.map_or(Ok(answer), |cut| Err(cut.at(&request.url)));
                }
                // What it refuses is told by its status, however much of its reason came.
                Hop::Answer(answer, cut) => {
                    let retry_after = retry_after(answer.status.as_u16(), &answer.headers, Some(self.now));
                    used.answered(&answer.headers);
                    let refused = CallFailure::of_status(&what, used.redactor(), &answer, retry_after);
                    return Err(refused.with_cut(cut).at(&request.url));
                }
                Hop::Redirect(status, next) => (status, next),
            };
            used.led_to(next.as_str());
            let most = params.redirects.0.unwrap_or_default();
            if followed >= most {
                let message =
                    format!("{what}: more than {most} redirects; raise `redirects` if that is right");
                return Err(CallFailure::permanent("too_many_redirects", message));
            }
            followed += 1;
            request.redirect(status, next, |text| used.is_in(text));
        }
    }

    /// One request to one destination.
    async fn hop(&self, request: &Request, params: &Params, what: &str) -> Result<Hop, CallFailure> {
        if !matches!(request.url.scheme(), "http" | "https") {
            let message =
                format!("{what} leads to {}:, and only http and https are called", request.url.scheme());
            return Err(CallFailure::permanent("invalid_redirect", message));
        }
        self.http.check_literal(&request.url).map_err(|blocked| CallFailure::blocked(&blocked))?;
        let places = self.http.hosts.places(&request.url);
        let breaker = self.http.hosts.breaker(self.tenant, &request.url);
        let place = tokio::time::timeout_at(self.deadline, places.take(self.tenant)).await;
        let _place = place
            .map_err(|_| CallFailure::no_place(what, places.limits()))?
            .map_err(|too_many| CallFailure::too_many_wait(what, too_many))?;
        let permit = breaker
            .try_acquire(Instant::now())
            .map_err(|rejected| CallFailure::rejected(&request.url, rejected.retry_after))?;
        pass(CrashPoint::BeforeCall);
        let result = self.exchange(request, params, what).await;
        pass(CrashPoint::AfterCall);
        if blames_destination(&result, params) {
            self.failed_at(&request.url, permit, &breaker);
        } else {
            permit.success();
        }
        count(&result);
        result
    }

    async fn exchange(&self, request: &Request, params: &Params, what: &str) -> Result<Hop, CallFailure> {
        let sent = request.builder(self).send();
        let mut response = tokio::time::timeout_at(self.deadline, sent)
            .await
            .map_err(|_| CallFailure::timeout(what))?
            .map_err(|error| CallFailure::of_client(what, &error))?;
        let status = response.status();
        if params.redirects.0.is_some()
            && let Some(next) = redirection(status, response.headers(), &request.url)
        {
            let next =
                next.map_err(|why| CallFailure::permanent("invalid_redirect", format!("{what} {why}")))?;
            return Ok(Hop::Redirect(status, next));
        }
        let (body, file, cut) = if self.is_stored(status, params) {
            match file::store(self, &mut response, &request.url, what).await {
                Ok(file) => (Bytes::new(), Some(file), None),
                Err(failed) => (Bytes::new(), None, Some(failed)),
            }
        } else {
            let read = read::body(&mut response, what, &self.http.settings, self.deadline).await;
            (read.body, None, read.cut)
        };
        let headers = std::mem::take(response.headers_mut());
        Ok(Hop::Answer(Answer { to: what.to_owned(), status, headers, body, file }, cut))
    }
}

impl Caller<'_> {
    fn failed_at(&self, url: &Url, permit: Permit<'_>, breaker: &Arc<Breaker>) {
        let now = Instant::now();
        if permit.failure(now) {
            counter!(names::WORKER_HOST_BREAKERS_OPENED).increment(1);
            let origin = url.origin().ascii_serialization();
            tracing::warn!(origin, "the circuit breaker of {origin} opened");
            self.http.hosts.opened(self.tenant, url, breaker, now);
        }
    }

    /// Whether an answer with this status becomes a file: what is refused is told in the error instead.
    fn is_stored(&self, status: StatusCode, params: &Params) -> bool {
        let status = status.as_u16();
        params.response.format == Format::File && params.accepts(status) && !params.ends_pages(status)
    }
}

fn count(result: &Result<Hop, CallFailure>) {
    let status = match result {
        Ok(Hop::Answer(Answer { status, .. }, _) | Hop::Redirect(status, _)) => status.as_str().to_owned(),
        Err(_) => "none".to_owned(),
    };
    counter!(names::WORKER_HTTP_CALLS, names::STATUS => status).increment(1);
}

enum Hop {
    /// An answer, and why its body is not whole.
    Answer(Answer, Option<CallFailure>),
    Redirect(StatusCode, Url),
}

/// A destination that refuses or limits us is alive, and what the author accepts is no failure.
fn blames_destination(result: &Result<Hop, CallFailure>, params: &Params) -> bool {
    let failure = match result {
        Ok(Hop::Answer(answer, None)) if params.accepts(answer.status.as_u16()) => None,
        Ok(Hop::Answer(_, Some(failed))) | Err(failed) => (!failed.is_of_files()).then_some(failed.failure),
        Ok(Hop::Answer(answer, None)) => Failure::of_status(answer.status.as_u16(), None),
        Ok(Hop::Redirect(..)) => None,
    };
    matches!(failure, Some(Failure::Connection | Failure::Timeout | Failure::Server { .. }))
}
