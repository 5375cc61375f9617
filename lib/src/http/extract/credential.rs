//! Bodies and parameters about credentials.

use std::fmt;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{StatusCode, request::Parts};
use serde_json::{Map, Value};
use url::Url;

use super::{
    super::problem::ApiError,
    body::{JsonBytes, optional},
    document, invalid,
    query::parsed,
    shape::{self, Fields, Shape, parsed as parsed_shape},
};
use crate::service::{CredentialChange, NewCredential};
use domain::{
    credential::{CredentialType, HostPattern, Hosts},
    violation::{Violation, ViolationCode, Violations},
};

/// A new credential: `{"name": …, "type": …, "values": {…}, "hosts": […]}`.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: CredentialType,
    /// What it says, as the schema of its type asks (`/api/v1/credentials/types`). It never comes back.
    #[schema(value_type = Object, write_only)]
    pub values: Map<String, Value>,
    /// The hosts to which it may be shown: `api.example.com`, `*.example.com`, `api.example.com:8443`. None: all.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub hosts: Hosts,
}

/// What is to be different of a credential; what is left out stays.
#[derive(Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialChangeBody {
    /// What people call it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub name: Option<String>,
    /// All of its values.
    #[serde(default)]
    #[schema(value_type = Option<Object>, write_only)]
    pub values: Option<Map<String, Value>>,
    /// The hosts to which it may be shown.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub hosts: Option<Hosts>,
}

/// What a credential is tried with: `{"url": …}`, or nothing.
#[derive(Debug, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialTestBody {
    /// What is called with it (GET). It may be missing for `oauth2`: then a token is asked for and nothing else called.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri")]
    pub url: Option<Url>,
}

/// A credential that is not valid.
pub(in crate::http) fn invalid_credential(violations: Vec<Violation>) -> ApiError {
    invalid("the credential", "invalid_credential", violations)
}

impl From<CredentialBody> for NewCredential {
    fn from(CredentialBody { name, kind, values, hosts }: CredentialBody) -> Self {
        Self { name, kind, hosts, values }
    }
}

impl From<CredentialChangeBody> for CredentialChange {
    fn from(CredentialChangeBody { name, values, hosts }: CredentialChangeBody) -> Self {
        Self { name, hosts, values }
    }
}

impl<S: Send + Sync> FromRequest<S> for CredentialBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        if bytes.is_empty() {
            let detail = "send the credential as JSON: {\"name\": …, \"type\": …, \"values\": {…}}";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
        }
        shape::read(document::json(&bytes)?).map_err(invalid_credential)
    }
}

impl<S: Send + Sync> FromRequest<S> for CredentialChangeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(optional(request, state, invalid_credential).await?.0)
    }
}

impl<S: Send + Sync> FromRequest<S> for CredentialTestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(optional(request, state, |violations| invalid("the body", "invalid_body", violations)).await?.0)
    }
}

impl Shape for CredentialBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let (name, kind) = (fields.required("name"), fields.required("type"));
        let (values, hosts) = (fields.required("values"), fields.or_default("hosts"));
        fields.nothing_else("known are: name, type, values, hosts")?;
        Some(Self { name: name?, kind: kind?, values: values?, hosts: hosts? })
    }
}

impl Shape for CredentialChangeBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let (name, values) = (fields.optional("name"), fields.optional("values"));
        let hosts = fields.optional("hosts");
        fields.nothing_else("known are: name, values, hosts")?;
        Some(Self { name: name?, values: values?, hosts: hosts? })
    }
}

impl Shape for CredentialTestBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let mut fields = Fields::of(value, at, misfits)?;
        let url = fields.optional("url");
        fields.nothing_else("known is: url")?;
        Some(Self { url: url? })
    }
}

impl Shape for CredentialType {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        parsed_shape(value, at, misfits, str::parse::<Self>)
    }
}

impl Shape for Hosts {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        Vec::<HostPattern>::read(value, at, misfits).map(Self)
    }
}

impl Shape for HostPattern {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        parsed_shape(value, at, misfits, str::parse::<Self>)
    }
}

impl Shape for Url {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        let text = String::read(value, at, misfits)?;
        let url = Self::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if url.is_none() {
            let message = "expected an address that starts with http:// or https://";
            misfits.add(at, ViolationCode::InvalidUrl, message);
        }
        url
    }
}

/// `?force=`: whether a credential is deleted that is used.
#[derive(Debug, Clone, Copy)]
pub struct Force(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for Force {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(parsed(&parts.uri, "force", "true or false")?.unwrap_or_default()))
    }
}

/// What a provider sends a person back with: `?state=&code=`, or `?state=&error=`.
pub struct Callback {
    /// What it was sent.
    pub state: String,
    /// The code.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Callback {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = |name| parsed::<String>(&parts.uri, name, "that of a provider");
        let state = text("state")?.ok_or_else(|| ApiError::parameter("state", "is missing"))?;
        Ok(Self { state, code: text("code")?, error: text("error")? })
    }
}

/// Without the code.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("error", &self.error).finish_non_exhaustive()
    }
}
