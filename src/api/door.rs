//! What every transport does with a request: guard it, execute it, shape the answer. Knows no HTTP, no socket and no
//! feature; the executor is whatever schema `app` hands in.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Executor, Request};
use entity::ids::OrganizationId;
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::client::Origins;
use super::errors::{Answer, Stamp};
use super::guard::{self, Guarded, Limits, OperationKind, Refused, coercion::InputTypes};
use super::principals::Principals;
use super::quota::Quota;
use super::request::GraphqlRequest;
use super::shared::Shared;
use super::strangers::Strangers;
use crate::base::ctx::{Ctx, Hub};
use crate::base::error::Error;
use crate::graphql::live::Opened;
use crate::graphql::loader::Loaders;

/// Bytes of document text whose parsed form is kept.
const DOCUMENT_CACHE: u64 = 256 * 1024;

/// The handles of the door. Cheap to clone.
#[derive(Debug)]
pub struct Door<E>(Arc<Parts<E>>);

impl<E> Clone for Door<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Parts<E> {
    hub: Arc<Hub>,
    executor: E,
    types: InputTypes,
    limits: Limits,
    documents: moka::future::Cache<String, Arc<ExecutableDocument>>,
    shared: Shared,
    principals: Principals,
    sockets: Quota<Option<OrganizationId>>,
    subscriptions: Quota<Option<OrganizationId>>,
    strangers: Strangers,
    origins: Origins,
    stopping: CancellationToken,
    open: TaskTracker,
}

/// A request that may be executed.
#[derive(Debug)]
pub struct Prepared {
    request: Request,
    /// What it will do.
    pub kind: OperationKind,
    /// Under which it may share an execution; `None` when it resumes from a cursor of its own or does not stream.
    pub share: Option<String>,
}

impl<E: Executor> Door<E> {
    /// Opens the door to `executor`, whose SDL tells the types of variables. `stopping` ends streams and sockets.
    pub fn new(hub: Arc<Hub>, executor: E, sdl: &str, stopping: CancellationToken) -> Self {
        let limits = Limits::default();
        let types = InputTypes::from_sdl(sdl).unwrap_or_else(|| {
            tracing::error!("the schema's SDL does not parse; variables are checked by the executor alone");
            InputTypes::default()
        });
        let documents = moka::future::Cache::builder()
            .max_capacity(DOCUMENT_CACHE)
            .weigher(|source: &String, _: &Arc<ExecutableDocument>| {
                u32::try_from(source.len()).unwrap_or(u32::MAX)
            })
            .build();
        let config = &hub.config;
        Self(Arc::new(Parts {
            principals: Principals::watch(hub.clone(), stopping.clone()),
            sockets: Quota::new(config.live.sockets_per_organization),
            subscriptions: Quota::new(limits.subscriptions_per_organization),
            strangers: Strangers::new(&config.live),
            origins: Origins::new(&config.door.websocket_origins, &config.public_url),
            shared: Shared::default(),
            open: TaskTracker::new(),
            hub,
            executor,
            types,
            limits,
            documents,
            stopping,
        }))
    }

    /// The process.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    /// The limits that are enforced here.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Executions that several subscribers share.
    pub fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Who is connected, and for how long.
    pub fn principals(&self) -> &Principals {
        &self.0.principals
    }

    /// Sockets and event streams of each organisation.
    pub fn sockets(&self) -> &Quota<Option<OrganizationId>> {
        &self.0.sockets
    }

    /// Running subscriptions of each organisation.
    pub fn subscriptions(&self) -> &Quota<Option<OrganizationId>> {
        &self.0.subscriptions
    }

    /// Sockets and event streams without a token, or not yet with one.
    pub fn strangers(&self) -> &Strangers {
        &self.0.strangers
    }

    /// Pages that may open sockets.
    pub fn origins(&self) -> &Origins {
        &self.0.origins
    }

    /// Cancelled when the process stops.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Sockets that are open; a graceful stop waits for them.
    pub fn open(&self) -> &TaskTracker {
        &self.0.open
    }

    /// What errors of this request carry.
    pub fn stamp(&self, ctx: &Ctx) -> Stamp {
        self.stamp_of(&ctx.request.request_id)
    }

    /// The same before it is known who calls.
    pub fn stamp_of(&self, request_id: &Arc<str>) -> Stamp {
        let now = self.0.hub.clock.now();
        Stamp { request_id: request_id.clone(), now, most_errors: self.0.limits.errors }
    }

