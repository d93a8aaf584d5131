//! The composition root: settings become a running server here, in one place, and stop here.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, middleware};
use secrecy::SecretString;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::{
        self, audit,
        connections::{Connections, Peer, QUIET},
        door::Door,
        explorer, http, media, operations,
        schema::{self, AppSchema},
        webhooks,
    },
    base::{
        clock::Clock,
        ctx::{Ctx, Hub},
        error::{Error, Result},
        jobs::{Handlers, Worker, orphans},
        stop,
        telemetry::{self, Metrics},
    },
    config::Config,
    demo::{self, Demo},
    features::{
        carrier_configs::seed::{self, SystemSeed},
        messages::{
            deliver::Deliver, erase::Erase, poll::Poll, reconcile::Reconcile, redact::carrier::Redact, sweep,
        },
        organizations::retention,
        webhook_endpoints::{forward::Forward, tend},
    },
    sandbox,
};

/// A running server.
#[derive(Debug)]
pub struct App {
    /// What the process has.
    pub hub: Arc<Hub>,
    /// Where it listens.
    pub addr: SocketAddr,
    /// What a demo prints.
    pub demo: Option<Demo>,
    stopping: CancellationToken,
    draining: CancellationToken,
    server: JoinHandle<io::Result<()>>,
    worker: JoinHandle<()>,
    sweep: JoinHandle<()>,
    webhooks: JoinHandle<()>,
    sockets: TaskTracker,
    sandbox: Option<sandbox::Running>,
    _presence: Option<orphans::Presence>,
}

/// Runs until the operating system asks the process to stop.
pub async fn serve(config: Config) -> Result<()> {
    telemetry::start_log(&config.log);
    let taken =
        |error| Error::internal(format!("PHONEHUB_LISTEN: {} cannot be used: {error}", config.listen));
    let listener = TcpListener::bind(config.listen).await.map_err(taken)?;
    let app = App::start(config, listener, Clock::default()).await?;
    let stop = stop::requested();
    if let Some(demo) = &app.demo {
        demo.print(app.addr);
    }
    tracing::info!(address = %app.addr, "PhoneHub is ready");
    stop.await;
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}

impl App {
    /// Opens, seeds, and joins everything; answers once requests are taken.
    pub async fn start(mut config: Config, listener: TcpListener, clock: Clock) -> Result<Self> {
        let metrics = Metrics::install().map_err(Error::internal)?;
        let addr = listener.local_addr().map_err(Error::internal)?;
        let sandbox = if config.demo { Some(demo::start_sandbox(&mut config).await?) } else { None };
        let hub = Hub::open(config, clock).await?;
        let ctx = Ctx::administrator(hub.clone());
        let demo = if hub.config.demo { Some(demo::seed(&ctx, sandbox.as_ref()).await?) } else { None };
        if let Some(seed) = SystemSeed::from_config(&hub.config).filter(|_| demo.is_none()) {
            seed::seed_system(&ctx, &seed).await?;
        }
        retention::publish(&ctx).await?;
        let presence = orphans::adopt(&hub).await?;
        let (stopping, draining) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(stopping.clone().run_until_cancelled_owned(metrics.clone().keep_bounded()));
        // Beyond loopback anybody can claim to be on this machine: `Host` is the client's own word.
        let demo_token =
            demo.as_ref().filter(|_| hub.config.listens_on_loopback()).map(|demo| demo.token.clone());
        let door = Door::new(hub.clone(), schema::build(), &schema::sdl(), stopping.clone());
        let sockets = door.open().clone();
        let router = router(&hub, door, metrics, demo_token);
        let service = router.into_make_service_with_connect_info::<Peer>();
        let listener = Connections::new(listener, QUIET);
        let server =
            axum::serve(listener, service).with_graceful_shutdown(draining.clone().cancelled_owned());
        Ok(Self {
            addr,
            server: tokio::spawn(server.into_future()),
            worker: tokio::spawn(Worker::new(hub.clone(), handlers(&stopping), stopping.clone()).run()),
            sweep: tokio::spawn(sweep::run(hub.clone(), stopping.clone())),
            webhooks: tokio::spawn(tend::run(hub.clone(), stopping.clone())),
            sockets,
            hub,
            demo,
            stopping,
            draining,
            sandbox,
            _presence: presence,
        })
    }

    /// Claims no more jobs and closes sockets; lets calls in flight finish within the configured grace.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        self.draining.cancel();
        let grace = self.hub.config.shutdown_grace;
        let finished = async {
            let _ = (&mut self.worker).await;
            let _ = (&mut self.sweep).await;
            let _ = (&mut self.webhooks).await;
            let _ = (&mut self.server).await;
            self.sockets.close();
            self.sockets.wait().await;
        };
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!(
                "not everything finished in time; what was under way is taken up after the next start"
            );
        }
        self.abort();
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.stop().await;
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), self.hub.db.clone().close()).await;
    }

    /// Ends the tasks where they are, as a crash would.
    pub fn abort(&self) {
        self.stopping.cancel();
        self.server.abort();
        self.worker.abort();
        self.sweep.abort();
        self.webhooks.abort();
    }
}

/// Every kind of work that the worker does.
fn handlers(stopping: &CancellationToken) -> Handlers {
    let messages = Handlers::default().with(Deliver).with(Reconcile).with(Poll).with(Redact).with(Erase);
    messages.with(Forward::new(stopping.clone()))
}

/// Every route, behind the middleware that gives requests their ids.
fn router(
    hub: &Arc<Hub>,
    door: Door<AppSchema>,
    metrics: Metrics,
    demo_token: Option<SecretString>,
) -> Router {
    Router::new()
        .merge(api::routes(door))
        .merge(webhooks::router(hub.clone()))
        .merge(media::router(hub.clone()))
        .merge(audit::routes(hub.clone()))
        .merge(operations::routes(hub.clone(), metrics))
        .merge(explorer::routes(demo_token))
        .layer(middleware::from_fn_with_state(hub.clone(), http::observe))
}
