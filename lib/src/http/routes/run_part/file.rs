//! `/api/v1/runs/{id}/file`: a file that a run has stored.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{file::FileRef, ids::RunId};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::routes;

use super::super::{Problems, Routes};
use crate::{
    clock::{Clock, SystemClock},
    http::{
        extract::{Authorized, ByteRange, OfFile, RunPath, RunsRead},
        problem::ApiError,
        state::AppState,
        streamed::Streamed,
    },
    service::Until,
};

/// What a platform of functions passes on at most, with room for headers; a larger file comes from the store itself.
const MOST_HERE: u64 = 4_000_000;

/// How long an address of the store may be used: until a download has begun.
const ADDRESS_LASTS: Duration = Duration::from_secs(300);

/// No other site's page may put the file into itself.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What may stand in `filename*` as it is (RFC 8187).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The route.
#[must_use]
pub(super) fn router() -> Routes {
    Routes::new().routes(routes!(get))
}

/// A file, as a reference in an item names it.
///
/// Its bytes are given to be saved, never to be shown. A file is its tenant's, whatever run has stored it; the run must
/// be the tenant's, too. A range may be asked for. What a browser could run, such as HTML, SVG or JavaScript, is told to be
/// `application/octet-stream`. Where the file store has addresses of its own, what is larger than 4 MB is a redirect (302)
/// to one that is good for five minutes, and says the name there too (but for Azure, where the file is called by its id);
/// elsewhere it comes in pieces.
#[utoipa::path(get, path = "/api/v1/runs/{id}/file", operation_id = "getRunFile", tag = "runs", params(
    ("id" = RunId, Path, description = "The run's id."),
    ("file" = String, Query, description = "The file's id: `$file.id` of the reference.", pattern = "^[0-9a-f]{64}$"),
    ("name" = Option<String>, Query, description = "What it is to be called: `$file.name`."),
    ("type" = Option<String>, Query, description = "Its media type: `$file.type`."),
    ("Range" = Option<String>, Header, description = "One range of bytes."),
), responses(
    (status = 200, description = "The file.", content_type = "application/octet-stream"),
    (status = 206, description = "The range of it.", content_type = "application/octet-stream"),
    (status = 302, description = "Where it is."),
    (status = 304, description = "You have it."),
    (status = 416, description = "It has no such bytes.", body = crate::http::Problem, content_type = "application/problem+json"),
    Problems,
))]
async fn get(
    State(app): State<AppState>,
    who: Authorized<RunsRead>,
    RunPath(run): RunPath,
    file: OfFile,
    range: ByteRange,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(files) = &app.config.files else {
        let detail = "no files are stored here: FILES_URL is not set";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "file_not_found", detail));
    };
    let tenant = &who.caller.tenant;
    app.runs.read(&who.caller, run, Until::Exists, Duration::ZERO).await?;
    let now = SystemClock.now();
    let size = files.size(tenant, &file.id, now).await?;
    let etag = format!("\"{}\"", file.id);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let range = range.if_is(&headers, &etag).of(size)?;
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    let disposition = disposition(&file.name);
    let wanted = (method.clone(), disposition.as_str());
    if length > MOST_HERE
        && let Some(address) = files.address(tenant, &file.id, wanted, ADDRESS_LASTS).await?
    {
        return Ok((StatusCode::FOUND, [(header::LOCATION, String::from(address))]).into_response());
    }
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(files.read(tenant, &file.id, range.clone(), now).await?.bytes)
    };
    let mut response = (status, body).into_response();
    response.extensions_mut().insert(Streamed);
    let told = response.headers_mut();
    let mut tell = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            told.insert(name, value);
        }
    };
    tell(header::CONTENT_TYPE, passive(&file.media_type));
    tell(header::CONTENT_LENGTH, &length.to_string());
    tell(header::CONTENT_DISPOSITION, &disposition);
    tell(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    tell(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    tell(CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
    tell(header::ACCEPT_RANGES, "bytes");
    tell(header::ETAG, &etag);
    if let Some(range) = range {
        tell(header::CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    Ok(response)
}

/// The type as it is told: what a browser may run, or look into for what it may run, is bytes to it. Who asked knows the
/// file's type.
fn passive(media_type: &str) -> &str {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, sub) = essence.split_once('/').unwrap_or_default();
    let is_xml = ["xml", "xsl"].contains(&sub) || sub.ends_with("+xml");
    let runs = is_xml || sub.contains("html") || sub.contains("script");
    if runs || matches!(kind, "multipart" | "message") { FileRef::NO_TYPE } else { media_type }
}

/// To be saved under that name (RFC 6266): once for everybody, once for who reads `filename*`.
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%');
    let ascii: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name, PLAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_may_run_is_bytes_to_it() {
        for (said, told) in [
            ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
            ("image/png", "image/png"),
            ("application/json", "application/json"),
            ("application/pdf", "application/pdf"),
            (
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
            ("Text/HTML", FileRef::NO_TYPE),
            ("text/html ; charset=utf-8", FileRef::NO_TYPE),
            ("application/xhtml+xml", FileRef::NO_TYPE),
            ("image/svg+xml", FileRef::NO_TYPE),
            ("text/xml", FileRef::NO_TYPE),
            ("text/xsl", FileRef::NO_TYPE),
            ("application/x-javascript", FileRef::NO_TYPE),
            ("text/ecmascript", FileRef::NO_TYPE),
            ("multipart/x-mixed-replace", FileRef::NO_TYPE),
            ("message/rfc822", FileRef::NO_TYPE),
        ] {
            assert_eq!(passive(said), told, "{said}");
        }
    }

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(
            disposition("100%\\\u{e9}\u{1f600}\r\nX: 1"),
            "attachment; filename=\"100______X: 1\"; filename*=UTF-8''100%25%5C%C3%A9%F0%9F%98%80%0D%0AX%3A%201"
        );
        assert_eq!(
            disposition("größe \"L\".csv"),
            "attachment; filename=\"gr__e _L_.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%22L%22.csv"
        );
    }
}
