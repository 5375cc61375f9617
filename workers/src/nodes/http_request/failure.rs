//! A call that failed, in the words of a step's error.

use std::{error::Error as StdError, io, time::Duration};

use domain::{duration::HumanDuration, retry::Failure, run::NodeError};
use files::FilesError;
use http::StatusCode;
use minireipaz::{
    fair::{PlaceLimits, TooManyWait},
    telemetry::redact::{REDACTED, Redactor, is_secret},
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    answer::{Answer, value_text},
    used::Used,
};
use crate::{credentials::CredentialFailure, expr::keep_out, http_client::Blocked, step::timeout_error};

/// How much of a refusing answer's body an error keeps, in bytes.
const SHOWN: usize = 2 * 1024;

/// The code of an error that is an answer with a status that is not accepted.
const HTTP_STATUS: &str = "http_status";

/// The code of an error that is the file store's, and not that of who is called.
const FILE_STORE: &str = "file_store";

/// A failed call.
#[derive(Debug, Clone)]
pub(super) struct CallFailure {
    pub(super) error: Box<NodeError>,
    pub(super) failure: Failure,
}

impl CallFailure {
    pub(super) fn permanent(code: &str, message: impl Into<String>) -> Self {
        Self::new(code, message, Failure::Permanent)
    }

    pub(super) fn new(code: &str, message: impl Into<String>, failure: Failure) -> Self {
        Self { error: Box::new(NodeError::new(code, message)), failure }
    }

    pub(super) fn blocked(blocked: &Blocked) -> Self {
        Self::permanent("address_blocked", blocked.to_string())
    }

    /// The destination keeps failing.
    pub(super) fn rejected(url: &Url, retry_after: Duration) -> Self {
        let message = format!(
            "{} was not called: its last calls failed; it is tried again in {} ms",
            url.origin().ascii_serialization(),
            retry_after.as_millis()
        );
        Self::new("rejected", message, Failure::Rejected { retry_after: Some(retry_after) })
    }

    /// Other calls to the same host held all places that the tenant may have.
    pub(super) fn no_place(what: &str, limits: PlaceLimits) -> Self {
        let PlaceLimits { places, share, .. } = limits;
        let message = format!(
            "{what} waited for other calls to the same host until the node's time limit and was not made: at most \
             {places} calls to a host are under way at a time, at most {share} of one tenant; call it more slowly"
        );
        Self::new("timeout", message, Failure::Timeout)
    }

    /// More of the tenant's calls wait for the same host than may.
    pub(super) fn too_many_wait(what: &str, why: TooManyWait) -> Self {
        let message = format!("{what} was not made: calls to the same host: {why}");
        Self::new("host_busy", message, Failure::RateLimited { retry_after: None })
    }

    pub(super) fn timeout(what: &str) -> Self {
        Self::new("timeout", format!("{what}: no answer within the node's time limit"), Failure::Timeout)
    }

    /// A pause that would not be over before the attempt's time is up. The next attempt begins no sooner than it would
    /// have been.
    pub(super) fn pause_too_long(pause: Duration, limit: Duration) -> Self {
        let (shown, limit) = (HumanDuration(pause), HumanDuration(limit));
        let message = format!(
            "the pause of {shown} would end behind the node's time limit of {limit}; what is done is kept, and the next \
             attempt goes on behind it; raise `timeout`"
        );
        Self::new("timeout", message, Failure::RateLimited { retry_after: Some(pause) })
    }

    /// The attempt's time is up between two calls.
    pub(super) fn out_of_time(limit: Duration) -> Self {
        Self { error: timeout_error(limit).into(), failure: Failure::Timeout }
    }

    /// The file store does not give or take a file.
    pub(super) fn of_files(what: &str, error: &FilesError) -> Self {
        let (code, failure) = match error {
            FilesError::NotFound { .. } => ("file_not_found", Failure::Permanent),
            FilesError::TooLarge => ("response_too_large", Failure::Permanent),
            FilesError::NoRange { .. } | FilesError::Unavailable(_) => {
                tracing::warn!(?error, "the file store failed");
                (FILE_STORE, Failure::Server { retry_after: None })
            }
        };
        Self::new(code, format!("{what}: {error}"), failure)
    }

    /// Files are asked for, and there is no store.
    pub(super) fn no_file_store(what: &str) -> Self {
        let message = format!(
            "{what}: this worker stores no files: let the operator set FILES_URL, or leave `file` out of `response.format` \
             and `body`"
        );
        Self::permanent("no_file_store", message)
    }

    /// A credential cannot be shown.
    pub(super) fn of_credential(failed: CredentialFailure) -> Self {
        let CredentialFailure { error, failure } = failed;
        Self { error, failure }
    }

