//! `http_request`: calls a web API, once an item.

use futures_util::future::BoxFuture;
use minireipaz::domain::{
    definition::{Definition, Node},
    template::InvalidTemplate,
};

use super::{Call, CallContext, Traits, compile_params};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct HttpRequest(Param);

/// What it may do.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {}

/// No client.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct HttpSetupError;

pub(crate) struct HttpClient {}
impl HttpClient {
    pub(crate) fn new(_: &HttpSettings) -> Result<Self, HttpSetupError> {
        Ok(Self {})
    }
}

impl HttpRequest {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Call for HttpRequest {
    fn traits(&self) -> Traits {
        Traits::of([&self.0])
    }
    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { crate::runner::timed_out(context.deadline.elapsed()) })
    }
}
