//! `setOptOut` and `clearOptOut`: what an organisation knows from elsewhere. Holds for that organisation alone.

use async_graphql::InputObject;
use entity::{
    Tenanted,
    enums::{OptOutScope, OptOutSource},
    ids::{OptOutId, OrganizationId},
    opt_out,
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;

use super::{
    parse_number,
    quiet::{self, Reach},
    record::{lift, put},
};
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        phone::PhoneNumber,
    },
    features::{carrier_configs::senders::sender_key, numbers::find::by_address},
    graphql::scalars::PhoneNumberText,
};

/// A refusal that the organisation knows of.
#[derive(InputObject)]
pub struct SetOptOutInput {
    /// Who refuses, by a number in any common writing.
    pub phone_number: PhoneNumberText,
    /// How far it reaches.
    pub scope: OptOutScope,
    /// The sender that is refused, with the scope SENDER: a number in any common writing, short code, sender id or
    /// messaging service.
    pub sender: Option<String>,
}

/// The refusal to lift: the same words that set it.
#[derive(InputObject)]
pub struct ClearOptOutInput {
    /// Who refused, by a number in any common writing.
    pub phone_number: PhoneNumberText,
    /// How far the refusal reaches.
    pub scope: OptOutScope,
    /// The sender that was refused, with the scope SENDER.
    pub sender: Option<String>,
}

/// The parsed words of both.
struct Meant {
    organization: OrganizationId,
    number: PhoneNumber,
    scope: OptOutScope,
    sender_key: String,
}

/// Puts a refusal in force; one that is in force already stays as it is.
pub async fn set_opt_out(ctx: &Ctx, input: SetOptOutInput) -> Result<opt_out::Model> {
    let meant = meant(ctx, &input.phone_number, input.scope, input.sender.as_deref()).await?;
    let tx = ctx.begin().await?;
    let wanted = opt_out::Model {
        id: OptOutId::new(),
        organization_id: meant.organization,
        contact_number: meant.number.into(),
        scope: meant.scope,
        sender_key: meant.sender_key,
        origin_key: String::new(),
        source: OptOutSource::Api,
        created_at: ctx.now(),
        lifted_at: None,
    };
    let row = put(ctx, &tx, wanted).await?;
    audit::record(ctx, &*tx, "setOptOut", Some(row.id.to_string()), json!({ "scope": row.scope })).await?;
    tx.commit().await?;
    let reach = Reach { organization: meant.organization, sender: None };
    quiet::wait(ctx, reach, &row.contact_number).await;
    Ok(row)
}

/// Lifts a refusal of this organisation, however it became known. The carrier may still refuse by its own list.
pub async fn clear_opt_out(ctx: &Ctx, input: ClearOptOutInput) -> Result<opt_out::Model> {
    let meant = meant(ctx, &input.phone_number, input.scope, input.sender.as_deref()).await?;
    let tx = ctx.begin().await?;
    let row = opt_out::Entity::in_org(meant.organization)
        .filter(opt_out::Column::ContactNumber.eq(meant.number.as_str()))
        .filter(opt_out::Column::Scope.eq(meant.scope))
        .filter(opt_out::Column::SenderKey.eq(meant.sender_key))
        .filter(opt_out::Column::LiftedAt.is_null())
        .one(&*tx)
        .await?;
    let row = row.ok_or_else(|| {
        Error::new(ErrorCode::NotFound, "No such opt-out is in force here.").at(&["phoneNumber"])
    })?;
    let detail = json!({ "scope": row.scope, "source": row.source });
    let row = lift(ctx, &tx, row).await?;
    audit::record(ctx, &*tx, "clearOptOut", Some(row.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(row)
}

async fn meant(
    ctx: &Ctx,
    number: &PhoneNumberText,
    scope: OptOutScope,
    sender: Option<&str>,
) -> Result<Meant> {
    let organization = ctx.require(Permission::ContactsWrite)?;
    let number = parse_number(ctx, organization, number).await?;
    let sender_key = match (scope, sender) {
        (OptOutScope::Organization, None) => String::new(),
        (OptOutScope::Organization, Some(_)) => {
            return Err(Error::input(&["sender"], "The scope ORGANIZATION is every sender: name none."));
        }
        (OptOutScope::Sender, None) => {
            return Err(Error::input(&["sender"], "The scope SENDER needs the sender that is refused."));
        }
        (OptOutScope::Sender, Some(text)) => {
            let found = by_address(ctx.db(), organization, text).await?;
            let found = found.ok_or_else(|| {
                Error::new(ErrorCode::UnknownSender, "This organisation has no such sender.").at(&["sender"])
            })?;
            sender_key(&found.account, &found.address)
        }
    };
    Ok(Meant { organization, number, scope, sender_key })
}
