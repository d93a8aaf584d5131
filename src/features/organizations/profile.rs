//! `updateProfile`: what a person says of themself, in all their organisations.

use async_graphql::{InputObject, MaybeUndefined};
use entity::{ids::OrganizationId, user};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::json;

use super::{name, organization};
use crate::{
    base::{
        audit,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        phone::PhoneNumber,
    },
    graphql::scalars::PhoneNumberText,
};

/// What to change of the caller's profile; what is not given stays.
#[derive(Debug, Default, InputObject)]
pub struct UpdateProfileInput {
    /// What other members see, 1 to 200 characters.
    pub name: Option<String>,
    /// The person's own phone number; `null` removes it.
    pub phone: MaybeUndefined<PhoneNumberText>,
}

/// Changes the caller's own name and phone. A phone number without a country code is read in the region of the
/// organisation that the caller acts in.
pub async fn update(ctx: &Ctx, input: UpdateProfileInput) -> Result<user::Model> {
    let member = ctx.caller.member()?;
    let new_name = input.name.map(|raw| name::parse(&raw, "name")).transpose()?;
    let new_phone = parse_phone(ctx, member.organization_id, input.phone).await?;
    let detail = json!({ "name": new_name.is_some(), "phone": !new_phone.is_undefined() });
    let tx = ctx.begin().await?;
    let user = user::Entity::find_by_id(member.user_id).one(&*tx).await?;
    let mut row = user.ok_or_else(Error::unauthenticated)?.into_active_model();
    if let Some(name) = new_name {
        row.name = Set(name);
    }
    if !new_phone.is_undefined() {
        row.phone = Set(new_phone.take().map(String::from));
    }
    row.updated_at = Set(ctx.now());
    let user = row.update(&*tx).await?;
    audit::record(ctx, &*tx, "updateProfile", Some(user.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(user)
}

async fn parse_phone(
    ctx: &Ctx,
    organization: OrganizationId,
    raw: MaybeUndefined<PhoneNumberText>,
) -> Result<MaybeUndefined<PhoneNumber>> {
    let raw = match raw {
        MaybeUndefined::Undefined => return Ok(MaybeUndefined::Undefined),
        MaybeUndefined::Null => return Ok(MaybeUndefined::Null),
        MaybeUndefined::Value(raw) => raw.0,
    };
    let organization = organization::find(ctx.db(), organization).await?;
    let number = PhoneNumber::parse(&raw, organization::region(&organization));
    number.map(MaybeUndefined::Value).map_err(|reason| {
        Error::new(ErrorCode::InvalidNumber, format!("Not a phone number: {reason}.")).at(&["phone"])
    })
}
