//! The schema, and what is done with each of its answers.

use std::sync::Arc;

use async_graphql::{Data, ErrorExtensionValues, Executor, Request, Response, Schema};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::{Mutation, Query, Subscription};

/// The API, ready to answer. Every top-level error carries a code: those that the library makes, for documents that do not
/// parse or do not fit the schema, get theirs here. (An extension of the schema could do that, but where there is one the
/// library looks up and wraps every single field.)
#[derive(Clone)]
pub struct Api(pub(super) Schema<Query, Mutation, Subscription>);

impl Executor for Api {
    async fn execute(&self, request: Request) -> Response {
        coded(self.0.execute(request).await)
    }

    fn execute_stream(&self, request: Request, session_data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        Executor::execute_stream(&self.0, request, session_data).map(coded).boxed()
    }
}

fn coded(mut response: Response) -> Response {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", "BAD_USER_INPUT");
        }
    }
    response
}
