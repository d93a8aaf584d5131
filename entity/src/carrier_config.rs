//! `carrier_configs`: an organisation's account at a carrier, or the system's (no organisation).

use sea_orm::entity::prelude::*;

use crate::{
    enums::{InDoubtPolicy, Provider},
    ids::{CarrierConfigId, OrganizationId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "carrier_configs")]
pub struct Model {
    /// Public prefix `cfg_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CarrierConfigId,
    /// Null: system-wide, the fallback of every organisation.
    pub organization_id: Option<OrganizationId>,
    /// Which carrier.
    pub provider: Provider,
    /// `provider:base host:account id`: the carrier account that ids and senders are unique in.
    pub account: String,
    /// The carrier's id of the account (Twilio: `AC…`); no secret.
    pub account_id: String,
    /// Sealed.
    pub credentials: Vec<u8>,
    /// Last four characters of the secret.
    pub credentials_hint: String,
    /// When the secret was last set.
    pub credentials_set_at: DateTimeUtc,
    /// Where the carrier's API answers.
    pub base_url: String,
    /// Address that sends when the caller names none.
    pub default_sender: Option<String>,
    /// Twilio `MG…`: sends instead of a single sender.
    pub messaging_service: Option<String>,
    /// What happens to a message of which nobody knows whether it was sent.
    pub in_doubt_policy: InDoubtPolicy,
    /// Pace per sender; 0 leaves the pace to the carrier.
    pub messages_per_second: i32,
    /// The carrier itself answers STOP, START and HELP, so we must not.
    pub replies_to_stop: bool,
    /// When the carrier last let these credentials in. Null: never yet, or no more; then the config holds no account.
    pub proven_at: Option<DateTimeUtc>,
    /// Messages sent through it are marked as test.
    pub is_test: bool,
    /// Chosen when an organisation has several.
    pub is_default: bool,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Last change.
    pub updated_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