    /// Parses, guards and checks a request; nothing is executed.
    pub async fn prepare(&self, ctx: &Ctx, wire: GraphqlRequest) -> Result<Prepared, Refused> {
        let document = self.document(&wire.query).await?;
        let operation_name = wire.operation_name.as_deref();
        let Guarded { kind, resumable, .. } =
            guard::check_document(&document, operation_name, &wire.variables, &self.0.limits)?;
        self.0.types.check(&document, operation_name, &wire.variables)?;
        let share = (kind == OperationKind::Subscription && !resumable).then(|| share_key(ctx, &wire));
        let ctx = Ctx { request: ctx.request.anew(), ..ctx.clone() };
        let mut request =
            Request::new(wire.query).variables(wire.variables).data(ctx).data(Loaders::default());
        request.operation_name = wire.operation_name;
        request.set_parsed_query(ExecutableDocument::clone(&document));
        Ok(Prepared { request, kind, share })
    }

    async fn document(&self, source: &str) -> Result<Arc<ExecutableDocument>, Refused> {
        let known = self.0.documents.get(source).await;
        let outcome = if known.is_some() { "hit" } else { "miss" };
        metrics::counter!("phonehub_cache_lookups_total", "cache" => "documents", "outcome" => outcome)
            .increment(1);
        if let Some(known) = known {
            return Ok(known);
        }
        let document = Arc::new(guard::parse(source, &self.0.limits)?);
        self.0.documents.insert(source.to_owned(), document.clone()).await;
        Ok(document)
    }

    /// Executes a query or mutation within the limit of time. A panic is answered like any fault of ours.
    pub async fn execute(&self, prepared: Prepared, ctx: &Ctx) -> Answer {
        let execution = AssertUnwindSafe(self.0.executor.execute(prepared.request)).catch_unwind();
        let result = in_time(self.0.limits.execution, execution).await;
        let stamp = self.stamp(ctx);
        match result {
            Ok(Ok(response)) => Answer::executed(response, &stamp),
            Ok(Err(_)) => Answer::failed(&panicked(), &stamp),
            Err(late) => Answer::failed(&late, &stamp),
        }
    }

    /// Executes any operation as a stream of answers; other than subscriptions give one. Ends after a refusal.
    /// `opened` is marked when a subscription's source is open, or there will be none.
    pub fn stream(&self, mut prepared: Prepared, ctx: Ctx, opened: Opened) -> BoxStream<'static, Answer> {
        let door = self.clone();
        prepared.request = prepared.request.data(opened.clone());
        if prepared.kind != OperationKind::Subscription {
            return stream::once(async move { door.execute(prepared, &ctx).await }).boxed();
        }
        let responses =
            AssertUnwindSafe(self.0.executor.execute_stream(prepared.request, None)).catch_unwind();
        let answers = responses.enumerate().map(move |(at, result)| {
            let stamp = door.stamp(&ctx);
            opened.mark();
            match result {
                Ok(response) if at == 0 => Answer::opened(response, &stamp),
                Ok(response) => Answer::executed(response, &stamp),
                Err(_) => Answer::failed(&panicked(), &stamp),
            }
        });
        answers.boxed()
    }
}

/// Gives up what takes longer. Dropping a mutation is what a client that hangs up does too: its transaction is undone, but
/// for what it shares with others, whose outcome a repeat under the same idempotency key tells.
async fn in_time<T>(limit: Duration, execution: impl Future<Output = T>) -> Result<T, Error> {
    timeout(limit, execution).await.map_err(|_| {
        Error::unavailable(format!("an operation took longer than {} s and was given up", limit.as_secs()))
    })
}

fn panicked() -> Error {
    Error::internal("a resolver panicked")
}

/// Equal keys see the same data: the same class of caller, document, operation and variables (design.md §4.2).
fn share_key(ctx: &Ctx, wire: &GraphqlRequest) -> String {
    let variables = serde_json::to_string(&wire.variables).unwrap_or_default();
    let operation = wire.operation_name.as_deref().unwrap_or_default();
    [ctx.caller.class().as_str(), operation, variables.as_str(), wire.query.as_str()].join("\u{0}")
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;
    use crate::base::error::ErrorCode;

    #[tokio::test]
    async fn an_execution_that_hangs_is_given_up() {
        let late = in_time(Duration::ZERO, future::pending::<()>()).await.expect_err("it never ends");
        assert_eq!(late.code, ErrorCode::Unavailable, "it may be tried again");
        assert_eq!(in_time(Duration::ZERO, future::ready(1)).await.unwrap(), 1);
    }
}
