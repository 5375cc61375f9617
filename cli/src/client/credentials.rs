//! Credentials, as a client sees them.

use std::{collections::BTreeMap, time::Duration};

use domain::{credential::Credential, ids::CredentialId, timestamp::Timestamp};
use minireipaz::{credentials::worker::TrialResult, store::UsedBy};
use reqwest::{Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{ANSWER_TIMEOUT, Client, ClientError, Listing};

/// What is asked for below `credentials`.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'c>(pub(super) &'c Client);

/// A list without pages.
#[derive(Debug, Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

/// A type of credential, as far as a form needs it.
#[derive(Debug, Clone, Deserialize)]
pub struct TypeForm {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub summary: String,
    /// The schema of its values.
    pub schema: TypeSchema,
}

/// The schema of a type's values.
#[derive(Debug, Clone, Deserialize)]
pub struct TypeSchema {
    /// The fields, in order.
    pub properties: serde_json::Map<String, Value>,
    /// Those that must be there.
    #[serde(default)]
    pub required: Vec<String>,
}

/// A field of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeField {
    /// Its name.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether nobody may see it.
    pub secret: bool,
    /// The words that it may be, if it is a word.
    pub words: Vec<String>,
    /// Where it has a meaning: another field, and the words that it is then.
    pub only_with: BTreeMap<String, Vec<String>>,
}

impl TypeForm {
    /// Its fields, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<TypeField> {
        let words = |value: &Value| -> Vec<String> {
            let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        };
        let read = |(name, schema): (&String, &Value)| TypeField {
            name: name.clone(),
            doc: schema["description"].as_str().unwrap_or_default().to_owned(),
            required: self.schema.required.contains(name),
            secret: schema["writeOnly"] == true,
            words: words(&schema["enum"]),
            only_with: schema["x-only-with"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(other, list)| (other.clone(), words(list)))
                .collect(),
        };
        self.schema.properties.iter().map(read).collect()
    }
}

/// Where a person agrees.
#[derive(Debug, Clone, Deserialize)]
pub struct Consent {
    /// The provider's page.
    pub url: Url,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Credentials<'_> {
    /// `GET /credentials`.
    ///
    /// # Errors
    /// As for every request: [`ClientError`].
    pub async fn list(&self, limit: u32, cursor: Option<&str>) -> Result<Listing<Credential>, ClientError> {
        self.0.json(self.0.page("credentials", limit, cursor)).await
    }

    /// `GET /credentials/{id}`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn get(&self, id: CredentialId) -> Result<Credential, ClientError> {
        self.0.json(self.0.request(Method::GET, &format!("credentials/{id}"))).await
    }

    /// `GET /credentials/types`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn types(&self) -> Result<Vec<TypeForm>, ClientError> {
        let types: Items<TypeForm> = self.0.json(self.0.request(Method::GET, "credentials/types")).await?;
        Ok(types.items)
    }

    /// `POST /credentials`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn create(&self, credential: &Value) -> Result<Credential, ClientError> {
        self.0.json(self.0.request(Method::POST, "credentials").json(credential)).await
    }

    /// `PUT /credentials/{id}`, when `version` is still the newest.
    ///
    /// # Errors
    /// As for every request.
    pub async fn change(
        &self,
        id: CredentialId,
        version: u32,
        change: &Value,
    ) -> Result<Credential, ClientError> {
        let request = self
            .0
            .request(Method::PUT, &format!("credentials/{id}"))
            .header(header::IF_MATCH, format!("\"{version}\""));
        self.0.json(request.json(change)).await
    }

    /// `DELETE /credentials/{id}`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn delete(&self, id: CredentialId, force: bool) -> Result<(), ClientError> {
        let request = self.0.request(Method::DELETE, &format!("credentials/{id}"));
        self.0.send(request.query(&[("force", force)])).await.map(drop)
    }

    /// `GET /credentials/{id}/used_by`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn used_by(&self, id: CredentialId) -> Result<Vec<UsedBy>, ClientError> {
        let used: Items<UsedBy> =
            self.0.json(self.0.request(Method::GET, &format!("credentials/{id}/used_by"))).await?;
        Ok(used.items)
    }

    /// `POST /credentials/{id}/test`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn test(&self, id: CredentialId, url: Option<&Url>) -> Result<TrialResult, ClientError> {
        let request = self.0.request(Method::POST, &format!("credentials/{id}/test"));
        self.0
            .json(request.json(&json!({ "url": url })).timeout(ANSWER_TIMEOUT + Duration::from_secs(5)))
            .await
    }

    /// `POST /credentials/{id}/authorize`.
    ///
    /// # Errors
    /// As for every request.
    pub async fn authorize(&self, id: CredentialId) -> Result<Consent, ClientError> {
        self.0.json(self.0.request(Method::POST, &format!("credentials/{id}/authorize"))).await
    }
}
