//! The request of a further page: that of the first one, with what is different.

use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{Address, Body, Headers, Pagination, Pairs, Params};
use crate::kinds::params::text::scalar;
use crate::kinds::{params::path::PathError, set::Fields};

/// What cannot be changed as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    /// A path that does not fit the body.
    #[error("`pagination.body`: {0}")]
    Path(#[from] PathError),
    /// A form holds texts.
    #[error(
        "`pagination.body.{0}` must be a text, a number, a boolean or a list of them: the body is a form"
    )]
    NotAText(String),
    /// There are no fields to change.
    #[error(
        "`pagination.body` changes the fields of `body.json`, which must be an object, or those of `body.form`; the request has neither"
    )]
    NoFields,
}

impl Params {
    /// The request of a further page: this one, with what is `different`, at `url` if the pages lead to another address.
    ///
    /// # Errors
    /// When the body has no such fields.
    pub fn page(&self, url: Option<Url>, different: &Pagination) -> Result<Self, InvalidPage> {
        let mut url = url.unwrap_or_else(|| self.target());
        change_query(&mut url, &different.query);
        let mut headers = self.headers.0.clone();
        headers.retain(|(name, _)| !different.headers.0.iter().any(|(changed, _)| changed == name));
        headers.extend_from_slice(&different.headers.0);
        let body = change_body(self.body.clone(), &different.body)?;
        Ok(Self {
            url: Address(url),
            query: Pairs::default(),
            headers: Headers(headers),
            body,
            ..self.clone()
        })
    }
}

/// Names that are there get the new values; everything else stays as it was written.
fn change_query(url: &mut Url, Pairs(changes): &Pairs) {
    if changes.is_empty() {
        return;
    }
    let is_changed = |pair: &&str| {
        let name = form_urlencoded::parse(pair.as_bytes()).next();
        name.is_some_and(|(name, _)| changes.iter().any(|(changed, _)| *changed == name))
    };
    let kept = url.query().map(|query| query.split('&').filter(|pair| !is_changed(pair)).collect::<Vec<_>>());
    let kept = kept.map(|pairs| pairs.join("&")).filter(|query| !query.is_empty());
    url.set_query(kept.as_deref());
    url.query_pairs_mut().extend_pairs(changes);
}

fn change_body(body: Option<Body>, Fields(changes): &Fields) -> Result<Option<Body>, InvalidPage> {
    if changes.is_empty() {
        return Ok(body);
    }
    match body {
        Some(Body::Json(Value::Object(mut fields))) => {
            for (path, value) in changes {
                path.set(&mut fields, value.clone())?;
            }
            Ok(Some(Body::Json(Value::Object(fields))))
        }
        Some(Body::Form(mut pairs)) => {
            for (path, value) in changes {
                // A form's names are flat.
                let name = path.to_string().replace(r"\.", ".");
                pairs.retain(|(given, _)| *given != name);
                let values = if let Value::Array(list) = value {
                    list.as_slice()
                } else {
                    std::slice::from_ref(value)
                };
                for value in values {
                    let text = scalar(value).ok_or_else(|| InvalidPage::NotAText(name.clone()))?;
                    pairs.push((name.clone(), text));
                }
            }
            Ok(Some(Body::Form(pairs)))
        }
        _ => Err(InvalidPage::NoFields),
    }
}
