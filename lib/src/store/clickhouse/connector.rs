//! How connections are made.

use std::net::SocketAddr;

use klickhouse::{Client, ClientOptions, IndexMap, KlickhouseError};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{
    connection::{Connection, Socket, brief},
    greeting::Listener,
    tls,
};
use crate::store::{StoreConfig, StoreError};

/// Sent with every query. A server that does not know one of them ignores it.
const SETTINGS: [(&str, &str); 7] = [
    // A point read is done before a second thread has started; many at once are what fills the cores.
    ("max_threads", "1"),
    ("use_uncompressed_cache", "1"),
    // Worth it for wide scans only; for a single row it is a second read.
    ("query_plan_optimize_lazy_materialization", "0"),
    // Its entries are per set of keys, which hardly ever come again.
    ("use_query_condition_cache", "0"),
    // Planning is most of a point read; the older planner needs a fifth less CPU for the same plan.
    ("enable_analyzer", "0"),
    // An acknowledged row is in the table, and at once.
    ("async_insert", "0"),
    // Lists of keys are part of the text.
    ("max_query_size", "8388608"),
];

/// How to make connections.
pub(super) struct Connector {
    config: StoreConfig,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    options: ClientOptions,
}

impl Connector {
    /// # Errors
    /// When the CA file cannot be read, or the host cannot be a name in a certificate.
    pub(super) fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let address = &config.address;
        let mut settings: IndexMap<String, String> =
            SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // The server stops as well when nobody waits any more.
        let seconds = config.call_timeout.as_secs().max(1);
        settings.insert("max_execution_time".to_owned(), seconds.to_string());
        let options = ClientOptions {
            username: address.user.clone(),
            password: address.password.expose_secret().to_owned(),
            default_database: address.database.as_str().to_owned(),
            tcp_nodelay: true,
            settings,
        };
        let tls =
            address.tls.then(|| tls::connector(&address.host, config.ca_file.as_deref())).transpose()?;
        Ok(Self { config: config.clone(), tls, options })
    }

    /// The same, without a database: to create it.
    pub(super) fn without_database(mut self) -> Self {
        self.options.default_database = "default".to_owned();
        self
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// When the server is not reached within the time limit, or refuses the login.
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        let limit = self.config.connect_timeout;
        let (host, port) = (&self.config.address.host, self.config.address.port);
        let deadline = Instant::now() + limit;
        match timeout_at(deadline, self.open(deadline)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(Refused::Io(error))) => {
                Err(StoreError::Unavailable(format!("no connection to {host}:{port}: {error}")))
            }
            Ok(Err(Refused::Server(error))) => Err(error),
            Err(_) => Err(StoreError::Unavailable(format!(
                "no connection to {host}:{port} within {} ms",
                limit.as_millis()
            ))),
        }
    }

    async fn open(&self, deadline: Instant) -> Result<Connection, Refused> {
        let stream = self.dial(deadline).await?;
        // A second handle on the socket ends the connection's task even while that is stuck in it.
        let stream = stream.into_std()?;
        let socket = Socket(stream.try_clone()?);
        let stream = TcpStream::from_std(stream)?;
        let client = match &self.tls {
            None => {
                let (reader, writer) = stream.into_split();
                self.greet(reader, writer).await?
            }
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                let (reader, writer) = tokio::io::split(stream);
                self.greet(reader, writer).await?
            }
        };
        Ok(Connection::new(client, socket))
    }

    /// Resolves the name anew each time, since addresses change, and takes the first address that answers.
    async fn dial(&self, deadline: Instant) -> std::io::Result<TcpStream> {
        let address = &self.config.address;
        let found: Vec<SocketAddr> = lookup_host((address.host.as_str(), address.port)).await?.collect();
        let mut last = std::io::Error::other("the name has no address");
        for (tried, address) in found.iter().enumerate() {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_nodelay(true)?;
            socket.set_keepalive(true)?;
            // No address may use up the time of those after it.
            let left = u32::try_from(found.len() - tried).unwrap_or(u32::MAX);
            let share = deadline.saturating_duration_since(Instant::now()) / left;
            match timeout(share, socket.connect(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer"),
            }
        }
        Err(last)
    }

    async fn greet<R, W>(&self, reader: R, writer: W) -> Result<Client, Refused>
    where
        R: AsyncRead + Unpin + Send + Sync + 'static,
        W: AsyncWrite + Unpin + Send + Sync + 'static,
    {
        let (reader, greeting) = Listener::new(reader);
        let client = Client::connect_stream(reader, writer, self.options.clone()).await;
        let refusal = greeting.refusal();
        match client {
            // The end of a lost connection looks like the end of an answer.
            Ok(client) if !client.is_closed() => Ok(client),
            Ok(_) => Err(Refused::Io(std::io::Error::other("the server hung up"))),
            Err(error) => Err(match refusal {
                Some((code, message)) => {
                    Refused::Server(StoreError::Server { code, message: brief(&message) })
                }
                None => match error {
                    KlickhouseError::ServerException { code, message, .. } => {
                        Refused::Server(StoreError::Server { code, message: brief(&message) })
                    }
                    other => Refused::Io(std::io::Error::other(other.to_string())),
                },
            }),
        }
    }
}

enum Refused {
    Io(std::io::Error),
    Server(StoreError),
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
