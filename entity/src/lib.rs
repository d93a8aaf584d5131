//! PhoneHub's tables: one file a table, typed ids, status enums. No behaviour beyond what a row's own columns say.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

pub mod api_key;
pub mod attempt;
pub mod audit_entry;
pub mod carrier_config;
pub mod contact;
pub mod contact_number;
pub mod conversation;
pub mod enums;
pub mod event;
pub mod event_counter;
pub mod event_reader;
pub mod idempotency_key;
pub mod ids;
pub mod invitation;
pub mod job;
pub mod keyword;
pub mod lane;
pub mod media;
pub mod membership;
pub mod message;
pub mod number;
pub mod opt_out;
pub mod organization;
pub mod password_reset;
pub mod receipt;
pub mod refresh_token;
pub mod session;
pub mod system_setting;
pub mod throttle;
pub mod timeline_entry;
pub mod tombstone;
pub mod user;
pub mod webhook_attempt;
pub mod webhook_delivery;
pub mod webhook_endpoint;
pub mod webhook_secret;

use ids::OrganizationId;

/// A table whose rows belong to exactly one organisation. Reads begin at [`Tenanted::in_org`].
pub trait Tenanted: EntityTrait {
    /// The column that names the organisation.
    const ORGANIZATION: Self::Column;

    /// The organisation's rows: another organisation's answer exactly as missing ones.
    fn in_org(organization: OrganizationId) -> Select<Self> {
        Self::find().filter(Self::ORGANIZATION.eq(organization))
    }
}
