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
mod room;
mod step;
mod used;

use domain::{
    definition::{Definition, Node},
    template::InvalidTemplate,
};
use futures_util::future::BoxFuture;

use super::{Call, CallContext, compile_params};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct HttpRequest(Param);

impl HttpRequest {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        compile_params(node, definition).map(Self)
    }
}

impl Call for HttpRequest {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.0);
    }

    fn call(&self, context: CallContext) -> BoxFuture<'_, Outcome> {
        Box::pin(step::run(&self.0, context))
    }
}
