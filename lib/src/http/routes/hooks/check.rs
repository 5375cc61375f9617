//! Whether a request to a hook may start a run, and what it is recognised by.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, request::Parts};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    hooks::{self, Admitted, HookSecretsError, NotAdmitted, NotSigned, Scheme},
    http::{problem::ApiError, state::AppState},
    service::{Delivered, FoundHook, IdempotencyKey},
};
use domain::kinds::webhook::AuthKind;

/// The header by which clients name their requests.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Who sends a request, if the hook asks.
pub(super) async fn caller(
    app: &AppState,
    hook: &FoundHook,
    headers: &HeaderMap,
) -> Result<Admitted, ApiError> {
    let Some(auth) = &hook.params.auth else { return Ok(Admitted::default()) };
    let secrets = app.hooks.secrets(hook, auth.credential).await.map_err(secrets_error)?;
    hooks::admit(auth.kind, &secrets, headers, app.hooks.now()).map_err(|error| refusal(auth.kind, &error))
}

/// Whether it is signed, if the hook asks; and what it is recognised by when it is sent again.
pub(super) async fn signature(
    app: &AppState,
    hook: &FoundHook,
    (parts, body): (&Parts, &Bytes),
    admitted: &Admitted,
) -> Result<Option<Delivered>, ApiError> {
    let headers = &parts.headers;
    let Some(signature) = &hook.params.signature else { return named((parts, body), admitted) };
    let secrets = app.hooks.secrets(hook, signature.credential).await.map_err(secrets_error)?;
    let secret = hooks::field(&secrets, "secret").map_err(|error| unusable(&error))?;
    let scheme = Scheme::of(signature);
    let signed = hooks::verify(&scheme, &[secret], headers, body, app.hooks.now());
    let signed = signed.map_err(|error| {
        let code = match error {
            NotSigned::Missing => "signature_missing",
            NotSigned::OutOfTime => "signature_expired",
            NotSigned::Wrong => "signature_invalid",
            NotSigned::Secret => return unusable(&error),
        };
        ApiError::new(StatusCode::UNAUTHORIZED, code, error.to_string())
    })?;
    Ok(Some(Delivered { name: signed.delivery, within: signed.only_lately.then_some(scheme.tolerance) }))
}

/// What a client calls its request. The name alone is nobody's secret, and whoever repeats a request is told what was
/// answered: so it is the same one only with the same address, body and caller.
fn named((parts, body): (&Parts, &Bytes), admitted: &Admitted) -> Result<Option<Delivered>, ApiError> {
    let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| text.parse::<IdempotencyKey>().ok());
    let key =
        key.ok_or_else(|| ApiError::parameter("Idempotency-Key", "has 1 to 255 visible ASCII characters"))?;
    let claim =
        |name: &str| admitted.claims.as_ref().and_then(|claims| claims.get(name)).map(Value::to_string);
    let (issuer, subject) = (claim("iss").unwrap_or_default(), claim("sub").unwrap_or_default());
    let mut hash = Sha256::new();
    for part in [
        parts.method.as_str().as_bytes(),
        parts.uri.to_string().as_bytes(),
        issuer.as_bytes(),
        subject.as_bytes(),
        &body[..],
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let request = BASE64_STANDARD.encode(hash.finalize());
    Ok(Some(Delivered { name: format!("key {} of {request}", key.as_str()), within: None }))
}

fn refusal(kind: AuthKind, error: &NotAdmitted) -> ApiError {
    let code = match error {
        NotAdmitted::Credential(_) => return unusable(error),
        NotAdmitted::Refused(_) => "hook_unauthorized",
        NotAdmitted::Token(_) => "token_invalid",
    };
    let refusal = ApiError::new(StatusCode::UNAUTHORIZED, code, error.to_string());
    match NotAdmitted::challenge(kind) {
        Some(challenge) => refusal.with_challenge(challenge),
        None => refusal,
    }
}

/// The workflow's author has to mend it; who calls learns no more than that.
fn unusable(error: &dyn std::error::Error) -> ApiError {
    let detail = "this webhook cannot check its callers: its credential is missing or cannot be used";
    let cause = std::io::Error::other(error.to_string());
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "hook_misconfigured", detail).caused_by(cause)
}

fn secrets_error(error: HookSecretsError) -> ApiError {
    match error {
        HookSecretsError::Unavailable(_) => {
            let detail = "callers cannot be checked now; try again";
            ApiError::unavailable("credentials_unavailable", detail, std::time::Duration::from_secs(2))
                .caused_by(error)
        }
        error => unusable(&error),
    }
}
