//! A request as it goes over the wire.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use domain::{
    file::FileRef,
    kinds::http_request::{Body, Format, Params},
    trace::{TRACEPARENT, TraceContext},
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, Entry},
};
use minireipaz::telemetry::redact::is_secret;
use percent_encoding::percent_decode_str;
use reqwest::{Method, RequestBuilder};
use url::{Url, form_urlencoded};

use super::{call::Caller, failure::CallFailure, multipart, payload::Payload};
use crate::http_client::content_encoding::ACCEPTED;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request; redirects change it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Without user and password: they are among the headers.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Payload>,
}

impl Request {
    /// The author's request. `key` is sent as `Idempotency-Key`, and the call's span as `traceparent`, unless the
    /// author sets them. What is sent of the file store must be there.
    pub(super) async fn new(
        params: &Params,
        key: &str,
        trace: TraceContext,
        caller: &Caller<'_>,
    ) -> Result<Self, CallFailure> {
        let mut url = params.target();
        let mut headers = own_headers(params)?;
        let mut body = params.body.as_ref().map(|body| encode(body, &mut headers)).transpose()?;
        if let Some(body) = &mut body {
            body.look_up(caller).await?;
        }
        // A part of an encoded answer cannot be decoded; what is stored is as large as it is, not as its code is.
        let is_plain = headers.contains_key(header::RANGE) || params.response.format == Format::File;
        let accepted = if is_plain { "identity" } else { ACCEPTED };
        let mut unless_set = |name: HeaderName, value: HeaderValue| {
            if let Entry::Vacant(place) = headers.entry(name) {
                place.insert(value);
            }
        };
        unless_set(IDEMPOTENCY_KEY, value(IDEMPOTENCY_KEY.as_str(), key)?);
        unless_set(HeaderName::from_static(TRACEPARENT), value(TRACEPARENT, &trace.to_string())?);
        unless_set(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        if let Some(credentials) = take_credentials(&mut url) {
            unless_set(header::AUTHORIZATION, credentials);
        }
        let method = params.method.as_str().parse().unwrap_or(Method::GET);
        Ok(Self { method, url, headers, body })
    }

    /// As the client sends it.
    pub(super) fn builder(&self, caller: &Caller<'_>) -> RequestBuilder {
        let client = &caller.http.client;
        let builder = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        match &self.body {
            Some(body) if !body.is_empty() => body.send(builder, caller),
            // Some servers wait for a body, or answer 411, unless they are told that there is none (RFC 9110,
            // section 8.6).
            _ if [Method::POST, Method::PUT, Method::PATCH].contains(&self.method) => {
                builder.header(header::CONTENT_LENGTH, 0)
            }
            _ => builder,
        }
    }
}

/// Takes user and password out of an address: as a header they stay with the origin that they are meant for, and no
/// text that shows the address shows them. What is not ASCII is sent as it was written, as UTF-8.
pub(super) fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    if user.is_empty() && password.is_empty() {
        return None;
    }
    let pair: Vec<u8> = percent_decode_str(user).chain([b':']).chain(percent_decode_str(password)).collect();
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    // Both fail only where there is no host.
    let _ = (url.set_username(""), url.set_password(None));
    Some(value)
}

fn invalid(name: &str) -> CallFailure {
    CallFailure::permanent("invalid_params", format!("the header {name:?} cannot be sent"))
}

fn value(name: &str, text: &str) -> Result<HeaderValue, CallFailure> {
    HeaderValue::from_str(text).map_err(|_| invalid(name))
}

fn own_headers(params: &Params) -> Result<HeaderMap, CallFailure> {
    let mut headers = HeaderMap::with_capacity(params.headers.0.len() + 4);
    for (name, text) in &params.headers.0 {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid(name))?;
        let mut value = value(name, text)?;
        value.set_sensitive(is_secret(name));
        headers.append(header, value);
    }
    Ok(headers)
}

/// The body; its type is added to the headers, unless the author says another.
fn encode(body: &Body, headers: &mut HeaderMap) -> Result<Payload, CallFailure> {
    let (media_type, bytes): (&'static str, Bytes) = match body {
        Body::Json(value) => ("application/json", value.to_string().into()),
        Body::Form(pairs) => {
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            ("application/x-www-form-urlencoded", form.into())
        }
        Body::Text(text) => ("text/plain; charset=utf-8", text.clone().into()),
        Body::Bytes(bytes) => ("application/octet-stream", bytes.clone()),
        Body::File(file) => {
            let said = HeaderValue::from_str(&file.media_type);
            let media_type = said.unwrap_or(HeaderValue::from_static(FileRef::NO_TYPE));
            headers.entry(header::CONTENT_TYPE).or_insert(media_type);
            return Ok(Payload::file(&file.id));
        }
        Body::Multipart(parts) => {
            let own = headers.get(header::CONTENT_TYPE).map(|own| String::from_utf8_lossy(own.as_bytes()));
            let (content_type, bytes) = multipart::encode(parts, own.as_deref())
                .map_err(|why| CallFailure::permanent("invalid_params", why))?;
            headers.insert(header::CONTENT_TYPE, value(header::CONTENT_TYPE.as_str(), &content_type)?);
            return Ok(bytes);
        }
    };
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(media_type));
    Ok(bytes.into())
}
