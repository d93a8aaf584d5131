//! `node` and `nodes`: anything with an id, found by the id alone. The prefix tells the type; what the caller's
//! organisation does not have answers as missing.

use std::str::FromStr;

use async_graphql::{Context, ID, Interface, Object, Result};
use entity::{
    Tenanted,
    ids::{
        ApiKeyId, AttemptId, AuditEntryId, CarrierConfigId, ContactId, ConversationId, InvitationId, JobId,
        KeywordId, MediaId, MembershipId, MessageId, NumberId, OptOutId, OrganizationId, TimelineEntryId,
        UserId, WebhookDeliveryId, WebhookEndpointId,
    },
    keyword, opt_out,
};
use futures_util::future::try_join_all;
use sea_orm::{ColumnTrait, QueryFilter};

use super::{guard, limits::PublishedLimits};
use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{self, Error, ErrorCode},
    },
    features::{
        audit::{self, graphql::AuditEvent},
        carrier_configs::{graphql::CarrierConfig, query},
        contacts::{
            find::ContactsById,
            graphql::{Contact, Keyword, OptOut},
        },
        messages::graphql::{Attempt, Conversation, Job, Media, Message, TimelineEntry, node as messages},
        numbers::{find::NumbersById, graphql::Number},
        organizations::graphql::{
            ApiKey, Invitation, Membership, Organization, User, nodes as organizations,
        },
        webhook_endpoints::{
            find as webhooks,
            graphql::{WebhookDelivery, WebhookEndpoint},
        },
    },
    graphql::{CtxExt, loader::load},
};

/// Ids that may be asked for at once.
const MOST: usize = 100;

/// Anything that has an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque; its prefix tells the type."))]
pub enum Node {
    /// An API key.
    ApiKey(ApiKey),
    /// A try to hand a message over.
    Attempt(Attempt),
    /// An entry of the audit log.
    AuditEvent(AuditEvent),
    /// A carrier account's configuration.
    CarrierConfig(CarrierConfig),
    /// A person whom the organisation writes to.
    Contact(Contact),
    /// A thread.
    Conversation(Conversation),
    /// An invitation.
    Invitation(Invitation),
    /// A piece of queued work.
    Job(Job),
    /// An organisation's own keyword.
    Keyword(Keyword),
    /// A file of a message.
    Media(Media),
    /// A user's place in the organisation.
    Membership(Membership),
    /// A message.
    Message(Message),
    /// A sender.
    Number(Number),
    /// A refusal to receive messages.
    OptOut(OptOut),
    /// The organisation.
    Organization(Organization),
    /// A line of a message's timeline.
    TimelineEntry(TimelineEntry),
    /// A person who signs in.
    User(User),
    /// One event on its way to one endpoint.
    WebhookDelivery(WebhookDelivery),
    /// A partner's address that events are posted to.
    WebhookEndpoint(WebhookEndpoint),
}

/// Queries that belong to no feature.
#[derive(Default)]
pub struct DoorQuery;

#[Object]
impl DoorQuery {
    /// Anything of the organisation by its id; null when there is nothing with this id.
    async fn node(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Its id, of any type.")] id: ID,
    ) -> Result<Option<Node>> {
        Ok(find(gql, &id).await?)
    }

    /// Many things of the organisation by their ids, in the order asked; null for those that do not exist.
    async fn nodes(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Ids of any types, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST {
            return Err(Error::new(ErrorCode::BadUserInput, "Ask for at most 100 ids at once.").into());
        }
        Ok(try_join_all(ids.iter().map(|id| find(gql, id))).await?)
    }

    /// What a request may ask for.
    async fn limits(&self) -> PublishedLimits {
        PublishedLimits(guard::Limits::default())
    }
}

async fn find(gql: &Context<'_>, id: &str) -> error::Result<Option<Node>> {
    let ctx = gql.ctx()?;
    match id.split_inclusive('_').next().unwrap_or_default() {
        ApiKeyId::PREFIX => node(organizations::api_key(ctx, parse(id)?).await),
        AttemptId::PREFIX => node(messages::attempt(ctx, parse(id)?).await),
        AuditEntryId::PREFIX => node(audit::list::find(ctx, parse(id)?).await.map(|row| row.map(AuditEvent))),
        CarrierConfigId::PREFIX => carrier_config(ctx, parse(id)?).await,
        ContactId::PREFIX => contact(gql, parse(id)?).await,
        ConversationId::PREFIX => node(messages::conversation(gql, parse(id)?).await),
        InvitationId::PREFIX => node(organizations::invitation(ctx, parse(id)?).await),
        JobId::PREFIX => node(messages::job(ctx, parse(id)?).await),
        KeywordId::PREFIX => keyword(ctx, parse(id)?).await,
        MediaId::PREFIX => node(messages::media(gql, parse(id)?).await),
        MembershipId::PREFIX => node(organizations::membership(ctx, parse(id)?).await),
        MessageId::PREFIX => node(messages::message(gql, parse(id)?).await),
        NumberId::PREFIX => number(gql, parse(id)?).await,
        OptOutId::PREFIX => opt_out(ctx, parse(id)?).await,
        OrganizationId::PREFIX => node(organizations::organization(ctx, parse(id)?).await),
        TimelineEntryId::PREFIX => node(messages::timeline_entry(ctx, parse(id)?).await),
        UserId::PREFIX => node(organizations::user(ctx, parse(id)?).await),
        WebhookDeliveryId::PREFIX => webhook_delivery(ctx, parse(id)?).await,
        WebhookEndpointId::PREFIX => webhook_endpoint(ctx, parse(id)?).await,
        _ => Err(not_an_id()),
    }
}

fn parse<I: FromStr>(id: &str) -> error::Result<I> {
    id.parse().map_err(|_| not_an_id())
}

fn not_an_id() -> Error {
    Error::new(ErrorCode::BadUserInput, "This is not an id of PhoneHub.")
}

fn node<T: Into<Node>>(found: error::Result<Option<T>>) -> error::Result<Option<Node>> {
    Ok(found?.map(Into::into))
}

async fn carrier_config(ctx: &Ctx, id: CarrierConfigId) -> error::Result<Option<Node>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    node(query::find(ctx.db(), organization, id).await.map(|row| row.map(CarrierConfig)))
}

async fn contact(gql: &Context<'_>, id: ContactId) -> error::Result<Option<Node>> {
    gql.ctx()?.require(Permission::MessagesRead)?;
    node(load::<ContactsById>(gql, id).await.map(|row| row.map(Contact)))
}

async fn number(gql: &Context<'_>, id: NumberId) -> error::Result<Option<Node>> {
    gql.ctx()?.require(Permission::MessagesRead)?;
    node(load::<NumbersById>(gql, id).await.map(|row| row.map(Number)))
}

async fn keyword(ctx: &Ctx, id: KeywordId) -> error::Result<Option<Node>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let rows = keyword::Entity::in_org(organization).filter(keyword::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?.map(|row| Keyword(row).into()))
}

async fn opt_out(ctx: &Ctx, id: OptOutId) -> error::Result<Option<Node>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let rows = opt_out::Entity::in_org(organization).filter(opt_out::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?.map(|row| OptOut(row).into()))
}

async fn webhook_delivery(ctx: &Ctx, id: WebhookDeliveryId) -> error::Result<Option<Node>> {
    node(webhooks::delivery(ctx, id).await.map(|row| row.map(WebhookDelivery)))
}

async fn webhook_endpoint(ctx: &Ctx, id: WebhookEndpointId) -> error::Result<Option<Node>> {
    node(webhooks::endpoint(ctx, id).await.map(|row| row.map(WebhookEndpoint)))
}
