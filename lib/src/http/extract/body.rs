//! Request bodies: capped, JSON, and read into what a use case takes.

use std::{borrow::Cow, error::Error as _, io, time::Duration};

use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{
    super::problem::ApiError,
    document,
    pins::PinsSchema,
    shape::{self, Fields, Shape},
};
use crate::{service::TestRun, text};
use domain::{
    ids::NodeId,
    limits,
    measure::input_bytes,
    run::{Extent, Pins},
    violation::{Violation, ViolationCode, Violations},
    workflow::WorkflowDocument,
};

/// How much of a body that is too large is still read and thrown away. A client that is cut off in the middle of
/// sending often does not see the answer.
const DRAINED: usize = 8 * limits::MAX_BODY_BYTES;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// Below this size no body can hold an input above its limit, however it is written.
const SURELY_SMALL: usize = limits::MAX_INPUT_BYTES / 16;

/// A body of at most `LIMIT` bytes.
#[derive(Debug)]
pub struct Capped<const LIMIT: usize>(pub Bytes);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for Capped<LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING)
            && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
        {
            let detail = "compressed bodies are not taken; send it without Content-Encoding";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail));
        }
        let mut body = request.into_body().into_data_stream();
        let mut collected = Collected::default();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(cut_off)?;
            if collected.len() + chunk.len() > LIMIT {
                // Whether it is drained does not matter: the answer is the same.
                let _ = tokio::time::timeout(DRAIN_TIME, drain(body)).await;
                let name = match LIMIT {
                    limits::MAX_BODY_BYTES => " (MAX_BODY_BYTES)",
                    limits::MAX_HOOK_BODY_BYTES => " (MAX_HOOK_BODY_BYTES)",
                    _ => "",
                };
                let detail = format!("the body is above the limit of {LIMIT} bytes{name}");
                return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
            }
            collected.add(chunk);
        }
        Ok(Self(collected.into_bytes()))
    }
}

fn cut_off(error: axum::Error) -> ApiError {
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    let slow = causes.find_map(|cause| {
        let cause = cause.downcast_ref::<io::Error>()?;
        (cause.kind() == io::ErrorKind::TimedOut).then(|| cause.to_string())
    });
    match slow {
        // It may be sent again. (408 would say so, too, but not every connector repeats after a 4xx.)
        Some(detail) => ApiError::unavailable("body_too_slow", detail, Duration::from_secs(1)),
        None => {
            let detail = "the body ended before it was complete";
            ApiError::new(StatusCode::BAD_REQUEST, "body_cut_off", detail)
        }
    }
    .caused_by(error)
}

/// A body so far. Most come in one piece, which is then used as it is.
#[derive(Default)]
struct Collected {
    first: Bytes,
    all: BytesMut,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn add(&mut self, chunk: Bytes) {
        if self.first.is_empty() {
            self.first = chunk;
        } else {
            if self.all.is_empty() {
                self.all.extend_from_slice(&self.first);
            }
            self.all.extend_from_slice(&chunk);
        }
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

async fn drain<E>(mut body: impl Stream<Item = Result<Bytes, E>> + Unpin) {
    let mut left = DRAINED;
    while let Some(Ok(chunk)) = body.next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            break;
        }
    }
}

/// A body that says it is JSON, as UTF-8, or none: a blank one is as good as none.
#[derive(Debug)]
pub(super) struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let json = says_json(request.headers());
        let charset = charset(request.headers())?;
        let Capped(bytes) = Capped::<{ limits::MAX_BODY_BYTES }>::from_request(request, state).await?;
        let bytes = in_utf8(&bytes, charset.as_deref())?;
        if json || bytes.is_empty() {
            return Ok(Self(bytes));
        }
        let detail = "send the body as JSON, with `Content-Type: application/json`";
        Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
    }
}

/// The character set that the client says it used.
fn charset(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text::charset(kind) {
        Some(label) if !text::is_known(label) => {
            let detail = format!("the character set {label:?} is not known; send the body as UTF-8");
            Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_charset", detail))
        }
        label => Ok(label.map(str::to_owned)),
    }
}

/// The text in UTF-8, without its byte order mark. Most texts are so already.
fn in_utf8(bytes: &Bytes, charset: Option<&str>) -> Result<Bytes, ApiError> {
    let read = text::decode(bytes, charset);
    if !read.whole {
        let detail = format!("the body is not text in {}: send it as UTF-8", read.charset);
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", detail));
    }
    if read.text.trim_ascii().is_empty() {
        return Ok(Bytes::new());
    }
    Ok(match read.text {
        Cow::Borrowed(text) => bytes.slice_ref(text.as_bytes()),
        Cow::Owned(text) => text.into(),
    })
}

fn says_json(headers: &HeaderMap) -> bool {
    let Some(Ok(kind)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let kind = text::media_type(kind);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// A workflow document.
#[derive(Debug)]
pub struct WorkflowBody(pub WorkflowDocument);

impl<S: Send + Sync> FromRequest<S> for WorkflowBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        document::workflow(&bytes).map(Self)
    }
}

