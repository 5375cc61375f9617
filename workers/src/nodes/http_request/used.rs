//! What a call uses that its errors must not tell.

use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap};

use domain::{
    kinds::http_request::{Body, Params, PartContent},
    run::NodeError,
};
use http::{HeaderMap, header};
use minireipaz::telemetry::redact::{Redactor, Secrets};
use serde_json::Value;

use super::answer::value_text;
use crate::{
    credentials::Shown,
    expr::{keep_out, secrets_of_environment},
};

/// A call's secrets: collected only when there is an error to tell.
pub(super) struct Used<'c> {
    params: &'c Params,
    /// Those of a further page, whose request is another one.
    page: Option<&'c Params>,
    /// What `$env` sees.
    env: &'c BTreeMap<String, String>,
    /// What the call shows beside.
    shown: Option<&'c Shown>,
    led_to: Vec<String>,
    /// Texts of answers that name addresses.
    names: Vec<String>,
    redactor: OnceCell<Redactor>,
}

impl<'c> Used<'c> {
    pub(super) fn by(params: &'c Params, env: &'c BTreeMap<String, String>) -> Self {
        let (led_to, names) = (Vec::new(), Vec::new());
        Self { params, page: None, env, shown: None, led_to, names, redactor: OnceCell::new() }
    }

    /// The same for a call that shows a credential.
    pub(super) fn showing(self, shown: Option<&'c Shown>) -> Self {
        Self { shown, redactor: OnceCell::new(), ..self }
    }

    /// The same for a further page, which is called with `page`.
    pub(super) fn for_page(self, page: &'c Params) -> Self {
        Self { page: Some(page), redactor: OnceCell::new(), ..self }
    }

    /// An address that an answer names: a redirect's often carries a token that is good for one call.
    pub(super) fn led_to(&mut self, address: &str) {
        self.led_to.push(address.to_owned());
        self.redactor.take();
    }

    /// The headers of an answer that an error will tell: where they lead to, and what else they name.
    pub(super) fn answered(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            let value = value_text(value.as_bytes());
            if name == header::LOCATION {
                self.led_to(&value);
            } else if value.contains(['?', '@']) {
                self.names.push(value.into_owned());
                self.redactor.take();
            }
        }
    }

    /// Whether there is anything in the text that errors must not tell.
    pub(super) fn is_in(&self, text: &str) -> bool {
        matches!(self.redactor().text(text), Cow::Owned(_))
    }

    /// What keeps the secrets out of texts.
    pub(super) fn redactor(&self) -> &Redactor {
        self.redactor.get_or_init(|| {
            let mut secrets = Secrets::default();
            for params in std::iter::once(self.params).chain(self.page) {
                secrets.url(&params.target());
                of_params(params, &mut secrets);
            }
            if let Some(shown) = self.shown {
                shown.tell_secrets(&mut secrets);
            }
            self.led_to.iter().for_each(|address| secrets.address(address));
            self.names.iter().for_each(|text| secrets.addresses(text));
            let origin = self.page.unwrap_or(self.params).target().origin().ascii_serialization();
            secrets_of_environment(self.env, &origin, &mut secrets);
            secrets.redactor()
        })
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
    secrets_of_environment(env, "", &mut secrets);
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
        None | Some(Body::File(_)) => {}
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
                    PartContent::File(_) => {}
                }
            }
        }
    }
}

fn of_field(name: &str, value: &str, secrets: &mut Secrets) {
    secrets.parameter(name, value);
    secrets.body(value);
}

/// What is no text has no names in it either.
fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
