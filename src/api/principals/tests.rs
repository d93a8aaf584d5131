//! Thousands of principals, and a database that does not answer.

use entity::{
    api_key,
    enums::Role,
    ids::{ApiKeyId, MembershipId, OrganizationId, SessionId, UserId},
    membership, organization, session, user,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set, TransactionTrait, sea_query::Expr,
};
use serde_json::json;

use super::*;
use crate::base::caller::{KeyHolder, Member, Permission};
use crate::base::testing::{self, Statements};
use crate::base::tx::Tx;

const SESSIONS: usize = 2_000;
const KEYS: usize = 200;

/// One person with many devices, and many keys.
struct Crowd {
    sessions: Vec<Caller>,
    keys: Vec<Caller>,
}

fn member(hub: &Hub, user: UserId, organization: OrganizationId) -> Member {
    Member {
        user_id: user,
        organization_id: organization,
        role: Role::Agent,
        is_operator: false,
        session_id: SessionId::new(),
        expires_at: hub.clock.now() + chrono::Duration::minutes(15),
    }
}

fn key(organization: OrganizationId) -> KeyHolder {
    KeyHolder {
        api_key_id: ApiKeyId::new(),
        organization_id: organization,
        scopes: vec![Permission::MessagesRead],
        expires_at: None,
    }
}

async fn seat(tx: &Tx, now: chrono::DateTime<chrono::Utc>) -> (UserId, OrganizationId) {
    let (user, organization) = (UserId::new(), OrganizationId::new());
    let row = organization::ActiveModel {
        id: Set(organization),
        name: Set("Acme".into()),
        default_region: Set("US".into()),
        is_operator: Set(false),
        created_at: Set(now),
        ..Default::default()
    };
    row.insert(&**tx).await.unwrap();
    let row = user::ActiveModel {
        id: Set(user),
        email: Set("ada@example.com".into()),
        password_hash: Set(String::new()),
        name: Set("Ada".into()),
        is_operator: Set(false),
        phone: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    row.insert(&**tx).await.unwrap();
    let row = membership::ActiveModel {
        id: Set(MembershipId::new()),
        user_id: Set(user),
        organization_id: Set(organization),
        role: Set(Role::Agent),
        created_at: Set(now),
    };
    row.insert(&**tx).await.unwrap();
    (user, organization)
}

impl Crowd {
    async fn gather(hub: &Arc<Hub>, sessions: usize, keys: usize) -> Self {
        let now = hub.clock.now();
        let tx = Tx::begin(hub).await.unwrap();
        let (user, organization) = seat(&tx, now).await;
        let members: Vec<_> = (0..sessions).map(|_| member(hub, user, organization)).collect();
        let rows = members.iter().map(|member| session::ActiveModel {
            id: Set(member.session_id),
            user_id: Set(user),
            organization_id: Set(organization),
            created_at: Set(now),
            expires_at: Set(now + chrono::Duration::days(30)),
            revoked_at: Set(None),
        });
        session::Entity::insert_many(rows).exec_without_returning(&*tx).await.unwrap();
        let keys: Vec<_> = (0..keys).map(|_| key(organization)).collect();
        let rows = keys.iter().map(|key| api_key::ActiveModel {
            id: Set(key.api_key_id),
            organization_id: Set(organization),
            name: Set("partner".into()),
            hint: Set("phk_".into()),
            secret_hash: Set(key.api_key_id.0.as_bytes().to_vec()),
            scopes: Set(json!(["messages:read"])),
            created_by: Set(None),
            created_at: Set(now),
            expires_at: Set(None),
            last_used_at: Set(None),
            revoked_at: Set(None),
        });
        api_key::Entity::insert_many(rows).exec_without_returning(&*tx).await.unwrap();
        tx.commit().await.unwrap();
        let sessions = members.into_iter().map(Caller::Member).collect();
        Self { sessions, keys: keys.into_iter().map(Caller::Key).collect() }
    }
}

fn ended(standings: &[Arc<Standing>]) -> Vec<usize> {
    let ended = standings.iter().enumerate().filter(|(_, standing)| standing.ended.is_cancelled());
    ended.map(|(at, _)| at).collect()
}

async fn revoke(hub: &Arc<Hub>, session: &Caller, key: &Caller) {
    let (Caller::Member(member), Caller::Key(key)) = (session, key) else { panic!("not as gathered") };
    let tx = Tx::begin(hub).await.unwrap();
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(hub.clock.now()))
        .filter(session::Column::Id.eq(member.session_id))
        .exec(&*tx)
        .await
        .unwrap();
    api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::value(hub.clock.now()))
        .filter(api_key::Column::Id.eq(key.api_key_id))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn thousands_of_principals_cost_one_query_a_kind() {
    let (hub, _folder) = testing::hub().await;
    let crowd = Crowd::gather(&hub, SESSIONS, KEYS).await;
    let principals = Principals::default();
    let standings: Vec<_> =
        crowd.sessions.iter().chain(&crowd.keys).map(|caller| principals.enter(caller)).collect();
    let statements = Statements::collect();
    principals.pass(&hub).await.unwrap();
    assert_eq!(statements.take().len(), 2);
    assert!(ended(&standings).is_empty());

    revoke(&hub, &crowd.sessions[7], &crowd.keys[3]).await;
    statements.take();
    principals.pass(&hub).await.unwrap();
    assert_eq!(statements.take().len(), 2);
    assert_eq!(ended(&standings), [7, SESSIONS + 3], "they, and nobody else");
    assert_eq!(standings[7].ended().await, Ending::Over);

    let tx = Tx::begin(&hub).await.unwrap();
    let promoted = Expr::value(Role::Admin);
    membership::Entity::update_many().col_expr(membership::Column::Role, promoted).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    principals.pass(&hub).await.unwrap();
    assert_eq!(ended(&standings).len(), SESSIONS + 1, "a session with another role is another principal");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_database_does_not_confirm_in_time_is_not_believed() {
    let (hub, _folder) = testing::hub().await;
    let crowd = Crowd::gather(&hub, 1, 1).await;
    let stopping = CancellationToken::new();
    let principals = Principals::watch(hub.clone(), stopping.clone());
    let held = Purpose::Watch.run(async { hub.db.read().begin().await }).await.unwrap();
    let (session, key) = (principals.enter(&crowd.sessions[0]), principals.enter(&crowd.keys[0]));
    let begun = Instant::now();
    assert_eq!(session.ended().await, Ending::Unconfirmed);
    assert_eq!(key.ended().await, Ending::Unconfirmed);
    assert!(begun.elapsed() >= TRUST, "one slow answer ends nobody");
    drop(held);

    let again = principals.enter(&crowd.sessions[0]);
    revoke(&hub, &crowd.sessions[0], &crowd.keys[0]).await;
    hub.feeds.announce_revocation();
    assert_eq!(again.ended().await, Ending::Over);
    stopping.cancel();
}
