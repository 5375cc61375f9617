//! One connection: how it is made, and what is asked of it.
//!
//! klickhouse has no time limits, turns a lost connection into a short answer without an error, and is left in the
//! middle of something by an error of its own. So every call goes through [`Connection::settle`]'s eyes, and a
//! connection that saw anything but a full answer or a server's clear no is thrown away.

use std::{
    borrow::Cow,
    net::{Shutdown, SocketAddr},
    sync::Arc,
};

use klickhouse::{Client, ClientOptions, IndexMap, KlickhouseError, Row, Type, Value};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{greeting::Listener, tls};
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
        Ok(Connection { client, socket, idle_since: Instant::now() })
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

/// Closes the connection for both sides when it is dropped.
struct Socket(std::net::TcpStream);

impl Drop for Socket {
    fn drop(&mut self) {
        // It fails when the other side was faster, which is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// One connection. Never shared: two tasks at once would mix up the protocol.
pub(super) struct Connection {
    client: Client,
    #[expect(dead_code, reason = "it acts when it is dropped")]
    socket: Socket,
    /// When it was last used.
    pub(super) idle_since: Instant,
}

/// What became of a call.
pub(super) struct Outcome<T> {
    pub(super) result: Result<T, StoreError>,
    /// Whether the connection may be used again.
    pub(super) reusable: bool,
}

impl Connection {
    /// Whether the server has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a query and reads the whole answer: one that is left half-read would mix with the next.
    pub(super) async fn select(&self, sql: String) -> Outcome<Vec<Cells>> {
        let result = self.client.query_collect::<Cells>(sql).await;
        self.settle(result, true)
    }

    #[cfg(test)]
    pub(super) async fn select_counting(&self, sql: String) -> Outcome<(Vec<Cells>, u64)> {
        let mut progress = self.client.subscribe_progress();
        let outcome = self.select(sql).await;
        let mut read = 0;
        while let Ok((_, progress)) = progress.try_recv() {
            read += progress.read_rows;
        }
        Outcome { result: outcome.result.map(|rows| (rows, read)), reusable: outcome.reusable }
    }

    /// Runs a statement that has no answer.
    pub(super) async fn execute(&self, sql: String) -> Outcome<()> {
        let result = self.client.execute(sql).await;
        self.settle(result, true)
    }

    /// Inserts rows as one block.
    pub(super) async fn insert(&self, sql: String, rows: Vec<InsertRow>) -> Outcome<()> {
        let result = self.client.insert_native_block(sql, rows).await;
        // After a refusal in the middle of an insert the server may still read our block as something else.
        self.settle(result, false)
    }

    fn settle<T>(&self, result: klickhouse::Result<T>, reusable_after_refusal: bool) -> Outcome<T> {
        let closed = self.client.is_closed();
        match result {
            Ok(value) if !closed => Outcome { result: Ok(value), reusable: true },
            Ok(_) => Outcome {
                result: Err(StoreError::Unavailable(
                    "the connection was lost in the middle of the answer".into(),
                )),
                reusable: false,
            },
            Err(KlickhouseError::ServerException { code, message, .. }) => Outcome {
                result: Err(StoreError::Server { code, message: brief(&message) }),
                reusable: reusable_after_refusal && !closed,
            },
            Err(error) => {
                Outcome { result: Err(StoreError::Unavailable(error.to_string())), reusable: false }
            }
        }
    }
}

/// The server's message without what only its developers can use, at most 600 bytes.
fn brief(message: &str) -> String {
    let message = message.split(". Stack trace:").next().unwrap_or(message).trim();
    message[..message.floor_char_boundary(600)].to_owned()
}

/// A row of an answer: its values in the order of the columns. Reading it never fails inside klickhouse, where an
/// error would leave the rest of the answer in the connection.
pub(super) struct Cells(pub(super) Vec<Value>);

impl Row for Cells {
    const COLUMN_COUNT: Option<usize> = None;

    fn column_names() -> Option<Vec<Cow<'static, str>>> {
        None
    }

    fn deserialize_row(cells: Vec<(&str, &Type, Value)>) -> klickhouse::Result<Self> {
        Ok(Self(cells.into_iter().map(|(_, _, value)| value).collect()))
    }

    fn serialize_row(
        self,
        _: &IndexMap<String, Type>,
    ) -> klickhouse::Result<Vec<(Cow<'static, str>, Value)>> {
        Err(KlickhouseError::SerializeError("an answer is not inserted".to_owned()))
    }
}

/// A row to insert. Writing it never fails, for klickhouse would leave out a row that cannot be written.
#[derive(Clone)]
pub(super) struct InsertRow {
    pub(super) columns: &'static [&'static str],
    pub(super) values: Arc<Vec<Value>>,
}

impl Row for InsertRow {
    const COLUMN_COUNT: Option<usize> = None;

    fn column_names() -> Option<Vec<Cow<'static, str>>> {
        None
    }

    fn deserialize_row(_: Vec<(&str, &Type, Value)>) -> klickhouse::Result<Self> {
        Err(KlickhouseError::DeserializeError("a row to insert is not read".to_owned()))
    }

    fn serialize_row(
        self,
        _: &IndexMap<String, Type>,
    ) -> klickhouse::Result<Vec<(Cow<'static, str>, Value)>> {
        let values = Arc::unwrap_or_clone(self.values);
        Ok(self.columns.iter().map(|name| Cow::Borrowed(*name)).zip(values).collect())
    }
}
