//! An answer that becomes a file: it is stored as it comes, never whole in memory.

use domain::{
    file::{FileRef, safe_name},
    limits::MAX_FILE_BYTES,
    retry::Failure,
};
use files::FilesError;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{answer::value_text, call::Caller, failure::CallFailure, read};
use crate::{
    crash_points::{CrashPoint, pass},
    files::{Counted, NotCounted},
    http_client::Pace,
};

/// Stores the body of the answer to `what`, which came from `url`.
pub(super) async fn store(
    caller: &Caller<'_>,
    response: &mut Response,
    url: &Url,
    what: &str,
) -> Result<FileRef, CallFailure> {
    let files = caller.files.ok_or_else(|| CallFailure::no_file_store(what))?;
    let of_files = |error| CallFailure::of_files(what, &error);
    let late = |_| CallFailure::timeout(what);
    if response.content_length().is_some_and(|announced| announced > MAX_FILE_BYTES) {
        return Err(of_files(FilesError::TooLarge));
    }
    let place = timeout_at(caller.deadline, files.place(caller.tenant)).await.map_err(late)?;
    let _place = place.map_err(|many| {
        let message = format!("{what}: files that are stored at the same time: {many}");
        CallFailure::new("files_busy", message, Failure::RateLimited { retry_after: None })
    })?;
    let counted = timeout_at(caller.deadline, files.counted(caller.tenant)).await.map_err(late)?;
    let mut counted = counted.map_err(of_files)?;
    let mut upload = files.store.upload(caller.tenant);
    count(&mut counted, 0, caller, what).await?;
    if response.headers().contains_key(header::CONTENT_ENCODING) {
        let read = read::body(response, what, &caller.http.settings, caller.deadline).await;
        if let Some(cut) = read.cut {
            return Err(cut);
        }
        count(&mut counted, read.body.len(), caller, what).await?;
        timeout_at(caller.deadline, upload.write(read.body)).await.map_err(late)?.map_err(of_files)?;
    } else {
        let mut pace = Pace::new(caller.http.settings.slowest, Instant::now());
        let mut came = 0;
        loop {
            let chunk = match timeout_at(caller.deadline.min(pace.until()), response.chunk()).await {
                Ok(Ok(None)) => break,
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Err(error)) => return Err(CallFailure::of_client(what, &error)),
                Err(_) => return Err(read::late(what, came, &caller.http.settings, caller.deadline)),
            };
            came += chunk.len();
            let began = Instant::now();
            count(&mut counted, chunk.len(), caller, what).await?;
            timeout_at(caller.deadline, upload.write(chunk.clone()))
                .await
                .map_err(late)?
                .map_err(of_files)?;
            // What the store took for it is not the server's.
            pace.waited(began.elapsed());
            pace.came(chunk.len(), Instant::now());
        }
    }
    pass(CrashPoint::BeforeFileStored);
    let stored = timeout_at(caller.deadline, upload.finish()).await.map_err(late)?.map_err(of_files)?;
    pass(CrashPoint::FileStored);
    if stored.is_new {
        counted.keep();
    }
    let headers = response.headers();
    let media_type = headers.get(header::CONTENT_TYPE).map(|value| value_text(value.as_bytes()).into_owned());
    Ok(FileRef {
        id: stored.id,
        name: name(headers, url),
        media_type: media_type.unwrap_or_else(|| FileRef::NO_TYPE.to_owned()),
        size: stored.size,
    })
}

/// Counts so many bytes more.
async fn count(
    counted: &mut Counted,
    bytes: usize,
    caller: &Caller<'_>,
    what: &str,
) -> Result<(), CallFailure> {
    let counting = timeout_at(caller.deadline, counted.more(bytes)).await;
    counting.map_err(|_| CallFailure::timeout(what))?.map_err(|why| match why {
        NotCounted::Store(error) => CallFailure::of_files(what, &error),
        above @ NotCounted::AboveQuota { .. } => {
            CallFailure::permanent("file_quota", format!("{what}: {above}"))
        }
    })
}

/// What the server calls it, else the last part of the address.
fn name(headers: &HeaderMap, url: &Url) -> String {
    let said = headers.get(header::CONTENT_DISPOSITION).map(|value| value_text(value.as_bytes()));
    let said = said.and_then(|said| disposition(&said)).and_then(|name| safe_name(&name));
    let last = || {
        let last = url.path_segments()?.next_back()?;
        safe_name(&percent_decode_str(last).decode_utf8_lossy())
    };
    said.or_else(last).unwrap_or_else(|| FileRef::NO_NAME.to_owned())
}

/// The file's name in a `Content-Disposition` (RFC 6266): `filename*` before `filename`.
fn disposition(text: &str) -> Option<String> {
    let (mut plain, mut extended) = (None, None);
    for parameter in parameters(text) {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "filename*" => {
                let mut parts = value.trim().trim_matches('"').splitn(3, '\'');
                let (charset, _, encoded) = (parts.next()?, parts.next(), parts.next());
                let bytes: Vec<u8> = encoded.map(|encoded| percent_decode_str(encoded).collect())?;
                extended = Some(if charset.eq_ignore_ascii_case("utf-8") {
                    String::from_utf8_lossy(&bytes).into_owned()
                } else {
                    value_text(&bytes).into_owned()
                });
            }
            "filename" => plain = Some(unquoted(value.trim())),
            _ => {}
        }
    }
    extended.or(plain)
}

/// Parts between semicolons that stand in no quotes.
fn parameters(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut name = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        // Only quotes and backslashes are escaped; some servers send folders of Windows as they are.
        match (c, chars.clone().next()) {
            ('\\', Some(next @ ('"' | '\\'))) => {
                chars.next();
                name.push(next);
            }
            _ => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_file_is_called_what_the_server_calls_it_or_by_its_address() {
        let url = "https://a.example/x/gr%C3%B6%C3%9Fe%2F..%2Fb.csv?c=d.txt".parse().unwrap();
        for (said, called) in [
            ("attachment; filename=\"a.csv\"", "a.csv"),
            ("attachment; filename=a.csv", "a.csv"),
            ("attachment;FileName=\"x; y \\\"L\\\".csv\"; size=3", "x; y \"L\".csv"),
            ("attachment; filename=\"plain.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt", "größe.txt"),
            ("attachment; filename*=iso-8859-1'de'gr%F6.txt", "grö.txt"),
            ("attachment; filename=\"größe.txt\"", "größe.txt"),
            ("attachment; filename=\"../../etc/passwd\"", "passwd"),
            ("attachment; filename=\"C:\\temp\\a.txt\"", "a.txt"),
            ("attachment; filename=\"\"", "b.csv"),
            ("inline", "b.csv"),
        ] {
            let value = HeaderValue::from_bytes(said.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(header::CONTENT_DISPOSITION, value)]);
            assert_eq!(name(&headers, &url), called, "{said}");
        }
        assert_eq!(name(&HeaderMap::new(), &"https://a.example/".parse().unwrap()), "file");
    }
}
