//! Saving, rotating, seeding and choosing configs over a real database. What the carrier says is tested over HTTP.

mod resolving;
mod saving;
mod seeding;

use async_graphql::MaybeUndefined;
use entity::{enums::Provider, number};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::save::{CarrierCredentialsInput, SaveCarrierConfigInput};
use crate::{base::ctx::Ctx, features::testing::World, graphql::scalars::UrlText};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";
const TOKEN: &str = "canary-token-0001";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

fn sid(n: u8) -> String {
    format!("AC{n:032x}")
}

fn credentials(n: u8, token: &str) -> CarrierCredentialsInput {
    CarrierCredentialsInput {
        account_sid: sid(n),
        auth_token: token.to_owned(),
        previous_auth_token: None,
        api_key_sid: None,
        api_key_secret: None,
    }
}

/// Changes nothing.
fn unchanged() -> SaveCarrierConfigInput {
    SaveCarrierConfigInput {
        id: None,
        system: false,
        provider: Provider::Twilio,
        credentials: None,
        end_token_rotation: false,
        base_url: None,
        default_sender: MaybeUndefined::Undefined,
        senders: None,
        messaging_service_sid: MaybeUndefined::Undefined,
        in_doubt_policy: None,
        messages_per_second: None,
        replies_to_stop: None,
        is_default: None,
    }
}

/// A config of account `n` with these senders.
fn config(n: u8, senders: &[&str]) -> SaveCarrierConfigInput {
    SaveCarrierConfigInput {
        credentials: Some(credentials(n, TOKEN)),
        base_url: Some(UrlText(NOWHERE.into())),
        senders: Some(senders.iter().map(|sender| (*sender).to_owned()).collect()),
        ..unchanged()
    }
}

async fn senders_of(ctx: &Ctx) -> Vec<(String, bool)> {
    let own = number::Column::OrganizationId.eq(ctx.organization().unwrap());
    let rows = number::Entity::find().filter(own).all(ctx.db()).await.unwrap();
    let mut rows: Vec<_> = rows.into_iter().map(|row| (row.address, row.is_primary)).collect();
    rows.sort();
    rows
}
