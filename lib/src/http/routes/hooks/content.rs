//! A request's body: received, read, its files stored; and the item that the run begins with.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use files::FileStore;
use http::{StatusCode, header, request::Parts};
use serde_json::{Map, Value};

use crate::{
    hooks::{self, Admitted, Content, FilePart, HookAddress, InvalidHookBody, Part, Said},
    http::{extract::Capped, problem::ApiError, state::AppState},
    service::FoundHook,
};
use domain::{file::FileRef, ids::TenantId, items::Item, limits::MAX_HOOK_BODY_BYTES};

/// The request with its body as it came.
pub(super) async fn received(request: Request) -> Result<(Parts, Bytes), ApiError> {
    let (parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let Capped(body) = Capped::<MAX_HOOK_BODY_BYTES>::from_request(whole, &()).await?;
    Ok((parts, body))
}

/// The item of a request. Nothing is stored of one that is refused.
pub(super) async fn item(
    app: &AppState,
    hook: &FoundHook,
    (address, params): (&HookAddress, Map<String, Value>),
    (parts, body): (&Parts, &Bytes),
    admitted: &Admitted,
) -> Result<Item, ApiError> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content = hooks::read_body(kind, body).await.map_err(|error| refusal(&error))?;
    let said =
        || Said { method: &parts.method, address, params: params.clone(), headers: &parts.headers, admitted };
    // What cannot be an item is refused before its files are stored.
    hooks::item(said(), Value::Null, None).map_err(|error| refusal(&error))?;
    let storing = Storing { files: app.config.files.as_ref(), tenant: &hook.tenant };
    let raw = if hook.params.raw_body {
        Some(match std::str::from_utf8(body) {
            Ok(text) => text.into(),
            Err(_) => storing.file(FilePart::raw(kind, body)).await?,
        })
    } else {
        None
    };
    let body = storing.content(content).await?;
    hooks::item(said(), body, raw).map_err(|error| refusal(&error))
}

/// Stores the files of a body.
struct Storing<'a> {
    files: Option<&'a Arc<FileStore>>,
    tenant: &'a TenantId,
}

impl Storing<'_> {
    async fn content(&self, content: Content) -> Result<Value, ApiError> {
        Ok(match content {
            Content::Value(value) => value,
            Content::File(file) => self.file(file).await?,
            Content::Parts(parts) => {
                let mut fields = Map::new();
                for (name, part) in parts {
                    let value = match part {
                        Part::Text(text) => text.into(),
                        Part::File(file) => self.file(file).await?,
                    };
                    hooks::add(&mut fields, &name, value);
                }
                Value::Object(fields)
            }
        })
    }

    async fn file(&self, file: FilePart) -> Result<Value, ApiError> {
        let Some(files) = self.files else {
            let detail = "no files are stored here: FILES_URL is not set";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no_file_store", detail));
        };
        let FilePart { name, media_type, bytes } = file;
        let mut upload = files.upload(self.tenant);
        upload.write(bytes).await?;
        let stored = upload.finish().await?;
        Ok(FileRef { id: stored.id, name, media_type, size: stored.size }.to_value())
    }
}

fn refusal(error: &InvalidHookBody) -> ApiError {
    let (status, code) = match error {
        InvalidHookBody::Malformed(..) => (StatusCode::BAD_REQUEST, "invalid_body"),
        InvalidHookBody::Reserved => (StatusCode::UNPROCESSABLE_ENTITY, "reserved_field"),
        InvalidHookBody::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        InvalidHookBody::Charset(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_charset"),
    };
    ApiError::new(status, code, error.to_string())
}
