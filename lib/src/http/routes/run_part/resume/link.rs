//! A person follows a link, and answers.

use std::fmt;

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};
use http::header;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::page::{self, Page};
use crate::{
    auth::{InvalidLink, ResumeLink},
    http::{
        extract::{Capped, LinkToken},
        problem::ApiError,
        state::AppState,
    },
    service::{Answerable, Caller, ReadRunError, ResumeRunError, SendSignal},
    text,
};
use domain::{ids::RunId, limits::MAX_BODY_BYTES, trace::TraceContext};

/// The page with the button, unless an answer would be in vain.
pub(super) async fn show(app: &AppState, run: RunId, token: &str) -> Result<Response, ApiError> {
    let link = match read(app, run, token) {
        Ok(link) => link,
        Err(page) => return Ok(page.response()),
    };
    let caller = Caller::of(link.scope.tenant);
    let state = app.runs.answerable(&caller, run, &link.name, &link.scope.iteration).await;
    let page = match state {
        Ok(Answerable::Yes) => Page::Ask(link.name),
        Ok(Answerable::Answered) => Page::Answered,
        Ok(Answerable::NotNow) | Err(ReadRunError::NotFound(_)) => Page::NotNow,
        Err(error) => unwell(&error.into()),
    };
    Ok(page.response())
}

/// What becomes of an answer.
pub(super) async fn answer(
    app: &AppState,
    run: RunId,
    token: &str,
    request: Request,
) -> Result<Response, ApiError> {
    let link = match read(app, run, token) {
        Ok(link) => link,
        Err(page) => return Ok(page.response()),
    };
    let traceparent = request.extensions().get::<TraceContext>().map(ToString::to_string);
    let caller = Caller { tenant: link.scope.tenant, traceparent };
    let data = Value::Object(fields(request).await?);
    let within = Some(link.scope.iteration);
    let signal = SendSignal { run, name: link.name, data, key: None, within };
    let page = match app.runs.resume(&caller, signal).await {
        Ok(sent) if sent.is_given => Page::Thanks,
        Ok(_) => Page::Sent,
        Err(ResumeRunError::AlreadyGiven { .. }) => Page::Answered,
        Err(
            ResumeRunError::Ended { .. }
            | ResumeRunError::NotWaiting { .. }
            | ResumeRunError::Read(ReadRunError::NotFound(_)),
        ) => Page::NotNow,
        Err(error @ ResumeRunError::InvalidData(_)) => return Err(error.into()),
        Err(error) => unwell(&error.into()),
    };
    Ok(page.response())
}

/// What the token says; else what the person is told.
fn read(app: &AppState, run: RunId, token: &str) -> Result<ResumeLink, Page> {
    // Without secrets none was made here.
    let secrets = app.config.links.as_ref().ok_or(Page::Invalid)?;
    secrets.read(token, run, app.clock.now()).map_err(|error| match error {
        InvalidLink::Forged => Page::Invalid,
        InvalidLink::Expired => Page::NotNow,
    })
}

/// A part does not answer: the person may try again, and the log says why.
fn unwell(error: &ApiError) -> Page {
    tracing::error!(error.code = error.code(), "a link cannot be answered: {}", error.reason());
    Page::Unwell(error.status())
}

/// The parameters of the query, the token aside, and the fields of the form, as texts; of several with one name a list.
async fn fields(request: Request) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Map::new();
    let query = request.uri().query().unwrap_or_default().to_owned();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != LinkToken::PARAMETER {
            add(&mut fields, &name, &value);
        }
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = kind.is_none_or(|kind| text::media_type(kind) == "application/x-www-form-urlencoded");
    let Capped(body) = Capped::<{ MAX_BODY_BYTES }>::from_request(request, &()).await?;
    if body.trim_ascii().is_empty() {
        return Ok(fields);
    }
    if !is_form {
        return Err(page::no_form());
    }
    for (name, value) in form_urlencoded::parse(&body) {
        add(&mut fields, &name, &value);
    }
    Ok(fields)
}

fn add(fields: &mut Map<String, Value>, name: &str, value: &(impl fmt::Display + ?Sized)) {
    let value = Value::String(value.to_string());
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::json;

    use super::*;

    fn request(query: &str, kind: Option<&str>, body: &str) -> Request {
        let request = Request::builder().uri(format!("/resume?{query}"));
        let request = match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        };
        request.body(Body::from(body.to_owned())).unwrap()
    }

    #[tokio::test]
    async fn what_the_query_and_the_form_say_is_the_data_and_the_token_is_not() {
        const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");
        for (query, kind, body, data) in [
            ("token=secret", None, "", json!({})),
            ("token=secret&by=Ada+L&n=7", FORM, "", json!({"by": "Ada L", "n": "7"})),
            ("token=secret&a=1", FORM, "a=2&a=3&b=%C3%A9", json!({"a": ["1", "2", "3"], "b": "é"})),
            ("token=secret", FORM, "token=theirs", json!({"token": "theirs"})),
        ] {
            let found = fields(request(query, kind, body)).await.unwrap();
            assert_eq!(Value::Object(found), data, "{query} {body}");
        }
        let refused = fields(request("", Some("application/json"), "{}")).await.unwrap_err();
        assert_eq!(refused.status().as_u16(), 415);
    }
}