    /// The status of the answer that made it one.
    pub(super) fn status(&self) -> Option<StatusCode> {
        let details = self.error.details.as_ref().filter(|_| self.error.code == HTTP_STATUS)?;
        let status = details.get("status")?.as_u64()?;
        StatusCode::from_u16(status.try_into().ok()?).ok()
    }

    /// Whether it is the file store's, and nobody else's.
    pub(super) fn is_of_files(&self) -> bool {
        &*self.error.code == FILE_STORE
    }

    /// Says of which page it is; the first one's failures are those of any call.
    pub(super) fn of_page(mut self, number: usize) -> Self {
        if number > 1 {
            self.error.message.insert_str(0, &format!("page {number}: "));
        }
        self
    }

    /// What the client says of a request or of an answer that broke off.
    pub(super) fn of_client(what: &str, error: &reqwest::Error) -> Self {
        let mut said: Vec<String> = Vec::new();
        let mut garbled = false;
        let mut source: Option<&(dyn StdError + 'static)> = error.source();
        while let Some(inner) = source {
            if let Some(blocked) = inner.downcast_ref::<Blocked>() {
                return Self::blocked(blocked);
            }
            if let Some(error) = inner.downcast_ref::<FilesError>() {
                return Self::of_files(what, error);
            }
            // The client calls everything that goes wrong with a body "decode", a cut connection too.
            garbled |= inner.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
            });
            let text = inner.to_string();
            if said.last() != Some(&text) {
                said.push(text);
            }
            source = inner.source();
        }
        let said = if said.is_empty() { "the request failed".to_owned() } else { said.join(": ") };
        let (code, failure) = if error.is_builder() {
            ("invalid_request", Failure::Permanent)
        } else if error.is_timeout() && !error.is_connect() {
            ("timeout", Failure::Timeout)
        } else if error.is_decode() && garbled {
            ("invalid_response", Failure::Permanent)
        } else {
            ("connection", Failure::Connection)
        };
        Self::new(code, format!("{what}: {said}"), failure)
    }

    /// An answer with a status that the node does not accept.
    pub(super) fn of_status(
        what: &str,
        redactor: &Redactor,
        answer: &Answer,
        retry_after: Option<Duration>,
    ) -> Self {
        let status = answer.status;
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        let mut details = json!({
            "status": status.as_u16(),
            "headers": headers(&answer.headers),
            "body": shown(answer, redactor),
        });
        if let Some(retry_after) = retry_after {
            details["retry_after_ms"] = json!(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX));
        }
        // A status below 400 that is not accepted is the author's rule, and no reason to try again.
        let failure = Failure::of_status(status.as_u16(), retry_after).unwrap_or(Failure::Permanent);
        let error = NodeError::new(HTTP_STATUS, format!("{what} answered {}{reason}", status.as_u16()));
        Self { error: Box::new(error.with_details(details)), failure }
    }

    /// Says which host was called, so that what keeps happening there is seen as one thing.
    pub(super) fn at(mut self, url: &Url) -> Self {
        if let Some(host) = url.host_str() {
            let details = self.error.details.get_or_insert_with(|| json!({}));
            if let Some(details) = details.as_object_mut() {
                details.entry("host").or_insert_with(|| host.into());
            }
        }
        self
    }

    /// The same without the secrets that the call used, wherever they got into it: servers repeat what they were sent.
    pub(super) fn without(mut self, used: &Used<'_>) -> Self {
        keep_out(used.redactor(), &mut self.error);
        self
    }

    /// Tells also why the answer's body is not whole.
    pub(super) fn with_cut(mut self, cut: Option<Self>) -> Self {
        if let (Some(cut), Some(details)) = (cut, &mut self.error.details) {
            details["body_error"] = cut.error.message.into();
        }
        self
    }
}

/// A request in an error: no query and no user, where secrets may be.
pub(super) fn describe(method: &str, url: &Url) -> String {
    format!("{method} {}{}", url.origin().ascii_serialization(), url.path())
}

/// Headers as data: names in small letters, several values joined, without those whose names say that they are secret.
pub(super) fn headers(headers: &http::HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys() {
        let value = if is_secret(name.as_str()) {
            REDACTED.to_owned()
        } else {
            let values = headers.get_all(name).iter().map(|value| value_text(value.as_bytes()));
            values.collect::<Vec<_>>().join(", ")
        };
        map.insert(name.as_str().to_owned(), Value::String(value));
    }
    map
}

/// The beginning of an answer's body, as errors show it. What is cut off must not be a secret's end: its beginning
/// would not be found any more.
pub(super) fn shown(answer: &Answer, redactor: &Redactor) -> Value {
    let text = answer.text().text;
    if text.len() <= SHOWN
        && let Ok(Some(mut json)) = minireipaz::text::json(&text)
    {
        redactor.json(&mut json);
        return json;
    }
    let mut shown = redactor.head(&text, SHOWN).into_owned();
    if text.len() > SHOWN {
        shown.push('…');
    }
    Value::String(shown)
}
