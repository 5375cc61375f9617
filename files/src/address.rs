//! Addresses that give a file to whoever has them.

use std::{sync::Arc, time::Duration};

use domain::{file::FileId, ids::TenantId};
use object_store::signer::{Method, SignedUrlOptions, Signer};
use url::Url;

use crate::{FileStore, FilesError, place};

/// How the parameter is called by which an address says what the answer's `Content-Disposition` is, at Amazon and Google.
const DISPOSITION: &str = "response-content-disposition";

/// Who makes addresses.
#[derive(Debug)]
pub(crate) struct Signing {
    pub(crate) signer: Arc<dyn Signer>,
    /// Whether an address is of a request: its method, and what the answer is called. Those of Azure are of what may be
    /// done; they could say a name too, and the library cannot sign it.
    pub(crate) of_requests: bool,
}

impl FileStore {
    /// An address that gives the file to whoever has it, for so long. `None`: this store has no addresses.
    ///
    /// It takes this method (others that only read, too, at Azure), and answers with this `Content-Disposition` where the store can do that; else the file
    /// is to be saved under its hash. Its type is told as `application/octet-stream`.
    ///
    /// # Errors
    /// When the store cannot sign it.
    pub async fn address(
        &self,
        tenant: &TenantId,
        id: &FileId,
        (method, disposition): (Method, &str),
        lasts: Duration,
    ) -> Result<Option<Url>, FilesError> {
        let Some(Signing { signer, of_requests }) = &self.opened.signing else { return Ok(None) };
        // The library knows what `GET` may do, which is what `HEAD` needs.
        let method = if *of_requests { method } else { Method::GET };
        let mut options = SignedUrlOptions::new();
        if *of_requests {
            options = options.with_query([(DISPOSITION, disposition)]);
        }
        let path = place::file(&self.folder(tenant), id);
        Ok(Some(signer.signed_url_opts(method, &path, lasts, &options).await?))
    }
}
