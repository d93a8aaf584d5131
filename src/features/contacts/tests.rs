//! Contacts, refusals and keywords over a real database.

mod contacts;
mod keywords;
mod opt_outs;

use chrono::{DateTime, Utc};
use entity::{
    conversation,
    enums::Direction,
    ids::{ConversationId, OrganizationId},
};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};

use crate::{base::ctx::Ctx, features::testing::World, graphql::scalars::PhoneNumberText};

fn phone(text: &str) -> PhoneNumberText {
    PhoneNumberText(text.to_owned())
}

async fn conversation_with(ctx: &Ctx, number: &str) -> ConversationId {
    let row = row(ctx.organization().unwrap(), number, ctx.now());
    let tx = ctx.begin().await.unwrap();
    let id = row.insert(&*tx).await.unwrap().id;
    tx.commit().await.unwrap();
    id
}

fn row(organization: OrganizationId, number: &str, now: DateTime<Utc>) -> conversation::ActiveModel {
    conversation::ActiveModel {
        id: Set(ConversationId::new()),
        organization_id: Set(organization),
        number_id: Set(None),
        sender: Set("+14155550100".into()),
        contact_number: Set(number.to_owned()),
        contact_id: Set(None),
        last_message_id: Set(None),
        last_message_at: Set(now),
        last_direction: Set(Direction::Inbound),
        unread_count: Set(0),
        last_read_at: Set(None),
        created_at: Set(now),
    }
}

async fn conversation(ctx: &Ctx, id: ConversationId) -> conversation::Model {
    conversation::Entity::find_by_id(id).one(ctx.db()).await.unwrap().unwrap()
}
