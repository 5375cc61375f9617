//! `multipart/form-data` as browsers write it (WHATWG HTML, "multipart/form-data encoding algorithm"; RFC 7578).

use bytes::Bytes;
use domain::kinds::http_request::{Part, PartContent};
use sha2::{Digest, Sha256};

use super::payload::Payload;

const FORM_DATA: &str = "multipart/form-data";

/// The content type and the body: the author's type with its boundary, or `multipart/form-data`.
///
/// # Errors
/// When the author's type is another one, or its boundary none; the text says so.
pub(super) fn encode(parts: &[Part], own: Option<&str>) -> Result<(String, Payload), String> {
    let (content_type, boundary) = match own.map(|own| (own, own_boundary(own))) {
        None => {
            let boundary = boundary(parts);
            (format!("{FORM_DATA}; boundary={boundary}"), boundary)
        }
        Some((own, _)) if !own.trim_start().to_ascii_lowercase().starts_with("multipart/") => {
            return Err(format!(
                "the body is multipart, and the header content-type says {own:?}: leave it out, or say {FORM_DATA:?}"
            ));
        }
        Some((own, None)) => {
            let boundary = boundary(parts);
            (format!("{}; boundary={boundary}", own.trim().trim_end_matches(';').trim_end()), boundary)
        }
        Some((own, Some(boundary))) if is_boundary(boundary) => (own.to_owned(), boundary.to_owned()),
        Some((_, Some(boundary))) => {
            return Err(format!(
                "{boundary:?} in the header content-type is no boundary (1 to 70 of the characters of RFC 2046): \
                 leave it out"
            ));
        }
    };
    Ok((content_type, body(parts, &boundary)))
}

fn own_boundary(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })
}

fn is_boundary(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(fits) && !text.ends_with(' ')
}

/// Made of what is sent, so that an attempt that is made again sends the same bytes under its `Idempotency-Key`; what
/// is sent cannot hold it.
fn boundary(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.name.as_bytes());
        hash.update([0]);
        hash.update(content(part));
        hash.update([0]);
    }
    let hash = hash.finalize();
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("----minireipaz-{digits}")
}

fn body(parts: &[Part], boundary: &str) -> Payload {
    let mut payload = Payload::default();
    let mut body = Vec::new();
    for part in parts {
        line(&mut body, &format!("--{boundary}"));
        let filename = filename(part).map(|name| format!("; filename=\"{}\"", quoted(name)));
        line(
            &mut body,
            &format!(
                "Content-Disposition: form-data; name=\"{}\"{}",
                quoted(&with_crlf(&part.name)),
                filename.unwrap_or_default()
            ),
        );
        if let Some(media_type) = media_type(part) {
            line(&mut body, &format!("Content-Type: {media_type}"));
        }
        line(&mut body, "");
        match &part.content {
            PartContent::File(file) => {
                payload.push(std::mem::take(&mut body).into());
                payload.push_file(&file.id);
            }
            PartContent::Bytes(_) | PartContent::Text(_) => body.extend_from_slice(content(part)),
        }
        line(&mut body, "");
    }
    line(&mut body, &format!("--{boundary}--"));
    payload.push(Bytes::from(body));
    payload
}

fn line(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
    body.extend_from_slice(b"\r\n");
}

/// What tells the part's content from others: itself, or the hash that a file's id is.
fn content(part: &Part) -> &[u8] {
    match &part.content {
        PartContent::Text(text) => text.as_bytes(),
        PartContent::Bytes(bytes) => bytes,
        PartContent::File(file) => file.id.as_str().as_bytes(),
    }
}

/// A file is one with a name.
fn filename(part: &Part) -> Option<&str> {
    match (&part.filename, &part.content) {
        (Some(own), _) => Some(own),
        (None, PartContent::File(file)) => Some(&file.name),
        (None, PartContent::Text(_) | PartContent::Bytes(_)) => None,
    }
}

/// A field of a form has none.
fn media_type(part: &Part) -> Option<&str> {
    match (&part.content_type, &part.content) {
        (Some(own), _) => Some(own),
        (None, PartContent::File(file)) if is_header(&file.media_type) => Some(&file.media_type),
        (None, PartContent::Bytes(_) | PartContent::File(_)) => Some("application/octet-stream"),
        (None, PartContent::Text(_)) if part.filename.is_some() => Some("text/plain; charset=utf-8"),
        (None, PartContent::Text(_)) => None,
    }
}

