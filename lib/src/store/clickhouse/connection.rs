//! One connection, and what is asked of it.
//!
//! klickhouse has no time limits, turns a lost connection into a short answer without an error, and is left in the
//! middle of something by an error of its own. So every call goes through [`Connection::settle`]'s eyes, and a
//! connection that saw anything but a full answer or a server's clear no is thrown away.

use std::{borrow::Cow, net::Shutdown, sync::Arc};

use klickhouse::{Client, IndexMap, KlickhouseError, Row, Type, Value};
use tokio::time::Instant;

use crate::store::StoreError;

/// Closes the connection for both sides when it is dropped.
pub(super) struct Socket(pub(super) std::net::TcpStream);

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

/// What a call got.
pub(super) struct Answer<T> {
    pub(super) result: Result<T, StoreError>,
    /// Whether the connection may be used again.
    pub(super) reusable: bool,
}

impl Connection {
    /// A connection over this client, and the socket that it talks through.
    pub(super) fn new(client: Client, socket: Socket) -> Self {
        Self { client, socket, idle_since: Instant::now() }
    }

    /// Whether the server has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a query and reads the whole answer: one that is left half-read would mix with the next.
    pub(super) async fn select(&self, sql: String) -> Answer<Vec<Cells>> {
        let result = self.client.query_collect::<Cells>(sql).await;
        self.settle(result, true)
    }

    #[cfg(test)]
    pub(super) async fn select_counting(&self, sql: String) -> Answer<(Vec<Cells>, u64)> {
        let mut progress = self.client.subscribe_progress();
        let answer = self.select(sql).await;
        let mut read = 0;
        while let Ok((_, progress)) = progress.try_recv() {
            read += progress.read_rows;
        }
        Answer { result: answer.result.map(|rows| (rows, read)), reusable: answer.reusable }
    }

    /// Runs a statement that has no answer.
    pub(super) async fn execute(&self, sql: String) -> Answer<()> {
        let result = self.client.execute(sql).await;
        self.settle(result, true)
    }

    /// Inserts rows as one block.
    pub(super) async fn insert(&self, sql: String, rows: Vec<InsertRow>) -> Answer<()> {
        let result = self.client.insert_native_block(sql, rows).await;
        // After a refusal in the middle of an insert the server may still read our block as something else.
        self.settle(result, false)
    }

    fn settle<T>(&self, result: klickhouse::Result<T>, reusable_after_refusal: bool) -> Answer<T> {
        let closed = self.client.is_closed();
        match result {
            Ok(value) if !closed => Answer { result: Ok(value), reusable: true },
            Ok(_) => Answer {
                result: Err(StoreError::Unavailable(
                    "the connection was lost in the middle of the answer".into(),
                )),
                reusable: false,
            },
            Err(KlickhouseError::ServerException { code, message, .. }) => Answer {
                result: Err(StoreError::Server { code, message: brief(&message) }),
                reusable: reusable_after_refusal && !closed,
            },
            Err(error) => Answer { result: Err(StoreError::Unavailable(error.to_string())), reusable: false },
        }
    }
}

/// The server's message without what only its developers can use, at most 600 bytes.
pub(super) fn brief(message: &str) -> String {
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

/// A row to insert; [`super::cells::row`] makes one. Writing it never fails, for klickhouse would leave out a row that
/// cannot be written.
#[derive(Clone)]
pub(super) struct InsertRow {
    pub(super) columns: &'static [&'static str],
    pub(super) values: Arc<Vec<Value>>,
}

impl InsertRow {
    /// Roughly how many bytes it takes on its way.
    pub(super) fn size(&self) -> usize {
        let bytes = |value: &Value| if let Value::String(bytes) = value { bytes.len() + 1 } else { 9 };
        self.values.iter().map(bytes).sum()
    }
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
