//! A socket that notes what happens on it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::connection::Connection;

pub(crate) struct Stream {
    socket: TcpStream,
    connection: Arc<Connection>,
    /// What is left of its end.
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    NotYet,
    /// Nothing is sent any more; what still comes is thrown away.
    Drains,
}

impl Stream {
    pub(crate) const fn new(socket: TcpStream, connection: Arc<Connection>) -> Self {
        Self { socket, connection, end: End::NotYet }
    }

    fn noted<T>(&self, written: Poll<T>) -> Poll<T> {
        self.connection.writes(written.is_pending());
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.connection.has_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.connection.has_flushed();
        Poll::Ready(Ok(()))
    }

    /// Ends the connection. While a client is still sending a body that nobody reads, closing the socket would reset
    /// the connection, and many clients would never see their answer (nginx calls the cure `lingering_close`): what
    /// comes is thrown away until the client ends, too, or its time is up.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.end, End::NotYet) {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            if !self.connection.closes() {
                return Poll::Ready(Ok(()));
            }
            self.end = End::Drains;
        }
        let mut thrown_away = [0; 8 << 10];
        loop {
            let mut buf = ReadBuf::new(&mut thrown_away);
            let read = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
