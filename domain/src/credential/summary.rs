//! A credential as people see it: without its values.

use serde::{Deserialize, Serialize};

use super::{CredentialType, Hosts};
use crate::{
    ids::{CredentialId, TenantId},
    timestamp::Timestamp,
};

/// Whose credential, and which.
pub type CredentialKey = (TenantId, CredentialId);

/// A credential without its values, which nobody sees again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Credential {
    /// Its id, by which workflows name it.
    pub id: CredentialId,
    /// What people call it.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: CredentialType,
    /// The hosts to which it may be shown; none: all.
    #[schema(value_type = Vec<String>)]
    pub hosts: Hosts,
    /// 1, 2, …: the `ETag`. Every change makes another one.
    pub version: u32,
    /// Whether it can be used.
    pub status: CredentialStatus,
    /// The id of the key (`CREDENTIAL_KEYS`) that its values are sealed with.
    pub key: String,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When this version was saved.
    pub updated_at: Timestamp,
}

/// Whether a credential can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialStatus {
    /// It can.
    Ready,
    /// A person has to agree at the provider first, or once more: it has refused to renew the access.
    NeedsConsent,
}
