//! The rules of this feature against a real database, one file a topic. How requests reach them is tested over HTTP.

mod api_keys;
mod command_line;
mod invitations;
mod members;
mod own_data;
mod passwords;
mod schema;
mod sessions;

use std::sync::Arc;

use entity::{audit_entry, enums::Role};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use secrecy::ExposeSecret;

use super::{
    accept_invitation::{AcceptInvitationInput, accept_invitation},
    invite::{self, InviteMemberInput},
    sessions::SignedIn,
    sign_in::{SignInInput, sign_in},
    sign_up::{SignUpInput, sign_up},
};
use crate::base::{
    auth,
    caller::Caller,
    ctx::{Ctx, Hub, RequestInfo},
    error::{Error, ErrorCode, Result},
    standing::Standings,
    testing::{self, Folder},
};

const PASSWORD: &str = "correct horse battery";

/// A process with its database, and callers at its door.
struct Door {
    hub: Arc<Hub>,
    _folder: Folder,
}

impl Door {
    async fn open() -> Self {
        let (hub, folder) = testing::hub().await;
        Self { hub, _folder: folder }
    }

    fn from(&self, ip: &str) -> Ctx {
        let request = RequestInfo {
            request_id: "test".into(),
            ip: Some(ip.parse().unwrap()),
            ..RequestInfo::default()
        };
        Ctx { hub: self.hub.clone(), caller: Caller::Anonymous, request }
    }

    fn stranger(&self) -> Ctx {
        self.from("192.0.2.1")
    }

    fn administrator(&self) -> Ctx {
        Ctx::administrator(self.hub.clone())
    }

    /// As the edge does it: the token is held against the database.
    async fn enter(&self, token: &str) -> Result<Ctx> {
        auth::authenticate(&self.hub, Some(token), RequestInfo::default()).await
    }

    /// As open sockets are looked through: somebody who was let in once, as of now.
    async fn now(&self, ctx: &Ctx) -> Result<Caller> {
        let standings = Standings::of(&self.hub, std::iter::once(&ctx.caller)).await?;
        standings.now(&self.hub, &ctx.caller).ok_or_else(Error::unauthenticated)
    }

    async fn person(&self, signed_in: &SignedIn) -> Ctx {
        self.enter(signed_in.access_token.expose_secret()).await.unwrap()
    }

    async fn sign_up(&self, email: &str) -> SignedIn {
        sign_up(&self.stranger(), new_account(email)).await.unwrap()
    }

    /// A new owner, signed in.
    async fn owner(&self, email: &str) -> Ctx {
        let signed_in = self.sign_up(email).await;
        self.person(&signed_in).await
    }

    /// A new member of the inviter's organisation, signed in.
    async fn member(&self, inviter: &Ctx, email: &str, role: Role) -> Ctx {
        let link = invite::invite(inviter, InviteMemberInput { email: email.into(), role }).await.unwrap();
        let input = accepting(link.token.expose_secret());
        let signed_in = accept_invitation(&self.stranger(), input).await.unwrap();
        self.person(&signed_in).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn> {
        sign_in(&self.stranger(), signing_in(email, password)).await
    }

    async fn audited(&self, action: &str) -> u64 {
        let entries = audit_entry::Entity::find().filter(audit_entry::Column::Action.eq(action));
        entries.count(self.hub.db.read()).await.unwrap()
    }
}

fn new_account(email: &str) -> SignUpInput {
    SignUpInput {
        email: email.into(),
        password: PASSWORD.into(),
        name: "Ada".into(),
        organization_name: "Acme".into(),
        default_region: None,
    }
}

fn signing_in(email: &str, password: &str) -> SignInInput {
    SignInInput { email: email.into(), password: password.into(), organization_id: None }
}

fn accepting(token: &str) -> AcceptInvitationInput {
    AcceptInvitationInput { token: token.into(), password: PASSWORD.into(), name: Some("Bob".into()) }
}

#[track_caller]
fn refused<T>(result: Result<T>, code: ErrorCode) -> Vec<&'static str> {
    let Err(error) = result else { panic!("expected {code:?}") };
    assert_eq!(error.code, code, "{error}");
    error.field
}
