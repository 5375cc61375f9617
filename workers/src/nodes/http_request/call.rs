//! One call: the request, its redirects, and the answer's bytes.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use domain::{
    ids::TenantId,
    kinds::http_request::{Body, Params, Part, PartContent},
    retry::Failure,
    retry_after::retry_after,
    timestamp::Timestamp,
    trace::{TRACEPARENT, TraceContext},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{self, Entry},
};
use metrics::counter;
use minireipaz::{
    resilience::Permit,
    telemetry::{TraceSpan, names, redact::is_secret},
};
use reqwest::{Method, Response, multipart};
use tokio::time::Instant;
use tracing::{Instrument, field};
use url::Url;

use super::{
    answer::Answer,
    failure::{CallFailure, describe},
    redirect::{Request, redirection},
    used::Used,
};
use crate::http_client::HttpClient;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a call needs beside its parameters.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    pub(super) http: &'a HttpClient,
    pub(super) tenant: &'a TenantId,
    pub(super) deadline: Instant,
    pub(super) now: Timestamp,
    /// The attempt's span.
    pub(super) trace: TraceContext,
}

impl Caller<'_> {
    /// Makes the call. `key` is sent as `Idempotency-Key`, and the call's span as `traceparent`, unless the author
    /// sets them.
    pub(super) async fn call(
        &self,
        params: &Params,
        key: &str,
        used: &mut Used<'_>,
    ) -> Result<Answer, CallFailure> {
        let here = TraceSpan::after(Some(self.trace));
        let target = params.target();
        let span = tracing::info_span!(
            "call",
            trace_id = here.trace_id(),
            span_id = here.span_id(),
            parent_id = here.parent_id(),
            http.method = params.method.as_str(),
            http.origin = target.origin().ascii_serialization(),
            http.status = field::Empty,
            error.code = field::Empty,
        );
        let called = self.follow(params, target, key, here.context(), used).instrument(span.clone()).await;
        match &called {
            Ok(answer) => span.record("http.status", answer.status.as_u16()),
            Err(failed) => span.record("error.code", &*failed.error.code),
        };
        called
    }

    async fn follow(
        &self,
        params: &Params,
        target: Url,
        key: &str,
        trace: TraceContext,
        used: &mut Used<'_>,
    ) -> Result<Answer, CallFailure> {
        let mut request = Request {
            method: params.method.as_str().parse().unwrap_or(Method::GET),
            url: target,
            headers: own_headers(params, key, trace)?,
            body: params.body.as_ref(),
        };
        let mut followed = 0;
        loop {
            let what = describe(request.method.as_str(), &request.url);
            let (status, next) = match self.hop(&request, params).await? {
                Hop::Answer(answer) if params.accepts(answer.status.as_u16()) => return Ok(answer),
                Hop::Answer(answer) => {
                    let retry_after = retry_after(answer.status.as_u16(), &answer.headers, Some(self.now));
                    if let Some(location) = answer.headers.get(header::LOCATION) {
                        used.led_to(&String::from_utf8_lossy(location.as_bytes()));
                    }
                    return Err(CallFailure::of_status(&what, used.redactor(), &answer, retry_after));
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
            request.redirect(status, next);
        }
    }

    /// One request to one destination.
    async fn hop(&self, request: &Request<'_>, params: &Params) -> Result<Hop, CallFailure> {
        let what = describe(request.method.as_str(), &request.url);
        if !matches!(request.url.scheme(), "http" | "https") {
            let message =
                format!("{what} leads to {}:, and only http and https are called", request.url.scheme());
            return Err(CallFailure::permanent("invalid_redirect", message));
        }
        self.http.check_literal(&request.url).map_err(|blocked| CallFailure::blocked(&blocked))?;
        let places = self.http.hosts.places(&request.url);
        let breaker = self.http.hosts.breaker(self.tenant, &request.url);
        let place = tokio::time::timeout_at(self.deadline, places.take(self.tenant)).await;
        let Ok(Ok(_place)) = place else {
            return Err(CallFailure::no_place(&what, places.limits()));
        };
        let permit = breaker
            .try_acquire(Instant::now())
            .map_err(|rejected| CallFailure::rejected(&request.url, rejected.retry_after))?;
        let result = self.exchange(request, params, &what).await;
        match &result {
            Err(failed) if blames_destination(failed.failure) => {
                failed_at(&request.url, permit);
            }
            Ok(Hop::Answer(answer))
                if Failure::of_status(answer.status.as_u16(), None).is_some_and(blames_destination) =>
            {
                failed_at(&request.url, permit);
            }
            _ => {
                permit.success();
            }
        }
        count(&result);
        result
    }

    async fn exchange(&self, request: &Request<'_>, params: &Params, what: &str) -> Result<Hop, CallFailure> {
        let mut builder = self.http.client.request(request.method.clone(), request.url.clone());
        if let Some(body) = request.body {
            builder = with_body(builder, body, &request.headers)
                .map_err(|error| CallFailure::of_client(what, &error))?;
        }
        // After the body, whose media type the author's wins over.
        let sent = builder.headers(request.headers.clone()).send();
        let mut response = self.within(what, sent).await?;
        if let Some(next) = redirection(&response, &request.url).filter(|_| params.redirects.0.is_some()) {
            let next =
                next.map_err(|why| CallFailure::permanent("invalid_redirect", format!("{what} {why}")))?;
            return Ok(Hop::Redirect(response.status(), next));
        }
        let body = self.read(&mut response, what).await?;
        Ok(Hop::Answer(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        }))
    }

    /// Reads the body, decompressed, and stops as soon as it is too large.
    async fn read(&self, response: &mut Response, what: &str) -> Result<Bytes, CallFailure> {
        let most = self.http.settings.max_response_bytes;
        let mut body = BytesMut::new();
        while let Some(chunk) = self.within(what, response.chunk()).await? {
            if body.len() + chunk.len() > most {
                let message = format!(
                    "{what}: the answer is larger than the limit of {most} bytes (max_response_bytes)"
                );
                return Err(CallFailure::permanent("response_too_large", message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    async fn within<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, CallFailure> {
        match tokio::time::timeout_at(self.deadline, work).await {
            Ok(done) => done.map_err(|error| CallFailure::of_client(what, &error)),
            Err(_) => Err(CallFailure::timeout(what)),
        }
    }
}

fn failed_at(url: &Url, permit: Permit<'_>) {
    if permit.failure(Instant::now()) {
        counter!(names::WORKER_HOST_BREAKERS_OPENED).increment(1);
        let origin = url.origin().ascii_serialization();
        tracing::warn!(origin, "the circuit breaker of {origin} opened");
    }
}

fn count(result: &Result<Hop, CallFailure>) {
    let status = match result {
        Ok(Hop::Answer(Answer { status, .. }) | Hop::Redirect(status, _)) => status.as_str().to_owned(),
        Err(_) => "none".to_owned(),
    };
    counter!(names::WORKER_HTTP_CALLS, names::STATUS => status).increment(1);
}

enum Hop {
    Answer(Answer),
    Redirect(StatusCode, Url),
}

fn own_headers(params: &Params, key: &str, trace: TraceContext) -> Result<HeaderMap, CallFailure> {
    let mut headers = HeaderMap::with_capacity(params.headers.0.len() + 2);
    let invalid =
        |name: &str| CallFailure::permanent("invalid_params", format!("the header {name:?} cannot be sent"));
    for (name, value) in &params.headers.0 {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(name))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid(name))?;
        value.set_sensitive(is_secret(name));
        headers.append(header, value);
    }
    let mut unless_set = |name: HeaderName, value: &str| {
        if let Entry::Vacant(place) = headers.entry(&name) {
            place.insert(HeaderValue::from_str(value).map_err(|_| invalid(name.as_str()))?);
        }
        Ok(())
    };
    unless_set(IDEMPOTENCY_KEY, key)?;
    unless_set(HeaderName::from_static(TRACEPARENT), &trace.to_string())?;
    Ok(headers)
}

fn with_body(
    builder: reqwest::RequestBuilder,
    body: &Body,
    headers: &HeaderMap,
) -> Result<reqwest::RequestBuilder, reqwest::Error> {
    let typed = |builder: reqwest::RequestBuilder, media_type: &'static str| {
        if headers.contains_key(header::CONTENT_TYPE) {
            builder
        } else {
            builder.header(header::CONTENT_TYPE, media_type)
        }
    };
    Ok(match body {
        Body::Json(value) => typed(builder, "application/json").body(value.to_string()),
        Body::Form(pairs) => builder.form(pairs),
        Body::Text(text) => typed(builder, "text/plain; charset=utf-8").body(text.clone()),
        Body::Bytes(bytes) => typed(builder, "application/octet-stream").body(bytes.clone()),
        Body::Multipart(parts) => {
            let form = parts.iter().try_fold(multipart::Form::new(), |form, own| {
                Ok::<_, reqwest::Error>(form.part(own.name.clone(), part(own)?))
            })?;
            builder.multipart(form)
        }
    })
}

fn part(own: &Part) -> Result<multipart::Part, reqwest::Error> {
    let mut part = match &own.content {
        PartContent::Text(text) => multipart::Part::text(text.clone()),
        PartContent::Bytes(bytes) => multipart::Part::stream(bytes.clone()),
    };
    if let Some(filename) = &own.filename {
        part = part.file_name(filename.clone());
    }
    if let Some(media_type) = &own.content_type {
        part = part.mime_str(media_type)?;
    }
    Ok(part)
}

/// A destination that refuses or limits us is alive.
const fn blames_destination(failure: Failure) -> bool {
    matches!(failure, Failure::Connection | Failure::Timeout | Failure::Server { .. })
}
