//! A server on a bare socket: it answers what no library would, and tells what came over the wire.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Came {
    /// `GET /path`.
    pub(crate) fn line(&self) -> &str {
        self.head.split(" HTTP/1.1").next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What a server answers, and whether the connection stays open behind it, so that nobody knows that it is all.
pub(crate) enum Reply {
    Whole(Vec<u8>),
    Hanging(Vec<u8>),
}

impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes)
    }
}

/// One request a connection.
pub(crate) struct RawServer {
    url: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl RawServer {
    pub(crate) async fn start<R: Into<Reply>>(answer: impl Fn(&Came) -> R + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let came = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&came));
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                connections.spawn(async move {
                    let Some(request) = read(&mut socket).await else { return };
                    let reply: Reply = answer(&request).into();
                    seen.lock().unwrap().push(request);
                    let (Reply::Whole(bytes) | Reply::Hanging(bytes)) = &reply;
                    let _ = socket.write_all(bytes).await;
                    if matches!(reply, Reply::Hanging(_)) {
                        // Until the client goes.
                        let _ = socket.read(&mut [0]).await;
                    }
                    let _ = socket.shutdown().await;
                });
            }
        });
        serving.detach_all();
        Self { url, came }
    }

    /// A server that answers everything with these bytes.
    pub(crate) async fn of(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_| answer.clone()).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Without `http://`.
    pub(crate) fn authority(&self) -> &str {
        &self.url["http://".len()..]
    }

    /// What has come since the last time.
    pub(crate) fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.came.lock().unwrap())
    }

    /// The only request that has come since the last time.
    pub(crate) fn only(&self) -> Came {
        let mut came = self.take();
        assert_eq!(came.len(), 1, "{came:?}");
        came.remove(0)
    }
}

async fn read(socket: &mut TcpStream) -> Option<Came> {
    let mut bytes = Vec::new();
    let head_ends = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(head_ends);
    let mut came = Came { head: String::from_utf8_lossy(&bytes).into_owned(), body };
    let length = came.header("content-length").map_or(0, |length| length.parse().unwrap());
    while came.body.len() < length {
        if socket.read_buf(&mut came.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(came)
}

/// An answer with these header lines.
pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
