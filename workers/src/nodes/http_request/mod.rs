//! `http_request`: calls a web API, once an item, or once a page of what belongs to an item.

mod ahead;
mod answer;
mod batches;
mod call;
mod calls;
mod credential;
mod failure;
mod file;
mod further;
mod gathered;
mod multipart;
mod outcome;
mod pages;
mod partial;
mod payload;
mod read;
mod redirect;
mod repeats;
mod request;
mod response;
mod room;
mod step;
mod used;

use domain::{
    definition::{Definition, Node},
    ids::CredentialId,
    kinds::{
        http_request::{Batch, Params},
        params::{At, Parameter, Reader},
    },
    template::InvalidTemplate,
    violation::Violations,
};
use futures_util::future::BoxFuture;
use serde_json::Value;

use self::pages::Pages;
use super::{Call, CallContext};
use crate::{engine::Outcome, expr::Param};

/// A node that calls.
#[derive(Debug)]
pub(super) struct HttpRequest {
    /// What is evaluated before an item's call.
    params: Param,
    pages: Option<Pages>,
    batch: Option<Batch>,
    /// What its calls show.
    credential: Option<CredentialId>,
}

impl HttpRequest {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        let mut params = node.params.clone();
        let pages = Pages::take(&mut params, definition)?;
        let (batch, credential) = (fixed(&params, "batch"), fixed(&params, "credential"));
        Ok(Self { params: Param::compile(&Value::Object(params), definition)?, pages, batch, credential })
    }
}

/// A parameter that holds no expressions. What is wrong was found when the workflow was read.
fn fixed<T: Parameter>(params: &serde_json::Map<String, Value>, name: &str) -> Option<T> {
    let mut violations = Violations::new();
    let mut reader = Reader::proven(&mut violations);
    Params::TABLE.read::<Option<T>>(name, None, params, &At::root("params"), &mut reader).flatten()
}

impl Call for HttpRequest {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.params);
        if let Some(pages) = &self.pages {
            pages.params(visit);
        }
    }

    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome> {
        Box::pin(step::run(self, context))
    }
}
