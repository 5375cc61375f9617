//! What people save of a credential.

use std::fmt;

use domain::{
    credential::{CredentialType, CredentialValues, Hosts},
    limits::{self, MAX_CREDENTIAL_HOSTS, MAX_CREDENTIAL_NAME},
    violation::{Violation, ViolationCode as Code, Violations},
};
use serde_json::{Map, Value};

use super::CredentialError;

/// A credential that is to be saved.
#[derive(Clone)]
pub struct NewCredential {
    /// What people call it.
    pub name: String,
    /// Its type.
    pub kind: CredentialType,
    /// Where it may be shown; none: everywhere.
    pub hosts: Hosts,
    /// What it says.
    pub values: Map<String, Value>,
}

/// What is to be different; the rest stays.
#[derive(Clone, Default)]
pub struct CredentialChange {
    /// What people call it.
    pub name: Option<String>,
    /// Where it may be shown.
    pub hosts: Option<Hosts>,
    /// What it says: all of its values.
    pub values: Option<Map<String, Value>>,
}

impl NewCredential {
    /// The values, if all is valid.
    pub(super) fn check(&self) -> Result<CredentialValues, CredentialError> {
        let read = CredentialValues::read(self.kind, &self.values);
        together(check_around(Some(&self.name), Some(&self.hosts)), read.map(Some))
            .and_then(|values| values.ok_or(CredentialError::Unwritable))
    }
}

impl CredentialChange {
    /// The values, if there are any and all is valid.
    pub(super) fn check(&self, kind: CredentialType) -> Result<Option<CredentialValues>, CredentialError> {
        let read = self.values.as_ref().map(|values| CredentialValues::read(kind, values)).transpose();
        together(check_around(self.name.as_deref(), self.hosts.as_ref()), read)
    }
}

fn check_around(name: Option<&str>, hosts: Option<&Hosts>) -> Vec<Violation> {
    let mut violations = Violations::new();
    if let Some(name) = name {
        let length = name.chars().count();
        if name.trim().is_empty() || name.contains(char::is_control) {
            let message = "a credential's name has a character at least, and no line breaks or other control characters";
            violations.add("name", Code::InvalidValue, message);
        } else if length > MAX_CREDENTIAL_NAME {
            let message = limits::above(length, "characters", MAX_CREDENTIAL_NAME, "MAX_CREDENTIAL_NAME");
            violations.add("name", Code::Limit, message);
        }
    }
    if let Some(count) = hosts.map(|hosts| hosts.0.len()).filter(|count| *count > MAX_CREDENTIAL_HOSTS) {
        let message = limits::above(count, "hosts", MAX_CREDENTIAL_HOSTS, "MAX_CREDENTIAL_HOSTS");
        violations.add("hosts", Code::Limit, message);
    }
    violations.into_vec()
}

fn together(
    mut around: Vec<Violation>,
    read: Result<Option<CredentialValues>, Vec<Violation>>,
) -> Result<Option<CredentialValues>, CredentialError> {
    match read {
        Ok(values) if around.is_empty() => Ok(values),
        read => {
            around.extend(read.err().unwrap_or_default());
            Err(CredentialError::Invalid(around))
        }
    }
}

/// Without what it says.
impl fmt::Debug for NewCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCredential")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CredentialChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialChange").field("name", &self.name).finish_non_exhaustive()
    }
}
