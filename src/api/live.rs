//! Opens an operation for a transport that streams: guarded, then shared or alone, its messages going to an outlet.

use std::time::Duration;

use async_graphql::Executor;
use entity::ids::OrganizationId;
use futures_util::{StreamExt, stream::BoxStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::door::{Door, Prepared};
use super::errors::Answer;
use super::guard::{OperationKind, Refused};
use super::quota::Permit;
use super::request::GraphqlRequest;
use super::shared::{Membership, Outlet, Piece, feed_alone};
use crate::base::ctx::Ctx;
use crate::base::error::{Error, ErrorCode};
use crate::base::telemetry::names;
use crate::graphql::live::Opened;

/// How long a socket waits for a source to open before it goes on with what the client said next.
const OPENING: Duration = Duration::from_millis(500);

/// An operation that was opened. Dropping it stops it; a mutation runs to its end all the same.
#[derive(Debug, Default)]
pub struct Running {
    _shared: Option<Membership>,
    _alone: Option<AbortOnDropHandle<()>>,
    _counted: Option<Counted>,
}

/// A subscription's place in its organisation's quota and in the gauge.
#[derive(Debug)]
pub struct Counted {
    _permit: Permit<Option<OrganizationId>>,
}

impl Counted {
    fn new(permit: Permit<Option<OrganizationId>>) -> Self {
        metrics::gauge!(names::SUBSCRIPTIONS).increment(1.0);
        Self { _permit: permit }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(names::SUBSCRIPTIONS).decrement(1.0);
    }
}

/// An open socket or event stream in the gauge.
#[derive(Debug)]
pub struct Gauged(());

impl Gauged {
    /// Counts one until it is dropped.
    pub fn new() -> Self {
        metrics::gauge!(names::SOCKETS).increment(1.0);
        Self(())
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        metrics::gauge!(names::SOCKETS).decrement(1.0);
    }
}

/// Guards and starts an operation whose answers go to `outlet`; a refusal goes there too. The last frame says that it
/// is the last.
pub async fn open<E: Executor>(door: &Door<E>, ctx: &Ctx, wire: GraphqlRequest, outlet: Outlet) -> Running {
    match door.prepare(ctx, wire).await {
        Ok(prepared) => start(door, ctx, prepared, outlet).await,
        Err(refused) => refuse(door, ctx, refused, &outlet),
    }
}

/// Tells the subscriber why its document is not executed.
pub fn refuse<E: Executor>(door: &Door<E>, ctx: &Ctx, refused: Refused, outlet: &Outlet) -> Running {
    outlet.offer(&Answer::refused(refused, &door.stamp(ctx)).into());
    Running::default()
}

/// Starts what was guarded. A subscription has its source open then: what is committed later reaches it.
pub async fn start<E: Executor>(door: &Door<E>, ctx: &Ctx, prepared: Prepared, outlet: Outlet) -> Running {
    match prepared.kind {
        OperationKind::Subscription => subscribe(door, ctx, prepared, outlet).await,
        OperationKind::Query => {
            let task = tokio::spawn(
                feed_alone(answers(door, ctx, prepared, Opened::default()), outlet).in_current_span(),
            );
            Running { _alone: Some(AbortOnDropHandle::new(task)), ..Running::default() }
        }
        OperationKind::Mutation => {
            tokio::spawn(
                feed_alone(answers(door, ctx, prepared, Opened::default()), outlet).in_current_span(),
            );
            Running::default()
        }
    }
}

async fn subscribe<E: Executor>(
    door: &Door<E>,
    ctx: &Ctx,
    mut prepared: Prepared,
    outlet: Outlet,
) -> Running {
    let Some(permit) = door.subscriptions().take(ctx.caller.organization().ok()) else {
        let message = "The organisation has too many subscriptions open.";
        let error = Error::new(ErrorCode::TooManySubscriptions, message);
        outlet.offer(&Answer::failed(&error, &door.stamp(ctx)).into());
        return Running::default();
    };
    let counted = Some(Counted::new(permit));
    let (running, opened) = if let Some(key) = prepared.share.take() {
        let start = |opened| answers(door, ctx, prepared, opened);
        let membership = door.shared().join(key, outlet, start);
        let opened = membership.opened().clone();
        (Running { _shared: Some(membership), _counted: counted, _alone: None }, opened)
    } else {
        let opened = Opened::default();
        let task = feed_alone(answers(door, ctx, prepared, opened.clone()), outlet).in_current_span();
        let alone = Some(AbortOnDropHandle::new(tokio::spawn(task)));
        (Running { _alone: alone, _counted: counted, _shared: None }, opened)
    };
    let _in_time = timeout(OPENING, opened.wait()).await;
    running
}

fn answers<E: Executor>(
    door: &Door<E>,
    ctx: &Ctx,
    prepared: Prepared,
    opened: Opened,
) -> BoxStream<'static, Piece> {
    door.stream(prepared, ctx.clone(), opened).map(Piece::from).boxed()
}
