//! A server that repeats what it was sent, in every place and form that an answer has.

use std::fmt::Write as _;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The server. What its answers look like is said by the last piece of the path, one of [`Echo::FORMS`]; `/away/<form>?x=…`
/// leads to `/<form>?sig=…`.
pub(crate) struct Echo {
    pub(crate) addr: std::net::SocketAddr,
    _serving: JoinSet<()>,
}

impl Echo {
    /// Answers that make a step fail, whatever else they do.
    pub(crate) const FORMS: [&str; 12] = [
        "json",
        "text",
        "percent",
        "small",
        "twice",
        "base64",
        "html",
        "escaped",
        "long",
        "cut",
        "broken",
        "hexadecimal",
    ];

    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(async move {
                    let _ = serve(socket).await;
                });
            }
        });
        Self { addr, _serving: serving }
    }
}

async fn serve(mut socket: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let (head, body) = loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        if (chunked && body.ends_with("0\r\n\r\n")) || (!chunked && body.len() >= length) {
            break (head.to_owned(), body.to_owned());
        }
    };
    socket.write_all(&answer(&head, &body)).await?;
    socket.shutdown().await
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    let (line, headers) = head.split_once("\r\n").unwrap();
    let target = line.split(' ').nth(1).unwrap();
    let headers: Vec<(&str, &str)> = headers.lines().filter_map(|line| line.split_once(": ")).collect();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let form = path.rsplit('/').next().unwrap();
    if path.starts_with("/away/") {
        // To where a parameter has another name.
        let value = query.strip_prefix("x=").unwrap();
        let head = format!("HTTP/1.1 307 Away\r\nLocation: /{form}?sig={value}\r\nContent-Length: 0\r\n\r\n");
        return head.into_bytes();
    }
    let all = json!({ "target": target, "headers": headers, "body": body });
    let said = all.to_string();
    let plain = format!("{target}\n{head}\n{body}");
    let (status, media_type, text) = match form {
        "text" => (400, "text/plain", plain),
        "percent" => (422, "text/plain", percent(&plain)),
        "small" => (409, "text/plain", in_small_letters(&percent(&plain))),
        "twice" => (400, "text/plain", percent(&percent(&plain))),
        "base64" => (401, "text/plain", BASE64_STANDARD.encode(&plain)),
        "html" => (500, "text/html", format!("<p>{}</p>", html(&plain))),
        "escaped" => (503, "application/json", json!({ "error": said }).to_string()),
        // The end of what an error keeps cuts through something.
        "long" => (400, "text/plain", plain.repeat(40)),
        "cut" => (400, "application/json", said[..said.len() - 2].to_owned()),
        "broken" => (200, "application/json", format!("{{\"you sent\": {plain}")),
        "hexadecimal" => (400, "text/plain", plain.bytes().map(|byte| format!("{byte:02x}")).collect()),
        _ => (400, "application/json", said),
    };
    let mut answer = format!("HTTP/1.1 {status} Not so: {target}\r\nContent-Type: {media_type}\r\n");
    for (number, (_, value)) in headers.iter().enumerate() {
        let _ = write!(answer, "X-Seen-{number}: {value}\r\n");
    }
    let _ = write!(answer, "Link: <{target}>; rel=self\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    answer.into_bytes()
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = if byte.is_ascii_alphanumeric() {
            write!(encoded, "{}", char::from(byte))
        } else {
            write!(encoded, "%{byte:02X}")
        };
        encoded
    })
}

/// `%2F` as `%2f`.
fn in_small_letters(percent_encoded: &str) -> String {
    let mut pieces = percent_encoded.split('%');
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |all, piece| format!("{all}%{}{}", piece[..2].to_lowercase(), &piece[2..]))
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// All forms in which a secret may stand somewhere.
pub(crate) fn forms_of(secret: &str) -> Vec<String> {
    let json = |text: &str| Value::from(text).to_string().trim_matches('"').to_owned();
    let mut forms = vec![
        secret.to_owned(),
        percent(secret),
        in_small_letters(&percent(secret)),
        percent(&percent(secret)),
        secret.replace(' ', "+"),
        json(secret),
        json(&json(secret)),
        html(secret),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for before in 0..3 {
        let encoded = BASE64_STANDARD.encode(format!("{}{secret}xxx", "x".repeat(before)));
        forms.push(encoded[4..encoded.len() - 8].to_owned());
    }
    forms
}
