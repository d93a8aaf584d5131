//! Organisations and callers for the features' unit tests, over a database of their own.

use std::sync::Arc;

use entity::{
    audit_entry,
    enums::Role,
    event,
    ids::{OrganizationId, SessionId, UserId},
    organization,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::base::{
    caller::{Caller, Member},
    ctx::{Ctx, Hub, RequestInfo},
    testing::{self, Folder},
    tx::Tx,
};

/// A hub with its folder.
pub struct World {
    /// The process.
    pub hub: Arc<Hub>,
    /// Vanishes with the test.
    pub folder: Folder,
}

impl World {
    /// An empty database.
    pub async fn new() -> Self {
        let (hub, folder) = testing::hub().await;
        Self { hub, folder }
    }

    /// A new organisation's administrator.
    pub async fn admin(&self) -> Ctx {
        self.member(self.organization(false).await, Role::Admin, false)
    }

    /// An operator, signed in to the operator's organisation, which must not be there yet.
    pub async fn operator(&self) -> Ctx {
        self.member(self.organization(true).await, Role::Owner, true)
    }

    /// Somebody of the same organisation in another role.
    pub fn colleague(&self, ctx: &Ctx, role: Role) -> Ctx {
        self.member(ctx.organization().expect("signed in"), role, false)
    }

    fn member(&self, organization_id: OrganizationId, role: Role, is_operator: bool) -> Ctx {
        let member = Member {
            user_id: UserId::new(),
            organization_id,
            role,
            is_operator,
            session_id: SessionId::new(),
            expires_at: self.hub.clock.now() + chrono::Duration::minutes(15),
        };
        Ctx { hub: self.hub.clone(), caller: Caller::Member(member), request: RequestInfo::default() }
    }

    async fn organization(&self, is_operator: bool) -> OrganizationId {
        let row = organization::ActiveModel {
            id: Set(OrganizationId::new()),
            name: Set("Acme".into()),
            default_region: Set("US".into()),
            is_operator: Set(is_operator),
            created_at: Set(self.hub.clock.now()),
            ..Default::default()
        };
        let tx = Tx::begin(&self.hub).await.expect("a transaction");
        let row = row.insert(&*tx).await.expect("a row");
        tx.commit().await.expect("a commit");
        row.id
    }
}

/// Everything that the organisation's subscribers were told, oldest first.
pub async fn events(ctx: &Ctx) -> Vec<event::Model> {
    let own = event::Column::OrganizationId.eq(ctx.organization().expect("signed in"));
    let rows = event::Entity::find().filter(own).order_by_asc(event::Column::Position);
    rows.all(ctx.db()).await.expect("a log")
}

/// What the audit log tells of the organisation, oldest first.
pub async fn audit(ctx: &Ctx) -> Vec<audit_entry::Model> {
    let own = audit_entry::Column::OrganizationId.eq(ctx.organization().expect("signed in"));
    let rows = audit_entry::Entity::find().filter(own).order_by_asc(audit_entry::Column::Id);
    rows.all(ctx.db()).await.expect("a log")
}
