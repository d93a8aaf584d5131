//! From settings to a `Hub`: connects, migrates, checks that the keys are this database's, opens the bus.

use std::sync::Arc;

use entity::system_setting;
use sea_orm::{DatabaseTransaction, EntityTrait, Set, sea_query::OnConflict};
use secrecy::ExposeSecret;
use tokio::sync::Notify;

use super::{
    breaker::Breakers,
    bus::{self, Bus, RedisBus, Signals},
    clock::Clock,
    ctx::Hub,
    db::Db,
    error::{Error, Result},
    feed::Feeds,
    http::{HttpClient, HttpSettings, Reach},
    life,
    parts::Parts,
    presence::Presence,
    secrets::Keyring,
    tx::{Tx, Writer},
};
use crate::config::Config;

const CANARY: &str = "master_key_canary";

impl Hub {
    /// Opens everything that lives as long as the process. Redis may be down; the database may not.
    pub async fn open(config: Config, clock: Clock) -> Result<Arc<Self>> {
        let (master_keys, token_keys) = config.keys.resolve().map_err(Error::internal)?;
        let db = Db::connect(&config.database, &config.pool).await?;
        if !db.is_migrated().await? {
            db.migrate().await?;
        }
        let log_life = life::present(db.read()).await?;
        let (tell, signals) = bus::signals();
        let bus = open_bus(&config, tell)?;
        let hub = Arc::new(Self {
            feeds: Feeds::start(db.clone(), bus, signals),
            http: HttpClient::new(carrier_http(&config)).map_err(Error::internal)?,
            keyring: Keyring::new(&master_keys),
            writer: Writer::default(),
            worker: Arc::new(Notify::new()),
            breakers: Breakers::new(config.delivery.carrier_timeout),
            presence: Presence::default(),
            parts: Parts::default(),
            media: HttpClient::new(HttpSettings::media()).map_err(Error::internal)?,
            webhooks: HttpClient::new(webhook_http(&config)).map_err(Error::internal)?,
            config,
            clock,
            db,
            token_keys,
            log_life,
        });
        hub.check_master_key().await?;
        Ok(hub)
    }

    /// Refuses to go on with another master key than the database was sealed with.
    async fn check_master_key(self: &Arc<Self>) -> Result<()> {
        let stored = system_setting::Entity::find_by_id(CANARY).one(self.db.read()).await?;
        let outdated = match &stored {
            Some(row) => self.keyring.check_canary(&row.value).map_err(Error::internal)?,
            None => true,
        };
        if !outdated {
            return Ok(());
        }
        let value = self.keyring.seal_canary().map_err(Error::internal)?;
        let tx = Tx::begin(self).await?;
        set_system_setting(&tx, CANARY, value).await?;
        tx.commit().await
    }
}

/// Writes one of the installation's own switches.
pub async fn set_system_setting(tx: &DatabaseTransaction, key: &str, value: String) -> Result<()> {
    let row = system_setting::ActiveModel { key: Set(key.to_owned()), value: Set(value) };
    let replace = OnConflict::column(system_setting::Column::Key)
        .update_column(system_setting::Column::Value)
        .to_owned();
    system_setting::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

fn open_bus(config: &Config, tell: Signals) -> Result<Bus> {
    match &config.redis {
        None => Ok(Bus::Memory),
        Some(url) => Ok(Bus::Redis(RedisBus::start(url.expose_secret(), tell).map_err(Error::internal)?)),
    }
}

fn carrier_http(config: &Config) -> HttpSettings {
    let reach = if config.allow_private_carrier_urls { Reach::Private } else { Reach::Public };
    HttpSettings { timeout: config.delivery.carrier_timeout, ..HttpSettings::carrier(reach) }
}

/// A call to a partner ends well within the lease of the job that makes it.
fn webhook_http(config: &Config) -> HttpSettings {
    let reach = if config.allow_private_carrier_urls { Reach::Loopback } else { Reach::Public };
    let usual = HttpSettings::webhook(reach);
    HttpSettings { timeout: usual.timeout.min(config.delivery.job_lease / 3), ..usual }
}
