//! What a function says on its socket (`VERCEL_IPC_PATH`): JSON messages, each ended by a zero byte, as
//! `vercel_runtime` 2.4 sends them.

use std::io;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The runtime buffers at most a megabyte before it is connected; a longer message is nobody's log line.
const MAX_MESSAGE: u64 = 2 << 20;

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The function listens on this port, and takes requests from now on.
    ServerStarted(u16),
    /// A line of the function's log.
    Log(String),
    /// One that this program has no use for: `end` of a request (answers are followed to their end here), `metric`.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    http_port: u16,
}

#[derive(Deserialize)]
struct Log<'a> {
    message: &'a str,
}

/// Reads the next message; `None` at the end.
///
/// # Errors
/// When the socket fails, or what comes is no message: nothing that follows could be trusted.
pub(crate) async fn next(socket: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Message>> {
    let mut bytes = Vec::new();
    socket.take(MAX_MESSAGE).read_until(0, &mut bytes).await?;
    match bytes.pop() {
        None => Ok(None),
        Some(0) => parse(&bytes).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a message without an end, or too long")),
    }
}

fn parse(bytes: &[u8]) -> serde_json::Result<Message> {
    let envelope: Envelope<'_> = serde_json::from_slice(bytes)?;
    Ok(match envelope.r#type {
        "server-started" => {
            Message::ServerStarted(serde_json::from_str::<Started>(envelope.payload.get())?.http_port)
        }
        "log" => Message::Log(text(serde_json::from_str::<Log<'_>>(envelope.payload.get())?.message)),
        _ => Message::Other,
    })
}

/// Lines travel as base64; what is no text is shown as well as it can be.
fn text(message: &str) -> String {
    match BASE64_STANDARD.decode(message) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_read_one_by_one_whatever_else_a_runtime_says() {
        let context = r#"{"invocationId":"i","requestId":7}"#;
        let sent = [
            r#"{"type":"server-started","payload":{"initDuration":0,"httpPort":4711}}"#.to_owned(),
            format!(
                r#"{{"type":"log","payload":{{"context":{context},"message":"aGVsbG8=","level":"info"}}}}"#
            ),
            format!(r#"{{"type":"end","payload":{{"context":{context},"error":null}}}}"#),
            r#"{"type":"to-come","payload":null}"#.to_owned(),
        ];
        let wire = sent.map(|message| message + "\0").concat();
        let mut socket = wire.as_bytes();
        let mut read = Vec::new();
        while let Some(message) = next(&mut socket).await.unwrap() {
            read.push(message);
        }
        let expected =
            [Message::ServerStarted(4711), Message::Log("hello".into()), Message::Other, Message::Other];
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn what_is_no_message_ends_the_conversation() {
        for wire in ["{}\0", "no json\0", "{\"type\":\"log\""] {
            assert!(next(&mut wire.as_bytes()).await.is_err(), "{wire}");
        }
        let long = vec![b' '; usize::try_from(MAX_MESSAGE).unwrap() + 10];
        assert!(next(&mut long.as_slice()).await.is_err());
    }
}
