//! Taking a port.

use std::{io::ErrorKind, net::SocketAddr};

use anyhow::Context as _;
use tokio::net::TcpListener;

/// Listens there.
///
/// # Errors
/// When that is not possible: what to do.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let port = address.port();
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            anyhow::bail!("port {port} is in use: stop what uses it, or choose another with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on port {port}")),
    }
}
