//! What a save will write, complete and checked, before a transaction begins.

use entity::{carrier_config, enums::InDoubtPolicy, ids::CarrierConfigId};
use secrecy::SecretString;

use super::{
    account::{Account, is_sid},
    credentials::{ApiKey, Credentials, place},
    owner::Owner,
    query,
    save::{CarrierCredentialsInput, SaveCarrierConfigInput},
    senders::{self, Senders, SendersInput},
};
use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
};

/// Messages per second and sender that may be asked for.
const FASTEST: i32 = 1_000;
/// Characters of a token or secret.
const LONGEST_SECRET: usize = 200;

/// A config as it will be.
pub struct Plan {
    /// As it is now; none for a new one.
    pub before: Option<carrier_config::Model>,
    /// As it will be.
    pub row: carrier_config::Model,
    /// Its senders.
    pub senders: Senders,
    /// Credentials that came with this save.
    pub fresh: Option<Credentials>,
}

impl Plan {
    /// Joins what is there and what is asked for.
    pub async fn make(ctx: &Ctx, owner: &Owner, input: SaveCarrierConfigInput) -> Result<Self> {
        let others = match owner.organization {
            Some(organization) => query::of_organization(organization).all(ctx.db()).await?,
            None => query::of_system().all(ctx.db()).await?,
        };
        let before = chosen(&others, &input)?;
        let known = match &before {
            Some(row) => senders::addresses(ctx.db(), row.id).await?,
            None => Vec::new(),
        };
        let only = others.iter().all(|row| before.as_ref().is_some_and(|before| before.id == row.id));
        Self::join(ctx, owner, before, Joined { input, known, only })
    }

    fn join(ctx: &Ctx, owner: &Owner, before: Option<carrier_config::Model>, joined: Joined) -> Result<Self> {
        let Joined { input, known, only } = joined;
        let url = input.base_url.as_ref().map(|url| url.0.as_str());
        let sid = input.credentials.as_ref().map(|given| given.account_sid.as_str());
        if before.is_none() && sid.is_none() {
            return Err(Error::input(&["credentials"], "A new config needs credentials."));
        }
        let account = Account::after(before.as_ref(), sid, url, &ctx.hub.http)?;
        let fresh = input.credentials.map(parse_credentials).transpose()?;
        let listed = SendersInput {
            listed: input.senders,
            default: input.default_sender,
            service: input.messaging_service_sid,
        };
        let senders = Senders::after(before.as_ref(), known, listed, owner.region)?;
        let kept = before.as_ref();
        let mut row = carrier_config::Model {
            id: kept.map_or_else(CarrierConfigId::new, |row| row.id),
            organization_id: owner.organization,
            provider: input.provider,
            account: account.key(),
            account_id: account.sid.as_str().to_owned(),
            credentials: Vec::new(),
            credentials_hint: String::new(),
            credentials_set_at: kept
                .filter(|_| fresh.is_none())
                .map_or(ctx.now(), |row| row.credentials_set_at),
            base_url: account.url().to_owned(),
            default_sender: senders.default.clone(),
            messaging_service: senders.service.clone(),
            in_doubt_policy: input
                .in_doubt_policy
                .unwrap_or(kept.map_or(InDoubtPolicy::Hold, |row| row.in_doubt_policy)),
            messages_per_second: pace(input.messages_per_second, kept)?,
            replies_to_stop: input.replies_to_stop.unwrap_or(kept.is_none_or(|row| row.replies_to_stop)),
            proven_at: kept.filter(|_| fresh.is_none()).and_then(|row| row.proven_at),
            is_test: account.is_test(),
            is_default: only || input.is_default.unwrap_or(kept.is_some_and(|row| row.is_default)),
            created_at: kept.map_or(ctx.now(), |row| row.created_at),
            updated_at: ctx.now(),
        };
        seal(ctx, kept, fresh.clone(), input.end_token_rotation, &mut row)?;
        Ok(Self { before, row, senders, fresh })
    }
}

struct Joined {
    input: SaveCarrierConfigInput,
    known: Vec<String>,
    only: bool,
}

/// The config that a save means: the named one, else the one of the provider.
fn chosen(
    own: &[carrier_config::Model],
    input: &SaveCarrierConfigInput,
) -> Result<Option<carrier_config::Model>> {
    let Some(id) = input.id else {
        return Ok(own.iter().find(|row| row.provider == input.provider).cloned());
    };
    let row = own.iter().find(|row| row.id == id).ok_or_else(|| Error::not_found().at(&["id"]))?;
    if row.provider != input.provider {
        return Err(Error::input(&["provider"], "A config stays with its provider. Make another one."));
    }
    Ok(Some(row.clone()))
}

fn pace(asked: Option<i32>, kept: Option<&carrier_config::Model>) -> Result<i32> {
    match asked {
        None => Ok(kept.map_or(0, |row| row.messages_per_second)),
        Some(pace) if (0..=FASTEST).contains(&pace) => Ok(pace),
        Some(_) => {
            let text = format!("Messages per second are 0 (the carrier's own pace) to {FASTEST}.");
            Err(Error::input(&["messagesPerSecond"], text))
        }
    }
}

/// Fills in the sealed credentials: fresh ones, or those that were there.
fn seal(
    ctx: &Ctx,
    kept: Option<&carrier_config::Model>,
    fresh: Option<Credentials>,
    end_rotation: bool,
    row: &mut carrier_config::Model,
) -> Result<()> {
    let keyring = &ctx.hub.keyring;
    let before = kept.map(|kept| Credentials::open(keyring, kept)).transpose()?;
    let same_account = kept.is_some_and(|kept| kept.account == row.account);
    let credentials = match fresh {
        Some(fresh) => fresh.succeeding(before.filter(|_| same_account)),
        None => before.ok_or_else(|| Error::input(&["credentials"], "A new config needs credentials."))?,
    };
    let credentials =
        if end_rotation { Credentials { previous_auth_token: None, ..credentials } } else { credentials };
    row.credentials_hint = credentials.hint();
    row.credentials = credentials.seal(keyring, &place(row.organization_id, row.id))?;
    Ok(())
}

fn parse_credentials(input: CarrierCredentialsInput) -> Result<Credentials> {
    let api_key = match (input.api_key_sid, input.api_key_secret) {
        (None, None) => None,
        (Some(sid), Some(secret)) if is_sid("SK", sid.trim()) => {
            Some(ApiKey { sid: sid.trim().to_owned(), secret: parse_secret(&secret, "apiKeySecret")? })
        }
        (Some(_), Some(_)) => {
            let text = "An API key's SID is SK and 32 hexadecimal digits.";
            return Err(Error::input(&["credentials", "apiKeySid"], text));
        }
        _ => {
            let text = "An API key is its SID and its secret: give both or none.";
            return Err(Error::input(&["credentials", "apiKeySecret"], text));
        }
    };
    let previous = input.previous_auth_token.as_deref();
    Ok(Credentials {
        auth_token: parse_secret(&input.auth_token, "authToken")?,
        previous_auth_token: previous.map(|token| parse_secret(token, "previousAuthToken")).transpose()?,
        api_key,
    })
}

fn parse_secret(text: &str, field: &'static str) -> Result<SecretString> {
    let text = text.trim();
    if !(1..=LONGEST_SECRET).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::input(&["credentials", field], "A secret is printable ASCII without spaces."));
    }
    Ok(text.into())
}
