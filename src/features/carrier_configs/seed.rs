//! The system config from the environment: written at start, and again only when the environment changed, so that what
//! operators set by hand stays.

use async_graphql::MaybeUndefined;
use base64::{Engine, engine::general_purpose::STANDARD};
use entity::{enums::Provider, system_setting};
use sea_orm::EntityTrait;
use secrecy::{ExposeSecret, SecretString};

use super::{
    owner::Owner,
    plan::Plan,
    prove, query,
    save::{self, CarrierCredentialsInput, SaveCarrierConfigInput},
    senders::{self, Senders},
};
use crate::{
    base::{
        ctx::Ctx,
        error::{ErrorCode, Result},
        start::set_system_setting,
        tokens,
        tx::Tx,
    },
    config::Config,
    graphql::scalars::UrlText,
};

/// The setting that remembers what was seeded, hashed.
const SEEDED: &str = "twilio_seed";
/// Instances that start together race for the one row; the second look finds it.
const LOOKS: usize = 3;

/// The account of the system config.
#[derive(Debug, Clone)]
pub struct SystemSeed {
    /// `AC…`.
    pub account_sid: String,
    /// Its Auth Token.
    pub auth_token: SecretString,
    /// Where it answers; `None`: at Twilio.
    pub base_url: Option<String>,
    /// The first one is the default.
    pub senders: Vec<String>,
}

impl SystemSeed {
    /// From `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN` and `TWILIO_PHONE_NUMBER`, where they are set.
    pub fn from_config(config: &Config) -> Option<Self> {
        let seed = config.twilio.as_ref()?;
        Some(Self {
            account_sid: seed.account_sid.clone(),
            auth_token: seed.auth_token.clone(),
            base_url: seed.base_url.as_ref().map(ToString::to_string),
            senders: vec![seed.phone_number.clone()],
        })
    }

    /// Tells one seed from another without keeping the token.
    fn fingerprint(&self) -> String {
        let parts = [
            self.account_sid.as_str(),
            self.auth_token.expose_secret(),
            self.base_url.as_deref().unwrap_or_default(),
        ];
        let text = parts.into_iter().chain(self.senders.iter().map(String::as_str)).collect::<Vec<_>>();
        STANDARD.encode(tokens::hash(&text.join("\n")))
    }

    fn into_input(self) -> SaveCarrierConfigInput {
        SaveCarrierConfigInput {
            id: None,
            system: true,
            provider: Provider::Twilio,
            credentials: Some(CarrierCredentialsInput {
                account_sid: self.account_sid,
                auth_token: self.auth_token.expose_secret().to_owned(),
                previous_auth_token: None,
                api_key_sid: None,
                api_key_secret: None,
            }),
            end_token_rotation: false,
            base_url: Some(UrlText(
                self.base_url.unwrap_or_else(|| crate::carriers::twilio::DEFAULT_BASE_URL.to_owned()),
            )),
            default_sender: self
                .senders
                .first()
                .cloned()
                .map_or(MaybeUndefined::Undefined, MaybeUndefined::Value),
            senders: Some(self.senders),
            messaging_service_sid: MaybeUndefined::Undefined,
            in_doubt_policy: None,
            messages_per_second: None,
            replies_to_stop: None,
            is_default: None,
        }
    }
}

/// Makes the system config what the seed says, when the seed changed since the last start. Safe to call by several
/// instances at once, and without the carrier, which `prove` asks later. A sender that an organisation's config of the same
/// account has already, and that the carrier lets in, is told in the log and leaves the system config as it was: no tenant
/// can keep the server from starting.
pub async fn seed_system(ctx: &Ctx, seed: &SystemSeed) -> Result<()> {
    for _ in 1..LOOKS {
        match try_seed(ctx, seed).await {
            Err(error) if error.code == ErrorCode::Conflict => {}
            other => return other,
        }
    }
    match try_seed(ctx, seed).await {
        Err(error) if error.code == ErrorCode::Conflict => {
            tracing::error!(
                account = seed.account_sid,
                "the system config was not seeded: {}",
                error.message
            );
            Ok(())
        }
        other => other,
    }
}

async fn try_seed(ctx: &Ctx, seed: &SystemSeed) -> Result<()> {
    let owner = Owner::system(ctx.db()).await?;
    if owner.holder.is_none() {
        tracing::warn!(
            "no operator's organisation yet: senders of the system config get no rows until there is one"
        );
    }
    let fingerprint = seed.fingerprint();
    let seeded = system_setting::Entity::find_by_id(SEEDED).one(ctx.db()).await?;
    let stored = query::of_system().one(ctx.db()).await?;
    if stored.is_some() && seeded.is_some_and(|row| row.value == fingerprint) {
        let tx = ctx.begin().await?;
        claim_system_senders(ctx, &tx).await?;
        return tx.commit().await;
    }
    let plan = Plan::make(ctx, &owner, seed.clone().into_input()).await?;
    let outdated = prove::outdated(ctx, &plan).await?;
    let tx = ctx.begin().await?;
    for rival in &outdated {
        prove::displace(ctx, &tx, rival).await?;
    }
    save::write(ctx, &tx, &owner, &plan).await?;
    set_system_setting(&tx, SEEDED, fingerprint).await?;
    tx.commit().await
}

/// Gives the operator's organisation the rows of the system config's senders, where it was made after the config.
pub async fn claim_system_senders(ctx: &Ctx, tx: &Tx) -> Result<()> {
    let owner = Owner::system(&**tx).await?;
    let Some(holder) = owner.holder else { return Ok(()) };
    for config in query::of_system().all(&**tx).await? {
        let known = senders::addresses(&**tx, config.id).await?;
        if !known.is_empty() {
            continue;
        }
        let addresses = config.default_sender.iter().chain(&config.messaging_service).cloned().collect();
        let claimed = Senders {
            addresses,
            default: config.default_sender.clone(),
            service: config.messaging_service.clone(),
        };
        senders::write(tx, &config, holder, &claimed, ctx.now()).await?;
    }
    Ok(())
}