/// Whether it can stand in a line of its own: a reference may be forged.
fn is_header(text: &str) -> bool {
    http::HeaderValue::from_str(text).is_ok()
}

/// A name can neither end its quotes nor begin a line.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// Browsers do this to names, not to file names.
fn with_crlf(name: &str) -> String {
    name.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, text: &str) -> Part {
        Part {
            name: name.to_owned(),
            filename: None,
            content_type: None,
            content: PartContent::Text(text.to_owned()),
        }
    }

    fn file(name: &str, filename: &str, bytes: &'static [u8]) -> Part {
        Part {
            name: name.to_owned(),
            filename: Some(filename.to_owned()),
            content_type: None,
            content: PartContent::Bytes(bytes.into()),
        }
    }

    #[test]
    fn parts_are_written_as_browsers_do() {
        let parts = [
            field("größe \"L\"", "a\nb"),
            field("a\r\nX-Evil: 1\rb\nc", ""),
            file("files", "ein \"Bild\"\r\nX-Evil: 1.png", b"\x89P\xff"),
            file("files", "back\\slash", b""),
            Part { content_type: Some("text/csv".to_owned()), ..file("files", "ü.csv", b"1,2") },
            Part { filename: Some("n.txt".to_owned()), ..field("note", "ok") },
        ];
        let (content_type, body) = encode(&parts, Some("multipart/form-data; boundary=B")).unwrap();
        let body = body.bytes();
        assert_eq!(content_type, "multipart/form-data; boundary=B");
        let expected = [
            "--B\r\nContent-Disposition: form-data; name=\"größe %22L%22\"\r\n\r\na\nb\r\n".as_bytes(),
            b"--B\r\nContent-Disposition: form-data; name=\"a%0D%0AX-Evil: 1%0D%0Ab%0D%0Ac\"\r\n\r\n\r\n",
            b"--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"ein %22Bild%22%0D%0AX-Evil: 1.png\"\r\n",
            b"Content-Type: application/octet-stream\r\n\r\n\x89P\xff\r\n",
            b"--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"back\\slash\"\r\n",
            b"Content-Type: application/octet-stream\r\n\r\n\r\n",
            "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"ü.csv\"\r\n".as_bytes(),
            b"Content-Type: text/csv\r\n\r\n1,2\r\n",
            b"--B\r\nContent-Disposition: form-data; name=\"note\"; filename=\"n.txt\"\r\n",
            b"Content-Type: text/plain; charset=utf-8\r\n\r\nok\r\n--B--\r\n",
        ]
        .concat();
        assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&expected));
        assert_eq!(body, expected);
    }

    #[test]
    fn the_authors_type_gets_a_boundary_and_keeps_its_own() {
        let parts = [field("a", "x")];
        let made = boundary(&parts);
        assert!(is_boundary(&made) && made != boundary(&[field("a", "y")]) && made == boundary(&parts));
        for (own, expected) in [
            (None, format!("multipart/form-data; boundary={made}")),
            (Some("Multipart/Form-Data;"), format!("Multipart/Form-Data; boundary={made}")),
            (
                Some("multipart/mixed; charset=utf-8"),
                format!("multipart/mixed; charset=utf-8; boundary={made}"),
            ),
            (
                Some("multipart/form-data; Boundary=\"a b\""),
                "multipart/form-data; Boundary=\"a b\"".to_owned(),
            ),
        ] {
            let (content_type, body) = encode(&parts, own).unwrap();
            assert_eq!(content_type, expected);
            let begin =
                if expected.contains("a b") { "--a b\r\n".to_owned() } else { format!("--{made}\r\n") };
            assert!(body.bytes().starts_with(begin.as_bytes()), "{own:?}");
        }
        for (own, named) in [
            ("application/json", "says \"application/json\""),
            ("multipart/form-data; boundary=", "\"\" in the header"),
            ("multipart/form-data; boundary=\"ü\"", "no boundary"),
        ] {
            let error = encode(&parts, Some(own)).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn no_parts_are_an_empty_form() {
        let (_, body) = encode(&[], Some("multipart/form-data; boundary=B")).unwrap();
        assert_eq!(body.bytes(), b"--B--\r\n");
    }
}
