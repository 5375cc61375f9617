//! What the server says first. klickhouse tells a refused login only to the log, so the bytes are read along.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};

/// So much of the greeting is kept: a refusal with its stack trace fits.
const MAX_KEPT: usize = 16 * 1024;

/// Passes everything on and keeps the first bytes, until told to stop.
pub(super) struct Listener<R> {
    inner: R,
    heard: Greeting,
}

/// The bytes heard so far; `None` once nobody listens any more.
#[derive(Clone, Default)]
pub(super) struct Greeting(Arc<Mutex<Option<Vec<u8>>>>);

impl<R> Listener<R> {
    pub(super) fn new(inner: R) -> (Self, Greeting) {
        let heard = Greeting(Arc::new(Mutex::new(Some(Vec::new()))));
        (Self { inner, heard: heard.clone() }, heard)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Listener<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let ready = Pin::new(&mut self.inner).poll_read(cx, buf);
        if ready.is_ready()
            && let Some(bytes) = self.heard.lock().as_mut()
        {
            let new = buf.filled().get(before..).unwrap_or_default();
            let room = MAX_KEPT.saturating_sub(bytes.len()).min(new.len());
            bytes.extend_from_slice(&new[..room]);
        }
        ready
    }
}

impl Greeting {
    /// Stops listening and tells the refusal, if the greeting was one.
    pub(super) fn refusal(&self) -> Option<(i32, String)> {
        let bytes = self.lock().take()?;
        exception(&bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The native protocol's exception packet: 2, then code, name, message, stack trace.
fn exception(bytes: &[u8]) -> Option<(i32, String)> {
    let rest = bytes.strip_prefix(&[2])?;
    let (code, rest) = rest.split_first_chunk::<4>()?;
    let (_name, rest) = text(rest)?;
    let (message, _) = text(rest)?;
    Some((i32::from_le_bytes(*code), String::from_utf8_lossy(message).into_owned()))
}

/// A string of the native protocol: its length as a variable-length integer, then its bytes.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (i, byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return bytes.get(i + 1..)?.split_at_checked(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(message: &str) -> Vec<u8> {
        let mut bytes = vec![2];
        bytes.extend(516i32.to_le_bytes());
        for text in ["DB::Exception", message, "stack"] {
            let mut length = text.len();
            while length > 0x7f {
                bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            bytes.push(u8::try_from(length).unwrap());
            bytes.extend(text.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_refused_login_is_understood_and_anything_cut_short_is_not() {
        let message = "default: Authentication failed: ".repeat(20);
        let bytes = packet(&message);
        assert_eq!(exception(&bytes), Some((516, message)));
        for end in 0..packet("short").len() - 8 {
            assert_eq!(exception(&packet("short")[..end]), None, "{end}");
        }
        assert_eq!(exception(&[0, 1, 2, 3, 4, 5, 6, 7, 8]), None);
    }
}
