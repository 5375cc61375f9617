//! What a request sends: bytes, and files that are read while it is sent.

use std::sync::Arc;

use bytes::Bytes;
use domain::file::FileId;
use files::FilesError;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header;
use reqwest::RequestBuilder;

use super::{call::Caller, failure::CallFailure};

/// A body, in pieces.
#[derive(Debug, Clone, Default)]
pub(super) struct Payload {
    pieces: Vec<Piece>,
    /// Its bytes, those of files as soon as they were looked up.
    length: u64,
}

#[derive(Debug, Clone)]
enum Piece {
    Bytes(Bytes),
    File(FileId),
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let mut payload = Self::default();
        payload.push(bytes);
        payload
    }
}

impl Payload {
    pub(super) fn file(id: &FileId) -> Self {
        let mut payload = Self::default();
        payload.push_file(id);
        payload
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len() as u64;
        self.pieces.push(Piece::Bytes(bytes));
    }

    pub(super) fn push_file(&mut self, id: &FileId) {
        self.pieces.push(Piece::File(id.clone()));
    }

    /// Finds its files, so that a call whose file is gone is not made, and says how long it is.
    pub(super) async fn look_up(&mut self, caller: &Caller<'_>) -> Result<(), CallFailure> {
        let what = "a file that is sent";
        for piece in &self.pieces {
            let Piece::File(id) = piece else { continue };
            let files = caller.files.ok_or_else(|| CallFailure::no_file_store(what))?;
            let sized =
                tokio::time::timeout_at(caller.deadline, files.store.size(caller.tenant, id, caller.now));
            let size = sized.await.map_err(|_| CallFailure::timeout("looking up a file that is sent"))?;
            self.length += size.map_err(|error| CallFailure::of_files(what, &error))?;
        }
        Ok(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The request with it.
    pub(super) fn send(&self, builder: RequestBuilder, caller: &Caller<'_>) -> RequestBuilder {
        if let [Piece::Bytes(bytes)] = self.pieces.as_slice() {
            return builder.body(bytes.clone());
        }
        // It was looked up, so there is one; without any nothing would be sent.
        let Some(store) = caller.files.map(|files| Arc::clone(&files.store)) else { return builder };
        let (tenant, now) = (caller.tenant.clone(), caller.now);
        let read = stream::iter(self.pieces.clone()).then(move |piece| {
            let (store, tenant) = (Arc::clone(&store), tenant.clone());
            async move {
                match piece {
                    Piece::Bytes(bytes) => Ok::<_, FilesError>(stream::once(async { Ok(bytes) }).boxed()),
                    Piece::File(id) => Ok(store.read(&tenant, &id, None, now).await?.bytes),
                }
            }
        });
        let read = read.try_flatten();
        builder.header(header::CONTENT_LENGTH, self.length).body(reqwest::Body::wrap_stream(read))
    }

    /// All of it, where it has no files.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> Vec<u8> {
        let bytes = self.pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => &**bytes,
            Piece::File(id) => panic!("{id} is not here"),
        });
        bytes.collect::<Vec<_>>().concat()
    }
}
