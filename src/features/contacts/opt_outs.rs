//! Who refuses to receive what. The list that is asked before every hand-over; rows are lifted, never deleted.
//!
//! A refusal reaches one sender or the whole organisation. What a person wrote to a sender that several organisations
//! share, and what the carrier says of that sender, holds for all of them; what an organisation sets by hand holds for
//! itself.

mod by_hand;
mod lookup;
pub mod quiet;
mod record;

pub use by_hand::{ClearOptOutInput, SetOptOutInput, clear_opt_out, set_opt_out};
pub use lookup::{refuses_any, refusing};
pub use record::{Refusal, record_carrier_refusal, record_start, record_stop};

use async_graphql::InputObject;
use entity::{
    Tenanted,
    enums::{OptOutScope, OptOutSource},
    ids::OrganizationId,
    number, opt_out,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::SelectStatement,
};

use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        phone::PhoneNumber,
        region,
    },
    features::carrier_configs::senders::sender_key,
    graphql::{
        page::{self, Page, PageArgs, Sort},
        scalars::PhoneNumberText,
    },
};

/// The refusal in force that keeps an organisation from sending to a number from this sender of an account. Of other
/// organisations only the sender's holder counts: nobody refuses for a sender that is not theirs.
pub async fn blocked(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    account: &str,
    sender: &str,
    contact_number: &str,
) -> Result<Option<opt_out::Model>> {
    let own = opt_out::Column::OrganizationId.eq(organization);
    let of_organization = opt_out::Column::Scope.eq(OptOutScope::Organization);
    let of_holder = Condition::all()
        .add(opt_out::Column::OrganizationId.in_subquery(holder(account, sender)))
        .add(opt_out::Column::Source.is_in([OptOutSource::Keyword, OptOutSource::Carrier]));
    let of_sender = Condition::all()
        .add(opt_out::Column::SenderKey.eq(sender_key(account, sender)))
        .add(Condition::any().add(own.clone()).add(of_holder));
    let row = opt_out::Entity::find()
        .filter(opt_out::Column::ContactNumber.eq(contact_number))
        .filter(opt_out::Column::LiftedAt.is_null())
        .filter(Condition::any().add(Condition::all().add(own).add(of_organization)).add(of_sender))
        .one(db)
        .await?;
    Ok(row)
}

/// The organisation that holds a sender, as a query.
fn holder(account: &str, sender: &str) -> SelectStatement {
    number::Entity::find()
        .select_only()
        .column(number::Column::OrganizationId)
        .filter(number::Column::Account.eq(account))
        .filter(number::Column::Address.eq(sender))
        .into_query()
}

/// Which refusals.
#[derive(InputObject)]
pub struct OptOutFilter {
    /// Of this person, by a number in any common writing.
    pub phone_number: Option<PhoneNumberText>,
    /// Only those in force (the default), or those that were lifted.
    #[graphql(default = true)]
    pub in_force: bool,
}

impl Default for OptOutFilter {
    fn default() -> Self {
        Self { phone_number: None, in_force: true }
    }
}

/// The organisation's refusals, newest first.
pub async fn list(ctx: &Ctx, filter: OptOutFilter, args: PageArgs) -> Result<Page<opt_out::Entity>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let lifted = opt_out::Column::LiftedAt;
    let mut select = opt_out::Entity::in_org(organization).filter(if filter.in_force {
        lifted.is_null()
    } else {
        lifted.is_not_null()
    });
    if let Some(text) = filter.phone_number {
        let number = parse_number(ctx, organization, &text).await?;
        select = select.filter(opt_out::Column::ContactNumber.eq(number.as_str()));
    }
    let sort = Sort { key: opt_out::Column::CreatedAt, id: opt_out::Column::Id, descending: true };
    page::fetch(ctx, "optOuts", select, sort, args).await
}

async fn parse_number(
    ctx: &Ctx,
    organization: OrganizationId,
    text: &PhoneNumberText,
) -> Result<PhoneNumber> {
    let region = region::of(ctx.db(), organization).await?;
    PhoneNumber::parse_e164(&text.0).or_else(|_| PhoneNumber::parse(&text.0, region)).map_err(|reason| {
        Error::new(ErrorCode::InvalidNumber, format!("Not a phone number: {reason}.")).at(&["phoneNumber"])
    })
}
