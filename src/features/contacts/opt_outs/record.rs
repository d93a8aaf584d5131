//! Refusals as they become known: by STOP and START, by the carrier's own list, by hand. Writes inside the caller's
//! transaction, so that what was acknowledged is in force.

use entity::{
    enums::{OptOutScope, OptOutSource},
    ids::{OptOutId, OrganizationId},
    message, number, opt_out,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set,
    sea_query::OnConflict,
};

use super::quiet;
use crate::{
    base::{ctx::Ctx, error::Result, tx::Tx},
    features::{carrier_configs::senders::sender_key, contacts::notice},
};

/// Who refuses, or receives again, from whom.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// The organisation whose conversation it is, or whose message was refused.
    pub organization: OrganizationId,
    /// The organisation that the sender belongs to: another one for a shared sender.
    pub sender_owner: OrganizationId,
    /// `account/address` of the sender or messaging service.
    pub sender_key: &'a str,
    /// E.164 of the person.
    pub contact_number: &'a str,
}

/// The person wrote STOP: blocks the sender for everybody who uses it, and the whole organisation whose conversation it
/// was, but no other organisation.
pub async fn record_stop(ctx: &Ctx, tx: &Tx, refusal: Refusal<'_>) -> Result<()> {
    record(ctx, tx, refusal, OptOutSource::Keyword).await
}

/// The carrier refused a message by its own list (Twilio 21610): holds like a STOP that was never seen here.
pub async fn record_carrier_refusal(ctx: &Ctx, tx: &Tx, message: &message::Model) -> Result<()> {
    let number = match message.number_id {
        Some(id) => number::Entity::find_by_id(id).one(&**tx).await?,
        None => None,
    };
    let refusal = Refusal {
        organization: message.organization_id,
        sender_owner: number.map_or(message.organization_id, |number| number.organization_id),
        sender_key: &sender_key(&message.account, &message.sender),
        contact_number: &message.recipient,
    };
    record(ctx, tx, refusal, OptOutSource::Carrier).await
}

async fn record(ctx: &Ctx, tx: &Tx, refusal: Refusal<'_>, source: OptOutSource) -> Result<()> {
    let Refusal { organization, sender_owner, sender_key, contact_number } = refusal;
    let row = |organization_id, scope, key: &str| opt_out::Model {
        id: OptOutId::new(),
        organization_id,
        contact_number: contact_number.to_owned(),
        scope,
        sender_key: key.to_owned(),
        origin_key: sender_key.to_owned(),
        source,
        created_at: ctx.now(),
        lifted_at: None,
    };
    put(ctx, tx, row(sender_owner, OptOutScope::Sender, sender_key)).await?;
    put(ctx, tx, row(organization, OptOutScope::Organization, "")).await?;
    Ok(())
}

/// The person wrote START to a sender: lifts what STOP to that sender set, and nothing else; on a shared sender for
/// every organisation. Where the person also stopped another sender of the organisation, its refusal of the whole
/// organisation stays. Answers what was lifted.
pub async fn record_start(ctx: &Ctx, tx: &Tx, consent: Refusal<'_>) -> Result<Vec<opt_out::Model>> {
    let mut stopped =
        in_force(consent.contact_number).filter(opt_out::Column::OriginKey.eq(consent.sender_key));
    if !holds_sender(&**tx, consent).await? {
        stopped = stopped.filter(opt_out::Column::OrganizationId.eq(consent.organization));
    }
    let mut lifted = Vec::new();
    for row in stopped.all(&**tx).await? {
        match other_stop(&**tx, &row).await? {
            Some(other) if row.scope == OptOutScope::Organization => {
                let moved = opt_out::Model { origin_key: other.sender_key, ..row };
                moved.into_active_model().reset_all().update(&**tx).await?;
            }
            _ => lifted.push(lift(ctx, tx, row).await?),
        }
    }
    Ok(lifted)
}

/// Whether it came in through the config that holds the sender, and not through one that only names its account.
async fn holds_sender(db: &impl ConnectionTrait, refusal: Refusal<'_>) -> Result<bool> {
    let Some((account, address)) = refusal.sender_key.rsplit_once('/') else { return Ok(false) };
    let row = number::Entity::find()
        .filter(number::Column::Account.eq(account))
        .filter(number::Column::Address.eq(address))
        .one(db)
        .await?;
    Ok(row.is_some_and(|row| row.organization_id == refusal.sender_owner))
}

async fn other_stop(db: &impl ConnectionTrait, row: &opt_out::Model) -> Result<Option<opt_out::Model>> {
    let other = in_force(&row.contact_number)
        .filter(opt_out::Column::OrganizationId.eq(row.organization_id))
        .filter(opt_out::Column::Scope.eq(OptOutScope::Sender))
        .filter(opt_out::Column::Source.ne(OptOutSource::Api))
        .filter(opt_out::Column::SenderKey.ne(row.origin_key.as_str()));
    Ok(other.one(db).await?)
}

fn in_force(contact_number: &str) -> sea_orm::Select<opt_out::Entity> {
    opt_out::Entity::find()
        .filter(opt_out::Column::ContactNumber.eq(contact_number))
        .filter(opt_out::Column::LiftedAt.is_null())
}

/// Lifts one refusal.
pub(super) async fn lift(ctx: &Ctx, tx: &Tx, row: opt_out::Model) -> Result<opt_out::Model> {
    let mut row = row.into_active_model();
    row.lifted_at = Set(Some(ctx.now()));
    let row = row.update(&**tx).await?;
    tx.emit(notice::opt_out_changed(&row));
    Ok(row)
}

/// Puts a refusal in force. One that is in force already stays as it is: a STOP does not take over what was set by
/// hand, so START cannot lift that.
pub(super) async fn put(ctx: &Ctx, tx: &Tx, wanted: opt_out::Model) -> Result<opt_out::Model> {
    quiet::exclude(ctx, tx, &wanted.contact_number).await?;
    let written = opt_out::Entity::find()
        .filter(opt_out::Column::ContactNumber.eq(wanted.contact_number.as_str()))
        .filter(opt_out::Column::OrganizationId.eq(wanted.organization_id))
        .filter(opt_out::Column::Scope.eq(wanted.scope))
        .filter(opt_out::Column::SenderKey.eq(wanted.sender_key.as_str()));
    let unless_in_force = OnConflict::columns([
        opt_out::Column::ContactNumber,
        opt_out::Column::OrganizationId,
        opt_out::Column::Scope,
        opt_out::Column::SenderKey,
    ])
    .update_columns([
        opt_out::Column::OriginKey,
        opt_out::Column::Source,
        opt_out::Column::CreatedAt,
        opt_out::Column::LiftedAt,
    ])
    .action_and_where(opt_out::Column::LiftedAt.is_not_null())
    .to_owned();
    let changed = opt_out::Entity::insert(wanted.into_active_model().reset_all())
        .on_conflict(unless_in_force)
        .exec_without_returning(&**tx)
        .await?;
    let row = written.one(&**tx).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the opt-out just written".into()))?;
    if changed > 0 {
        tx.emit(notice::opt_out_changed(&row));
    }
    Ok(row)
}
