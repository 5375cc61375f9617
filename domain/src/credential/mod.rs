//! Credentials: what somebody shows to a web API, or checks a webhook with.
//!
//! A credential's type is declared once: a table of fields, from which validation, the struct of its values and the JSON
//! Schema come. Values are data: `{{` means nothing in them. What is secret never shows in `Debug`, and no message about
//! a value repeats it.

mod hosts;
mod kind;
mod oauth2;
mod summary;
#[cfg(test)]
mod tests;
mod values;

pub use hosts::{HostPattern, Hosts, InvalidHost};
pub use kind::{CredentialType, TypeDescription};
pub use oauth2::{ClientAuth, Grant, OAuth2};
pub use summary::{Credential, CredentialKey, CredentialStatus};
pub use values::{
    CredentialValues, Endpoint, HeaderName, HeaderSecret, Hmac, HttpBasic, HttpBearer, HttpHeader, HttpQuery,
    Jwt, JwtAlgorithm, Line, Login, SecretText,
};

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    ids::CredentialId,
    kinds::params::{At, Parameter, Reader, hyphenated_id, hyphenated_schema, read_hyphenated},
};

/// The name under which a document names a credential, wherever in it.
pub const NAMED_BY: &str = "credential";

/// The credentials that a document names: every text under the name [`NAMED_BY`] that is an id. ClickHouse looks for the
/// same in a saved workflow's text (`V4__credentials.sql`).
#[must_use]
pub fn named_in(document: &Value) -> BTreeSet<CredentialId> {
    let mut named = BTreeSet::new();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(list) => open.extend(list),
            Value::Object(fields) => {
                let id = fields.get(NAMED_BY).and_then(Value::as_str).and_then(hyphenated_id);
                named.extend(id.map(CredentialId));
                open.extend(fields.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    named
}

/// Hexadecimal digits with hyphens: what the API gives.
impl Parameter for CredentialId {
    const NAME: &'static str = "id of a credential";

    fn schema() -> Value {
        hyphenated_schema()
    }

    fn read(value: &Value, at: &At<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        read_hyphenated(value, at, reader, ("a stored credential", false)).map(Self)
    }
}
