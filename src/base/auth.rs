//! From a bearer token to a `Caller`: one indexed read a request, whatever the token says. Sockets that stay open are
//! asked about all together, in `standing`.

use std::sync::Arc;

use chrono::Duration;
use entity::{api_key, enums::Role, membership, session, user};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, RelationDef};

use super::{
    caller::{Caller, KeyHolder, Member, Permission},
    ctx::{Ctx, Hub, RequestInfo},
    error::{Error, Result},
    group::{Group, Grouped},
    telemetry,
    tokens::{self, Claims},
};

/// How exactly the last use of a key is kept.
const LAST_USE_GRAIN: Duration = Duration::minutes(1);

/// How long a database that hangs keeps a request before it is known whose it is.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(10);

/// The context of a request: anonymous without a token, UNAUTHENTICATED with one that does not count (any more).
/// UNAVAILABLE when the database does not say in time.
pub async fn authenticate(hub: &Arc<Hub>, token: Option<&str>, request: RequestInfo) -> Result<Ctx> {
    let caller = tokio::time::timeout(LONGEST, admitted(hub, token)).await;
    let caller = caller.map_err(|_| Error::unavailable("the database did not say whose a token is"))??;
    hub.presence.note(&caller, hub.clock.now());
    if let Ok(organization) = caller.organization() {
        telemetry::note_organization(organization);
    }
    Ok(Ctx { hub: hub.clone(), caller, request })
}

async fn admitted(hub: &Arc<Hub>, token: Option<&str>) -> Result<Caller> {
    match token {
        None => Ok(Caller::Anonymous),
        Some(token) if token.starts_with(tokens::API_KEY_PREFIX) => key_holder(hub, token).await,
        Some(token) => member(hub, &tokens::verify(&hub.token_keys, token, hub.clock.now())?).await,
    }
}

/// What the database says of a session's user in its organisation.
#[derive(Debug, FromQueryResult)]
struct Standing {
    role: Role,
    is_operator: bool,
}

async fn member(hub: &Hub, claims: &Claims) -> Result<Caller> {
    let claimed = Member {
        user_id: claims.sub,
        organization_id: claims.org,
        role: Role::Viewer,
        is_operator: false,
        session_id: claims.sid,
        expires_at: claims.expires_at(),
    };
    standing(hub, claimed).await
}

async fn standing(hub: &Hub, claimed: Member) -> Result<Caller> {
    let standing = session::Entity::find_by_id(claimed.session_id)
        .select_only()
        .column_as(membership::Column::Role, "role")
        .column_as(user::Column::IsOperator, "is_operator")
        .join(JoinType::InnerJoin, user_of_session())
        .join(JoinType::InnerJoin, membership_of_session())
        .filter(session::Column::UserId.eq(claimed.user_id))
        .filter(session::Column::OrganizationId.eq(claimed.organization_id))
        .filter(session::Column::RevokedAt.is_null())
        .into_model::<Standing>()
        .one(hub.db.read())
        .await?
        .ok_or_else(Error::unauthenticated)?;
    Ok(Caller::Member(Member { role: standing.role, is_operator: standing.is_operator, ..claimed }))
}

fn user_of_session() -> RelationDef {
    session::Entity::belongs_to(user::Entity).from(session::Column::UserId).to(user::Column::Id).into()
}

fn membership_of_session() -> RelationDef {
    session::Entity::belongs_to(membership::Entity)
        .from((session::Column::UserId, session::Column::OrganizationId))
        .to((membership::Column::UserId, membership::Column::OrganizationId))
        .into()
}

async fn key_holder(hub: &Arc<Hub>, token: &str) -> Result<Caller> {
    if !tokens::is_api_key(token) {
        return Err(Error::unauthenticated());
    }
    let asked = KeyLookup { hub: hub.clone(), hash: tokens::hash(token) };
    let row = hub.parts.of::<Group<KeyLookup>>().join(asked).await?;
    if let Some(row) = &row {
        note_use(hub, row);
    }
    live_key(hub, row)
}

/// The key of a request. Requests that come at the same time share the read; none is answered by one begun before it came.
struct KeyLookup {
    hub: Arc<Hub>,
    hash: Vec<u8>,
}

impl Grouped for KeyLookup {
    type Answer = Option<api_key::Model>;

    async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
        let Some(hub) = group.first().map(|first| &first.hub) else { return Ok(Vec::new()) };
        let hashes = group.iter().map(|asked| asked.hash.clone());
        let keys = api_key::Entity::find().filter(api_key::Column::SecretHash.is_in(hashes));
        let keys = keys.all(hub.db.read()).await?;
        let of = |asked: &&Self| keys.iter().find(|key| key.secret_hash == asked.hash).cloned();
        Ok(group.iter().map(of).collect())
    }
}

/// The key as a caller, unless it was revoked or is over.
pub(super) fn live_key(hub: &Hub, row: Option<api_key::Model>) -> Result<Caller> {
    let now = hub.clock.now();
    let row = row
        .filter(|key| key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now))
        .ok_or_else(Error::unauthenticated)?;
    let scopes: Vec<String> = serde_json::from_value(row.scopes)?;
    Ok(Caller::Key(KeyHolder {
        api_key_id: row.id,
        organization_id: row.organization_id,
        scopes: Permission::SCOPES
            .into_iter()
            .filter(|known| scopes.iter().any(|s| s == known.scope()))
            .collect(),
        expires_at: row.expires_at,
    }))
}

/// Beside the request, at most once a grain: nothing waits for it and nothing depends on it.
fn note_use(hub: &Arc<Hub>, key: &api_key::Model) {
    let (now, id) = (hub.clock.now(), key.id);
    if key.last_used_at.is_some_and(|last| now - last < LAST_USE_GRAIN) {
        return;
    }
    let ctx = Ctx::system(hub.clone(), key.organization_id);
    tokio::spawn(async move {
        let noted: Result<()> = async {
            let tx = ctx.begin().await?;
            api_key::Entity::update_many()
                .col_expr(api_key::Column::LastUsedAt, Some(now).into())
                .filter(api_key::Column::Id.eq(id))
                .exec(&*tx)
                .await?;
            tx.commit().await
        }
        .await;
        if let Err(error) = noted {
            tracing::warn!(key = %id, %error, "the last use of a key was not noted");
        }
    });
}
