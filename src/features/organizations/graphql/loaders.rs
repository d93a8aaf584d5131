//! Batched reads of users and organisations for resolvers of all features.

use std::collections::HashMap;

use entity::{
    ids::{OrganizationId, UserId},
    membership, organization, user,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::{
    base::{ctx::Ctx, error::Result},
    graphql::loader::Fetch,
};

/// Users by id. Users stand beside organisations, so ask only with ids that rows of the caller's organisation hold:
/// authors, members. For ids that a client gives there is `nodes::user`.
#[derive(Debug)]
pub struct UsersById;

impl Fetch for UsersById {
    type Key = UserId;
    type Value = user::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<UserId>) -> Result<HashMap<UserId, user::Model>> {
        let rows = user::Entity::find().filter(user::Column::Id.is_in(keys)).all(ctx.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Users by id as far as they are members of the caller's organisation now: operators and those who left are not shown.
#[derive(Debug)]
pub struct ColleaguesById;

impl Fetch for ColleaguesById {
    type Key = UserId;
    type Value = user::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<UserId>) -> Result<HashMap<UserId, user::Model>> {
        let seats = membership::Entity::find()
            .select_only()
            .column(membership::Column::UserId)
            .filter(membership::Column::OrganizationId.eq(ctx.organization()?))
            .filter(membership::Column::UserId.is_in(keys))
            .into_query();
        let rows = user::Entity::find().filter(user::Column::Id.in_subquery(seats)).all(ctx.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Organisations by id: the caller's own, and those that the signed-in person belongs to.
#[derive(Debug)]
pub struct OrganizationsById;

impl Fetch for OrganizationsById {
    type Key = OrganizationId;
    type Value = organization::Model;

    async fn fetch(
        ctx: &Ctx,
        mut keys: Vec<OrganizationId>,
    ) -> Result<HashMap<OrganizationId, organization::Model>> {
        let mut query = organization::Entity::find();
        if let Some(user) = ctx.caller.user_id() {
            let seats = membership::Entity::find()
                .select_only()
                .column(membership::Column::OrganizationId)
                .filter(membership::Column::UserId.eq(user))
                .into_query();
            query = query.filter(organization::Column::Id.in_subquery(seats));
        } else {
            let own = ctx.organization()?;
            keys.retain(|key| *key == own);
        }
        let rows = query.filter(organization::Column::Id.is_in(keys)).all(ctx.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}
