//! Who a socket belongs to: the token of `connection_init`, of the upgrade request, or a fresh one from a `ping`.

use std::sync::Arc;

use entity::ids::OrganizationId;
use serde_json::{Map, Value};

use crate::api::client::{Bearer, credentials};
use crate::api::principals::{Principals, Standing};
use crate::api::quota::{Permit, Quota};
use crate::base::auth;
use crate::base::caller::Caller;
use crate::base::ctx::{Ctx, Hub, RequestInfo};
use crate::base::error::{Error, ErrorCode, Result};

/// A socket's owner, as long as the token stands.
#[derive(Debug)]
pub struct Session {
    /// The context of everything that the socket does.
    pub ctx: Ctx,
    /// Tells when the token no longer stands.
    pub standing: Arc<Standing>,
    /// The socket's place among those of its organisation.
    _place: Permit<Option<OrganizationId>>,
}

/// What admission asks.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The process.
    pub hub: Arc<Hub>,
    /// Who is connected already.
    pub principals: Principals,
    /// Places of each organisation.
    pub sockets: Quota<Option<OrganizationId>>,
    /// The upgrade request.
    pub request: RequestInfo,
    /// Its `Authorization` header.
    pub header_token: Option<String>,
}

impl Admission {
    /// Checks the token of `connection_init`, else the upgrade request's. Without any the session is anonymous.
    pub async fn admit(self, payload: Map<String, Value>) -> Result<Session> {
        let token = match payload_token(&payload) {
            Bearer::Token(token) => Some(token.to_owned()),
            Bearer::Absent => self.header_token,
            Bearer::Malformed => return Err(Error::unauthenticated()),
        };
        let ctx = auth::authenticate(&self.hub, token.as_deref(), self.request).await?;
        let place = self.sockets.take(ctx.caller.organization().ok()).ok_or_else(|| {
            Error::new(ErrorCode::TooManySubscriptions, "The organisation has too many sockets open.")
        })?;
        Ok(Session { standing: self.principals.enter(&ctx.caller), ctx, _place: place })
    }
}

impl Session {
    /// Goes on under a fresh token of the same principal; one of anybody else is refused, since what runs was
    /// started under the first.
    pub async fn renew(&mut self, principals: &Principals, token: &str) -> Result<()> {
        let fresh = auth::authenticate(&self.ctx.hub, Some(token), self.ctx.request.clone()).await?;
        if !is_same(&self.ctx.caller, &fresh.caller) {
            return Err(Error::unauthenticated());
        }
        self.standing = principals.enter(&fresh.caller);
        self.ctx = fresh;
        Ok(())
    }
}

fn is_same(old: &Caller, fresh: &Caller) -> bool {
    old.class() == fresh.class() && old.user_id() == fresh.user_id() && old.api_key_id() == fresh.api_key_id()
}

/// `{"Authorization": "Bearer …"}` in any case, or `{"token": "…"}`.
fn payload_token(payload: &Map<String, Value>) -> Bearer<'_> {
    let header = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    match (header, payload.get("token")) {
        (Some((_, Value::String(value))), _) => credentials(value),
        (None, Some(Value::String(token))) if !token.is_empty() => Bearer::Token(token),
        (None | Some((_, Value::Null)), None | Some(Value::Null)) => Bearer::Absent,
        _ => Bearer::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_are_found_in_either_place_and_never_misread_as_none() {
        let token = |payload: &Value| format!("{:?}", payload_token(payload.as_object().unwrap()));
        assert_eq!(token(&json!({ "Authorization": "Bearer a" })), r#"Token("a")"#);
        assert_eq!(token(&json!({ "authorization": "bearer a", "token": "b" })), r#"Token("a")"#);
        assert_eq!(token(&json!({ "token": "a" })), r#"Token("a")"#);
        assert_eq!(token(&json!({})), "Absent");
        assert_eq!(token(&json!({ "token": null })), "Absent");
        for bad in [json!({ "token": "" }), json!({ "token": 1 }), json!({ "Authorization": "a" })] {
            assert_eq!(token(&bad), "Malformed", "{bad}");
        }
    }
}
