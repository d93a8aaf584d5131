//! Queries: who calls, their organisation, its members, invitations and keys.

use async_graphql::{Context, Object, Result};
use entity::{api_key, enums::Role, membership, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::types::{
    ApiKey, ApiKeyConnection, Invitation, InvitationConnection, Membership, MembershipConnection,
    Organization, User,
};
use crate::{
    base::{caller::Caller, error::Error},
    features::organizations::{api_keys, invite, members, organization as organizations},
    graphql::{CtxExt, page::PageArgs},
};

/// Queries of this feature.
#[derive(Default)]
pub struct OrganizationsQuery;

#[Object]
impl OrganizationsQuery {
    /// Who calls, and as what.
    #[expect(clippy::unused_async, reason = "resolvers are async, whether they wait or not")]
    async fn viewer(&self, gql: &Context<'_>) -> Result<Viewer> {
        gql.ctx()?.organization()?;
        Ok(Viewer)
    }

    /// The organisation that the caller acts in.
    async fn organization(&self, gql: &Context<'_>) -> Result<Organization> {
        let ctx = gql.ctx()?;
        Ok(Organization(organizations::find(ctx.db(), ctx.organization()?).await?))
    }

    /// Members of the organisation, those first who joined first. For signed-in people.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn members(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Members from the start of the list, 1 to 100; 20 when nothing is said.")]
        first: Option<i32>,
        #[graphql(desc = "Members from the end of the list, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only members behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only members before this cursor.")] before: Option<String>,
    ) -> Result<MembershipConnection> {
        let page = members::page(gql.ctx()?, PageArgs::new(first, last, after, before)?).await?;
        Ok(MembershipConnection::new(page, Membership))
    }

    /// Invitations of the organisation, newest first, accepted and expired ones too. For admins.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn invitations(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Invitations from the start of the list, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Invitations from the end of the list, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only invitations behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only invitations before this cursor.")] before: Option<String>,
    ) -> Result<InvitationConnection> {
        let page = invite::page(gql.ctx()?, PageArgs::new(first, last, after, before)?).await?;
        Ok(InvitationConnection::new(page, Invitation))
    }

    /// API keys of the organisation, newest first, revoked ones too. For admins.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn api_keys(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Keys from the start of the list, 1 to 100; 20 when nothing is said.")]
        first: Option<i32>,
        #[graphql(desc = "Keys from the end of the list, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only keys behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only keys before this cursor.")] before: Option<String>,
    ) -> Result<ApiKeyConnection> {
        let page = api_keys::page(gql.ctx()?, PageArgs::new(first, last, after, before)?).await?;
        Ok(ApiKeyConnection::new(page, ApiKey))
    }
}

/// Who calls: a signed-in person or an API key.
pub struct Viewer;

/// Who calls: a signed-in person or an API key.
#[Object]
impl Viewer {
    /// The signed-in person; null for an API key.
    async fn user(&self, gql: &Context<'_>) -> Result<Option<User>> {
        let ctx = gql.ctx()?;
        match ctx.caller.user_id() {
            Some(id) => Ok(user::Entity::find_by_id(id).one(ctx.db()).await.map_err(Error::from)?.map(User)),
            None => Ok(None),
        }
    }

    /// The one organisation that the caller acts in.
    async fn organization(&self, gql: &Context<'_>) -> Result<Organization> {
        OrganizationsQuery.organization(gql).await
    }

    /// The person's role in it; null for an API key, which has scopes instead.
    #[expect(clippy::unused_async, reason = "resolvers are async, whether they wait or not")]
    async fn role(&self, gql: &Context<'_>) -> Result<Option<Role>> {
        match &gql.ctx()?.caller {
            Caller::Member(member) => Ok(Some(member.role)),
            _ => Ok(None),
        }
    }

    /// Whether the caller may see the fields of operators, who run this installation.
    #[expect(clippy::unused_async, reason = "resolvers are async, whether they wait or not")]
    async fn is_operator(&self, gql: &Context<'_>) -> Result<bool> {
        Ok(gql.ctx()?.caller.require_operator().is_ok())
    }

    /// The API key; null for a signed-in person.
    async fn api_key(&self, gql: &Context<'_>) -> Result<Option<ApiKey>> {
        let ctx = gql.ctx()?;
        match ctx.caller.api_key_id() {
            Some(id) => {
                Ok(api_key::Entity::find_by_id(id).one(ctx.db()).await.map_err(Error::from)?.map(ApiKey))
            }
            None => Ok(None),
        }
    }

    /// Every organisation that the person can switch to, those first that were joined first; empty for an API key.
    async fn memberships(&self, gql: &Context<'_>) -> Result<Vec<Membership>> {
        let ctx = gql.ctx()?;
        let Some(user) = ctx.caller.user_id() else { return Ok(Vec::new()) };
        let seats = membership::Entity::find()
            .filter(membership::Column::UserId.eq(user))
            .order_by_asc(membership::Column::CreatedAt)
            .order_by_asc(membership::Column::Id)
            .all(ctx.db())
            .await
            .map_err(Error::from)?;
        Ok(seats.into_iter().map(Membership).collect())
    }
}
