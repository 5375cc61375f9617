//! OAuth 2.0: access that a provider grants, and renews (RFC 6749).

use serde_json::{Map, Value};

use super::values::{Endpoint, Line, SecretText};
use crate::{
    kinds::params::{At, Reader, choice, params},
    violation::ViolationCode as Code,
};

params! {
    /// A client of an OAuth 2.0 provider.
    pub struct OAuth2 {
        /// Whose access it is: `client_credentials`, the client's own, or `authorization_code`, that of a person who
        /// agrees to it (with PKCE).
        grant: Grant, [fixed];
        /// Where tokens are given (`token_endpoint`).
        token_url: Endpoint, [fixed];
        /// Where a person agrees (`authorization_endpoint`); it may have a query, such as `?access_type=offline`.
        authorize_url: Option<Endpoint>, [fixed], with grant ["authorization_code"] required;
        /// The client's id at the provider.
        client_id: Line, [fixed];
        /// Its secret. A public client has none.
        client_secret: Option<SecretText>, [fixed];
        /// How the client shows who it is: in the header (`basic`), or in the form (`body`).
        client_auth: ClientAuth = ClientAuth::Basic, [fixed];
        /// What is asked for, separated by blanks, such as `openid offline_access`.
        scope: Option<Line>, [fixed];
        /// For whom the token is, where the provider wants to know.
        audience: Option<Line>, [fixed];
    }
}

choice! {
    /// Whose access it is.
    pub enum Grant {
        /// The client's own.
        ClientCredentials = "client_credentials",
        /// A person's, who agrees to it.
        AuthorizationCode = "authorization_code",
    }
}

choice! {
    /// How a client shows who it is (RFC 6749, section 2.3.1).
    pub enum ClientAuth {
        /// `Authorization: Basic`.
        Basic = "basic",
        /// `client_id` and `client_secret` in the form.
        Body = "body",
    }
}

impl OAuth2 {
    /// As [`Self::read_object`], with what a table cannot say.
    pub(super) fn read_whole(
        values: &Map<String, Value>,
        at: &At<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<Self> {
        let read = Self::read_object(values, at, reader)?;
        if read.grant == Grant::ClientCredentials && read.client_secret.is_none() {
            let message = "`client_secret` is required with the grant `client_credentials`";
            reader.violation(&at.field("client_secret"), Code::Required, message);
            return None;
        }
        Some(read)
    }
}
