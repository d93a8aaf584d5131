//! The job of an endpoint: one at a time on all instances, by lease. It plans what the log has for the endpoint, makes
//! the attempts that are due, and ends when there is nothing to do; a commit or the next retry brings it back.

use std::{pin::Pin, time::Instant};

use chrono::{DateTime, Utc};
use entity::{
    ids::{OrganizationId, WebhookEndpointId},
    webhook_endpoint,
};
use futures_util::{Stream, StreamExt};
use sea_orm::EntityTrait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    attempt::{self, Made, Target},
    lanes::Lanes,
    plan, record, secrets, settle,
};
use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
    events::Event,
    jobs::{BACKGROUND, Handler, Lease, NewJob, Outcome},
};

const KIND: &str = "forward_webhooks";
/// Live events that one look at the log answers.
const CHUNK: usize = 500;

/// Delivers to one endpoint.
#[derive(Debug)]
pub struct Forward {
    stop: CancellationToken,
}

impl Forward {
    /// Begins no attempt once `stop` is cancelled.
    pub const fn new(stop: CancellationToken) -> Self {
        Self { stop }
    }
}

/// The endpoint's job, to run from a time on.
pub fn job(organization_id: OrganizationId, endpoint: WebhookEndpointId, run_at: DateTime<Utc>) -> NewJob {
    NewJob {
        organization_id,
        kind: KIND,
        subject: endpoint.to_string(),
        payload: serde_json::json!({}),
        priority: BACKGROUND,
        run_at,
    }
}

#[async_trait::async_trait]
impl Handler for Forward {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        let Ok(endpoint) = lease.job.subject.parse() else {
            return Ok(Outcome::Dead("its subject is no endpoint".to_owned()));
        };
        if let Some(mut run) = Run::open(ctx, lease, endpoint).await? {
            run.work(&self.stop).await?;
        }
        settle::settle(ctx, lease, endpoint).await?;
        Ok(Outcome::Settled)
    }
}

type Live = Pin<Box<dyn Stream<Item = Vec<Result<Event>>> + Send>>;

/// One run of the job.
struct Run<'a> {
    ctx: &'a Ctx,
    lease: &'a Lease,
    endpoint: WebhookEndpointId,
    target: Target,
    lanes: Lanes,
    calls: JoinSet<Made>,
    /// Says only that the log has grown: what it holds is read and planned from there.
    live: Live,
    /// The log may hold more than was planned.
    behind: bool,
    /// The endpoint takes deliveries.
    is_on: bool,
    /// No attempt begins later, so that each one ends within the lease.
    until: Instant,
}

impl<'a> Run<'a> {
    /// `None` when there is nobody to deliver to.
    async fn open(ctx: &'a Ctx, lease: &'a Lease, endpoint: WebhookEndpointId) -> Result<Option<Self>> {
        let Some(target) = target(ctx, endpoint).await? else { return Ok(None) };
        let events = ctx.hub.feeds.subscribe(lease.job.organization_id, None).await?;
        let timeout = ctx.hub.webhooks.settings().timeout;
        let until = Instant::now() + lease.left().saturating_sub(timeout + timeout / 4);
        Ok(Some(Self {
            ctx,
            lease,
            endpoint,
            target,
            lanes: Lanes::default(),
            calls: JoinSet::new(),
            live: Box::pin(events.ready_chunks(CHUNK)),
            behind: true,
            is_on: true,
            until,
        }))
    }

    /// Until nothing is to do, or the time is over.
    async fn work(&mut self, stop: &CancellationToken) -> Result<()> {
        loop {
            if self.is_on && !stop.is_cancelled() && Instant::now() < self.until {
                self.refill().await?;
                self.start();
            }
            if self.calls.is_empty() {
                return Ok(());
            }
            let gap = self.lanes.gap_ends();
            tokio::select! {
                Some(made) = self.calls.join_next() => self.take(made).await?,
                Some(_) = self.live.next() => self.behind = true,
                () = tokio::time::sleep_until(gap.unwrap_or_else(Instant::now).into()), if gap.is_some() => {}
            }
        }
    }

    async fn refill(&mut self) -> Result<()> {
        while self.lanes.wants_more() {
            self.lanes.read_first(self.ctx, self.endpoint).await?;
            if !self.lanes.wants_more() {
                self.renew_target().await?;
                break;
            }
            if !self.behind {
                break;
            }
            self.behind = plan::plan(self.ctx, self.lease, self.endpoint).await?;
        }
        self.lanes.read_retries(self.ctx, self.endpoint).await
    }

    /// The address and the secrets may have changed since the last look.
    async fn renew_target(&mut self) -> Result<()> {
        match target(self.ctx, self.endpoint).await? {
            Some(target) => self.target = target,
            None => self.is_on = false,
        }
        Ok(())
    }

    fn start(&mut self) {
        while self.is_on
            && let Some(delivery) = self.lanes.start_next()
        {
            let (hub, target) = (self.ctx.hub.clone(), self.target.clone());
            self.calls.spawn(attempt::make(hub, target, delivery, self.ctx.now()));
        }
    }

    /// Records what has ended: one transaction for all that ended meanwhile.
    async fn take(&mut self, first: Result<Made, tokio::task::JoinError>) -> Result<()> {
        let mut made = vec![first.map_err(Error::internal)?];
        while let Some(more) = self.calls.try_join_next() {
            made.push(more.map_err(Error::internal)?);
        }
        for made in &made {
            self.lanes.answered(made.delivery.id);
        }
        self.is_on &= record::record(self.ctx, self.lease, self.endpoint, &made).await?;
        for made in &made {
            self.lanes.ended(made.delivery.id);
        }
        Ok(())
    }
}

/// Where to deliver; `None` when the endpoint is off or gone.
async fn target(ctx: &Ctx, endpoint: WebhookEndpointId) -> Result<Option<Target>> {
    let row = webhook_endpoint::Entity::find_by_id(endpoint).one(ctx.db()).await?;
    let Some(row) = row.filter(|row| row.disabled_at.is_none()) else { return Ok(None) };
    let url = Url::parse(&row.url).map_err(Error::internal)?;
    Ok(Some(Target { url, keys: secrets::signing_keys(ctx, endpoint).await?.into() }))
}
