//! Words that a whole message may consist of: the families that every carrier knows, and an organisation's own.

mod command;

pub use command::Command;

use async_graphql::InputObject;
use entity::{
    Tenanted,
    ids::{KeywordId, OrganizationId},
    keyword,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result, is_unique_violation},
    tx::Tx,
};

/// Keywords of one organisation.
const MOST: u64 = 200;
/// Characters of a keyword.
const LONGEST_WORD: usize = 32;
/// Characters of a reply (Twilio's limit of a body).
const LONGEST_REPLY: usize = 1_600;

/// A keyword. The one with this `id` is changed, else the one with this word; else a new one is made.
#[derive(InputObject)]
pub struct SaveKeywordInput {
    /// The keyword to change, where its word changes.
    pub id: Option<KeywordId>,
    /// One word of letters and digits, in any case. Not one of the STOP, START and HELP families.
    pub word: String,
    /// What is answered, at most 1,600 characters.
    pub reply: String,
    /// Answers only while true.
    #[graphql(default = true)]
    pub active: bool,
}

/// The organisation's keywords by word; there are at most 200.
pub async fn list(ctx: &Ctx) -> Result<Vec<keyword::Model>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    Ok(keyword::Entity::in_org(organization).order_by_asc(keyword::Column::Word).all(ctx.db()).await?)
}

/// The organisation's answer to a message, where the whole of it is one of its active keywords.
pub async fn reply_to(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    body: &str,
) -> Result<Option<keyword::Model>> {
    let Ok(word) = parse_word(body) else { return Ok(None) };
    let row = keyword::Entity::in_org(organization)
        .filter(keyword::Column::Word.eq(word))
        .filter(keyword::Column::Active.eq(true));
    Ok(row.one(db).await?)
}

/// Makes or changes a keyword.
pub async fn save(ctx: &Ctx, input: SaveKeywordInput) -> Result<keyword::Model> {
    let organization = ctx.require(Permission::CarriersManage)?;
    let word = parse_word(&input.word)?;
    let reply = parse_reply(&input.reply)?;
    let tx = ctx.begin().await?;
    let found = find(&tx, organization, input.id, &word).await?;
    let now = ctx.now();
    let row = keyword::Model {
        id: found.as_ref().map_or_else(KeywordId::new, |row| row.id),
        organization_id: organization,
        word,
        reply,
        active: input.active,
        created_at: found.as_ref().map_or(now, |row| row.created_at),
        updated_at: now,
    };
    let active = row.clone().into_active_model().reset_all();
    let written = match found {
        Some(_) => active.update(&*tx).await,
        None => active.insert(&*tx).await,
    };
    written.map_err(taken)?;
    let detail = json!({ "word": row.word, "reply": audit::shown(&row.reply), "active": row.active });
    audit::record(ctx, &*tx, "saveKeyword", Some(row.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(row)
}

/// Deletes a keyword of the organisation.
pub async fn delete(ctx: &Ctx, id: KeywordId) -> Result<KeywordId> {
    let organization = ctx.require(Permission::CarriersManage)?;
    let tx = ctx.begin().await?;
    let row = keyword::Entity::in_org(organization).filter(keyword::Column::Id.eq(id)).one(&*tx).await?;
    let row = row.ok_or_else(|| Error::not_found().at(&["id"]))?;
    keyword::Entity::delete_by_id(id).exec(&*tx).await?;
    let detail = json!({ "word": row.word });
    audit::record(ctx, &*tx, "deleteKeyword", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(id)
}

async fn find(
    tx: &Tx,
    organization: OrganizationId,
    id: Option<KeywordId>,
    word: &str,
) -> Result<Option<keyword::Model>> {
    let own = keyword::Entity::in_org(organization);
    if let Some(id) = id {
        let row = own.filter(keyword::Column::Id.eq(id)).lock_exclusive().one(&**tx).await?;
        return row.map(Some).ok_or_else(|| Error::not_found().at(&["id"]));
    }
    let row = own.clone().filter(keyword::Column::Word.eq(word)).lock_exclusive().one(&**tx).await?;
    if row.is_none() && own.count(&**tx).await? >= MOST {
        return Err(Error::new(ErrorCode::Conflict, format!("An organisation has at most {MOST} keywords.")));
    }
    Ok(row)
}

fn parse_word(text: &str) -> Result<String> {
    let refused = |text: &'static str| Err(Error::input(&["word"], text));
    let word = text.trim();
    if !(1..=LONGEST_WORD).contains(&word.chars().count()) || !word.chars().all(char::is_alphanumeric) {
        return refused("A keyword is one word of letters and digits, at most 32 characters.");
    }
    if Command::of(word).is_some() {
        return refused(
            "This word belongs to the STOP, START or HELP family, which means the same everywhere.",
        );
    }
    Ok(word.to_uppercase())
}

fn parse_reply(text: &str) -> Result<String> {
    let reply = text.trim();
    if !(1..=LONGEST_REPLY).contains(&reply.chars().count()) {
        return Err(Error::input(&["reply"], "A reply has 1 to 1,600 characters."));
    }
    Ok(reply.to_owned())
}

fn taken(error: DbErr) -> Error {
    if is_unique_violation(&error) {
        return Error::new(ErrorCode::Conflict, "Another keyword has this word.").at(&["word"]);
    }
    error.into()
}
