//! What a call shows of a credential.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::credential::{CredentialKey, CredentialValues, Hosts};
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use minireipaz::{
    credentials::{OpenCredential, Tokens},
    telemetry::redact::{Redactor, Secrets},
};
use url::{Url, form_urlencoded};

use super::CredentialFailure;

/// A credential as a call shows it, and what keeps it out of what is told of the call.
pub(crate) struct Shown {
    key: CredentialKey,
    hosts: Hosts,
    what: What,
    secrets: Vec<Secret>,
    redactor: Redactor,
    token: Option<String>,
}

enum What {
    Header(HeaderName, HeaderValue),
    Query(String, String),
}

/// A value that must not be told, as its place calls it.
enum Secret {
    Value(String),
    Named(String, String),
    Login(String, String),
}

impl Shown {
    /// What a call shows; `tokens` are those of OAuth 2.0.
    pub(super) fn of(open: &OpenCredential, tokens: Option<&Tokens>) -> Result<Self, CredentialFailure> {
        let id = open.key.1;
        let header = |name: HeaderName, value: &str| {
            let mut value = HeaderValue::from_str(value).map_err(|_| CredentialFailure::unsendable(id))?;
            // Such headers stay with their origin.
            value.set_sensitive(true);
            Ok::<_, CredentialFailure>(What::Header(name, value))
        };
        let owned = str::to_owned;
        let (what, secrets) = match (&open.values, tokens) {
            (CredentialValues::HttpBasic(basic), _) => {
                let (user, password) = (basic.username.as_str(), basic.password.as_str());
                let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
                let secrets = vec![Secret::Login(owned(user), owned(password)), Secret::Value(pair.clone())];
                (header(AUTHORIZATION, &format!("Basic {pair}"))?, secrets)
            }
            (CredentialValues::HttpBearer(bearer), _) => {
                let token = bearer.token.as_str();
                (header(AUTHORIZATION, &format!("Bearer {token}"))?, vec![Secret::Value(owned(token))])
            }
            (CredentialValues::HttpHeader(own), _) => {
                let (name, value) = (own.name.as_str(), own.value.as_str());
                let named = HeaderName::from_bytes(name.as_bytes());
                let named = named.map_err(|_| CredentialFailure::unsendable(id))?;
                let mut secrets = vec![Secret::Named(named.as_str().to_owned(), owned(value))];
                // `Token x`: the scheme is no secret, what follows it is one by itself.
                secrets.extend(value.split_once(' ').map(|(_, rest)| Secret::Value(owned(rest))));
                (header(named, value)?, secrets)
            }
            (CredentialValues::HttpQuery(own), _) => {
                let (name, value) = (owned(own.name.as_str()), owned(own.value.as_str()));
                (What::Query(name.clone(), value.clone()), vec![Secret::Named(name, value)])
            }
            (CredentialValues::OAuth2(client), Some(tokens)) => {
                let more =
                    [client.client_secret.as_ref().map(|it| it.as_str()), tokens.refresh_token.as_deref()];
                let all = [Some(&*tokens.access_token)].into_iter().chain(more).flatten();
                let secrets = all.map(|text| Secret::Value(owned(text))).collect();
                (header(AUTHORIZATION, &format!("Bearer {}", tokens.access_token))?, secrets)
            }
            (CredentialValues::OAuth2(_) | CredentialValues::Hmac(_) | CredentialValues::Jwt(_), _) => {
                return Err(CredentialFailure::of_type(id, open.values.kind().as_str()));
            }
        };
        let token = tokens.map(|tokens| tokens.access_token.clone());
        let mut all = Secrets::default();
        secrets.iter().for_each(|secret| secret.add_to(&mut all));
        Ok(Self {
            key: open.key.clone(),
            hosts: open.hosts.clone(),
            what,
            secrets,
            redactor: all.redactor(),
            token,
        })
    }

    /// Adds it to a request, in the place of a header or a parameter of its name.
    pub(crate) fn add_to(&self, url: &mut Url, headers: &mut HeaderMap) -> Result<(), CredentialFailure> {
        if !self.hosts.allow(url) {
            return Err(CredentialFailure::of_host(self.key.1, url, &self.hosts));
        }
        match &self.what {
            What::Header(name, value) => {
                headers.insert(name, value.clone());
            }
            What::Query(name, value) => {
                let others: Vec<(String, String)> = url
                    .query_pairs()
                    .filter(|(other, _)| other != name)
                    .map(|(a, b)| (a.into(), b.into()))
                    .collect();
                let given = url.query_pairs().count();
                if others.len() < given {
                    let kept = form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
                    url.set_query(Some(&kept).filter(|kept| !kept.is_empty()).map(String::as_str));
                }
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        Ok(())
    }

    /// Notes what must not be told.
    pub(crate) fn tell_secrets(&self, secrets: &mut Secrets) {
        self.secrets.iter().for_each(|secret| secret.add_to(secrets));
    }

    /// What keeps it out of what leaves the step.
    pub(crate) const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Leaves it out of the headers of an answer.
    pub(crate) fn clean(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            let Ok(text) = value.to_str() else { continue };
            if let Cow::Owned(told) = self.redactor.text(text)
                && let Ok(told) = HeaderValue::from_str(&told)
            {
                *value = told;
            }
        }
    }

    pub(crate) const fn key(&self) -> &CredentialKey {
        &self.key
    }

    /// The access token of OAuth 2.0, which may be renewed.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl Secret {
    fn add_to(&self, secrets: &mut Secrets) {
        match self {
            Self::Value(value) => secrets.add(value),
            Self::Named(name, value) => secrets.named(name, value),
            Self::Login(user, password) => secrets.login(user, password),
        }
    }
}

/// Without what is shown.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("key", &self.key).finish_non_exhaustive()
    }
}
