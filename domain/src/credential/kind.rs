//! The types of credentials.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OAuth2;
use super::values::{Hmac, HttpBasic, HttpBearer, HttpHeader, HttpQuery, Jwt};
use crate::kinds::params::{Table, object_schema, root};

/// What kind of credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialType {
    /// A user and a password.
    HttpBasic,
    /// A bearer token.
    HttpBearer,
    /// A header of any name.
    HttpHeader,
    /// A parameter of the address.
    HttpQuery,
    /// Access that a provider grants and renews.
    #[serde(rename = "oauth2")]
    OAuth2,
    /// What webhooks are signed with.
    Hmac,
    /// What the tokens of webhooks' senders are checked with.
    Jwt,
}

/// A type, as an editor needs it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TypeDescription {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: CredentialType,
    /// What people call it.
    pub title: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// What uses it: `calls` (`http_request`) or `webhooks`.
    pub used_for: &'static str,
    /// The JSON Schema (2020-12) of its values.
    pub schema: Value,
}

impl CredentialType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::HttpBasic,
        Self::HttpBearer,
        Self::HttpHeader,
        Self::HttpQuery,
        Self::OAuth2,
        Self::Hmac,
        Self::Jwt,
    ];

    /// Its name in documents and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpBasic => "http_basic",
            Self::HttpBearer => "http_bearer",
            Self::HttpHeader => "http_header",
            Self::HttpQuery => "http_query",
            Self::OAuth2 => "oauth2",
            Self::Hmac => "hmac",
            Self::Jwt => "jwt",
        }
    }

    /// Whether a call can show it.
    #[must_use]
    pub const fn is_for_calls(self) -> bool {
        !matches!(self, Self::Hmac | Self::Jwt)
    }

    /// The table of its values.
    const fn table(self) -> &'static Table {
        match self {
            Self::HttpBasic => &HttpBasic::TABLE,
            Self::HttpBearer => &HttpBearer::TABLE,
            Self::HttpHeader => &HttpHeader::TABLE,
            Self::HttpQuery => &HttpQuery::TABLE,
            Self::OAuth2 => &OAuth2::TABLE,
            Self::Hmac => &Hmac::TABLE,
            Self::Jwt => &Jwt::TABLE,
        }
    }

    /// Its description.
    #[must_use]
    pub fn describe(self) -> TypeDescription {
        let (title, summary) = match self {
            Self::HttpBasic => ("User and password", "`Authorization: Basic`"),
            Self::HttpBearer => ("Bearer token", "`Authorization: Bearer`"),
            Self::HttpHeader => ("Header", "a header of any name"),
            Self::HttpQuery => ("Query parameter", "a parameter of the address"),
            Self::OAuth2 => {
                ("OAuth 2.0", "a token that a provider grants and renews, as `Authorization: Bearer`")
            }
            Self::Hmac => ("Webhook signature", "what webhooks are signed with"),
            Self::Jwt => ("Webhook token", "what the tokens (JWT) of webhooks' senders are checked with"),
        };
        let used_for = if self.is_for_calls() { "calls" } else { "webhooks" };
        TypeDescription { kind: self, title, summary, used_for, schema: root(object_schema(self.table())) }
    }
}

impl fmt::Display for CredentialType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a credential's type is one of http_basic, http_bearer, http_header, http_query, oauth2, hmac, jwt")]
pub struct UnknownType;

impl FromStr for CredentialType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownType)
    }
}