/// A body that may be missing or `null`, and how many bytes it has.
pub(super) async fn optional<T: Shape + Default, S: Send + Sync>(
    request: Request,
    state: &S,
    misfit: fn(Vec<Violation>) -> ApiError,
) -> Result<(T, usize), ApiError> {
    let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
    let body = match bytes.as_ref() {
        [] => T::default(),
        bytes => match document::json(bytes)? {
            Value::Null => T::default(),
            value => shape::read(value).map_err(misfit)?,
        },
    };
    Ok((body, bytes.len()))
}

/// What starts a run: `{"input": …, "version": …}`, or nothing.
///
/// With any of the other fields it is a test run: its trigger is of the kind `test`, it counts in no statistics, and the workflow need not be active.
#[derive(Debug, Default, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartBody {
    /// An object, or a list of objects, which become one item each; missing: one empty item.
    #[serde(default)]
    #[schema(value_type = Option<InputSchema>)]
    pub input: Value,
    /// The version of the workflow that the run is to have; missing: the newest.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub version: Option<u32>,
    /// A document that is run instead of a saved version; it is checked as if it were saved.
    #[serde(default)]
    pub document: Option<WorkflowDocument>,
    /// The one node that is executed. The pins of the nodes before it are its input; without any, `input` is.
    #[serde(default)]
    pub only: Option<NodeId>,
    /// The last node that is executed: it, and all that it depends on. Nodes that only lead to pinned ones are skipped.
    #[serde(default)]
    pub until: Option<NodeId>,
    /// The trigger node that gives the input, of any kind; missing: the first that leads to what is tested.
    #[serde(default)]
    pub trigger: Option<NodeId>,
    /// Outputs of nodes that are not executed, by node. They count as input (`MAX_INPUT_BYTES`).
    #[serde(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, PinsSchema>>)]
    pub pins: Option<Pins>,
}

impl StartBody {
    /// The input, the version, and what makes it a test run, if it is one.
    #[must_use]
    pub fn into_parts(self) -> (Value, Option<u32>, Option<TestRun>) {
        let Self { input, version, document, only, until, trigger, pins } = self;
        let extent = match (only, until) {
            (Some(node), _) => Extent::Only(node),
            (None, Some(node)) => Extent::Until(node),
            (None, None) => Extent::All,
        };
        let is_test = document.is_some() || trigger.is_some() || pins.is_some() || extent != Extent::All;
        let test = TestRun { document, extent, trigger, pins: pins.unwrap_or_default() };
        (input, version, is_test.then_some(test))
    }
}

/// What a run takes as its input.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only describes")]
pub(super) enum InputSchema {
    /// One item.
    Item(std::collections::BTreeMap<String, Value>),
    /// Items.
    Items(Vec<std::collections::BTreeMap<String, Value>>),
}

impl<S: Send + Sync> FromRequest<S> for StartBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (body, bytes) = optional::<Self, S>(request, state, super::invalid_input).await?;
        if bytes > SURELY_SMALL {
            check_size(&body.input)?;
        }
        Ok(body)
    }
}

impl Shape for StartBody {
    fn read(value: Value, at: &str, misfits: &mut Violations) -> Option<Self> {
        const HINT: &str = "send the run's input as {\"input\": …}; \"version\" beside it names the workflow's, and document, only, until, \
             trigger and pins make it a test run";
        if !value.is_object() {
            misfits.add(at, ViolationCode::InvalidType, HINT);
            return None;
        }
        let mut fields = Fields::of(value, at, misfits)?;
        let input = fields.or_default("input");
        let version = fields.optional("version");
        let document = fields.optional("document");
        let (only, until) = (fields.optional::<NodeId>("only"), fields.optional::<NodeId>("until"));
        let trigger = fields.optional("trigger");
        let pins = fields.optional("pins");
        if let (Some(Some(_)), Some(Some(_))) = (&only, &until) {
            fields.misfit("only", "`only` and `until` exclude each other; send one of them");
        }
        fields.nothing_else(HINT)?;
        Some(Self {
            input: input?,
            version: version?,
            document: document?,
            only: only?,
            until: until?,
            trigger: trigger?,
            pins: pins?,
        })
    }
}

fn check_size(input: &Value) -> Result<(), ApiError> {
    // Which item is nested too deeply, the use case tells.
    let Ok(bytes) = input_bytes(input) else { return Ok(()) };
    if bytes <= limits::MAX_INPUT_BYTES {
        return Ok(());
    }
    let message = limits::above(bytes, "bytes of compact JSON", limits::MAX_INPUT_BYTES, "MAX_INPUT_BYTES");
    let violation = Violation { path: "input".to_owned(), code: ViolationCode::Limit, message };
    Err(super::invalid_input(vec![violation]))
}
