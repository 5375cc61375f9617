//! `http_request`: calls a web API, once an item.

mod ahead;
mod answer;
mod call;
mod failure;
mod multipart;
mod partial;
mod read;
mod redirect;
mod request;
mod response;
mod step;
mod used;

use std::sync::Arc;

use domain::{
    definition::{Definition, Node},
    template::InvalidTemplate,
};
use futures_util::future::BoxFuture;

use super::{Call, CallContext, Traits, compile_params};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct HttpRequest(Arc<Param>);

impl HttpRequest {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(|params| Self(Arc::new(params)))
    }
}

impl Call for HttpRequest {
    fn traits(&self) -> Traits {
        Traits::of([&*self.0])
    }

    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome> {
        let needs_javascript = self.traits().needs_javascript;
        Box::pin(step::run(Arc::clone(&self.0), needs_javascript, context))
    }
}
