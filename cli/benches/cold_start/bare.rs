//! The least that a program with hyper can do: what a function's start is measured against.

use std::{convert::Infallible, io::Write as _, net::Ipv4Addr, os::unix::net::UnixStream, path::Path};

use http_body_util::Full;
use hyper::{Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Says on the socket that it listens, then answers one connection after the other.
pub(crate) async fn serve(port: u16, socket: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    UnixStream::connect(socket)?.write_all(b"\0")?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = service_fn(|_| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
        });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }
}
