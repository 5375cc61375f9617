//! Taking a port.

use std::{io::ErrorKind, net::SocketAddr};

use anyhow::Context as _;
use axum::serve::{ListenerExt as _, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose answers go out at once: one of a few hundred bytes must not wait for the acknowledgement of the
/// one before.
pub(crate) type Listener = TapIo<TcpListener, fn(&mut TcpStream)>;

/// Listens there.
///
/// # Errors
/// When that is not possible: what to do.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<Listener> {
    let port = address.port();
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        })),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            anyhow::bail!("port {port} is in use: stop what uses it, or choose another with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on port {port}")),
    }
}
