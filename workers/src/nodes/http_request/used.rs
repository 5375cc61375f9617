//! What a call uses that its errors must not tell.

use std::{cell::OnceCell, collections::BTreeMap};

use domain::{
    kinds::http_request::{Body, Params, PartContent},
    run::NodeError,
};
use minireipaz::telemetry::redact::{Redactor, Secrets, is_secret, is_secret_parameter};
use serde_json::Value;
use url::Url;

/// Variables of the environment whose names do not say that they are secret are taken for secrets from this length on:
/// shorter ones are `true`, `8080` and `eu`.
const LONG_VARIABLE: usize = 8;

/// A call's secrets: collected only when there is an error to tell.
pub(super) struct Used<'c> {
    params: &'c Params,
    /// What `$env` sees.
    env: &'c BTreeMap<String, String>,
    led_to: Vec<String>,
    redactor: OnceCell<Redactor>,
}

impl<'c> Used<'c> {
    pub(super) fn by(params: &'c Params, env: &'c BTreeMap<String, String>) -> Self {
        Self { params, env, led_to: Vec::new(), redactor: OnceCell::new() }
    }

    /// An address that an answer names: a redirect's often carries a token that is good for one call.
    pub(super) fn led_to(&mut self, address: &str) {
        self.led_to.push(address.to_owned());
        self.redactor.take();
    }

    /// What keeps the secrets out of texts.
    pub(super) fn redactor(&self) -> &Redactor {
        self.redactor.get_or_init(|| {
            let mut secrets = Secrets::default();
            let target = self.params.target();
            secrets.url(&target);
            of_params(self.params, &mut secrets);
            self.led_to.iter().for_each(|address| secrets.address(address));
            of_environment(self.env, &target.origin().ascii_serialization(), &mut secrets);
            secrets.redactor()
        })
    }
}

/// The error without the secrets.
pub(super) fn keep_out(redactor: &Redactor, error: &mut NodeError) {
    error.message = redactor.text(&error.message).into_owned();
    if let Some(details) = &mut error.details {
        redactor.json(details);
    }
}

/// The error of parameters that are none, or that could not be evaluated, without what is secret of them and of `$env`:
/// such errors may quote what is wrong.
pub(super) fn keep_out_evaluated(
    evaluated: Option<&Value>,
    env: &BTreeMap<String, String>,
    mut error: Box<NodeError>,
) -> Box<NodeError> {
    let mut secrets = Secrets::default();
    of_environment(env, "", &mut secrets);
    if let Some(params) = evaluated {
        secrets.json(params);
        let pairs = |name: &'static str| params.get(name).and_then(Value::as_object).into_iter().flatten();
        let texts = |name| pairs(name).filter_map(|(name, value)| Some((name, value.as_str()?)));
        texts("headers").for_each(|(name, value)| secrets.header(name, value));
        texts("query").for_each(|(name, value)| secrets.parameter(name, value));
    }
    keep_out(&secrets.redactor(), &mut error);
    error
}

fn of_params(params: &Params, secrets: &mut Secrets) {
    for (name, value) in &params.headers.0 {
        secrets.header(name, value);
    }
    match &params.body {
        None => {}
        Some(Body::Json(value)) => secrets.json(value),
        Some(Body::Form(pairs)) => {
            for (name, value) in pairs {
                of_field(name, value, secrets);
            }
        }
        Some(Body::Text(text)) => secrets.body(text),
        Some(Body::Bytes(bytes)) => secrets.body(utf8(bytes)),
        Some(Body::Multipart(parts)) => {
            for part in parts {
                match &part.content {
                    PartContent::Text(text) => of_field(&part.name, text, secrets),
                    PartContent::Bytes(bytes) => of_field(&part.name, utf8(bytes), secrets),
                }
            }
        }
    }
}

fn of_field(name: &str, value: &str, secrets: &mut Secrets) {
    if is_secret_parameter(name) {
        secrets.named(name, value);
    } else {
        secrets.body(value);
    }
}

/// What is no text has no names in it either.
fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// What `$env` sees. Whom a call goes to is no secret: the operator allows a base address so that workflows may use it.
fn of_environment(env: &BTreeMap<String, String>, origin: &str, secrets: &mut Secrets) {
    for (name, value) in env {
        match Url::parse(value) {
            _ if is_secret(name) => secrets.named(name, value),
            Ok(url) if url.has_host() => secrets.url(&url),
            _ if value.len() >= LONG_VARIABLE && !origin.contains(value.as_str()) => secrets.add(value),
            _ => {}
        }
    }
}
