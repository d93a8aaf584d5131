//! Stands before every mutation: a suspended organisation goes no further, and whatever becomes of a call, the audit log
//! tells of it. Services write what they did in their own transactions; here only the rest is written.

use std::borrow::Cow;

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerError,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use serde_json::json;

use crate::{
    base::{
        audit::{self, Entry},
        caller::Caller,
        ctx::Ctx,
        error::{self, Error, ErrorCode},
    },
    features::organizations::suspend,
    graphql::CtxExt,
};

/// What a person does for themselves, and what operators do: a suspended organisation has no say in these.
const PERSONAL: [&str; 11] = [
    "acceptInvitation",
    "changePassword",
    "refreshSession",
    "resetPassword",
    "resumeOrganization",
    "signIn",
    "signOut",
    "signUp",
    "suspendOrganization",
    "switchOrganization",
    "updateProfile",
];

/// The root of mutations under watch.
#[derive(Default)]
pub struct Audited<M>(M);

impl<M: ObjectType> ContainerType for Audited<M> {
    async fn resolve_field(&self, gql: &Context<'_>) -> ServerResult<Option<Value>> {
        let ctx = gql.ctx().map_err(|error| at(gql, error))?;
        let action = gql.field().name();
        let result = match admit(ctx, action).await {
            Ok(()) => self.0.resolve_field(gql).await,
            Err(refusal) => Err(at(gql, refusal)),
        };
        note(ctx, gql, action, result.as_ref().err()).await;
        result
    }
}

impl<M: ObjectType> OutputType for Audited<M> {
    fn type_name() -> Cow<'static, str> {
        M::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        M::create_type_info(registry)
    }

    async fn resolve(
        &self,
        gql: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        async_graphql::resolver_utils::resolve_container_serial(gql, self).await
    }
}

impl<M: ObjectType> ObjectType for Audited<M> {}

fn at(gql: &Context<'_>, error: Error) -> ServerError {
    gql.set_error_path(async_graphql::Error::from(error).into_server_error(gql.item.pos))
}

async fn admit(ctx: &Ctx, action: &str) -> error::Result<()> {
    match ctx.organization() {
        Ok(organization) if !PERSONAL.contains(&action) => {
            suspend::refuse_suspended(&ctx.hub, organization).await
        }
        _ => Ok(()),
    }
}

/// Writes what the call itself did not. Strangers leave only the rows that services write after looking at what they
/// brought: a flood of calls without a token must not fill the log. A log that cannot be written changes no answer, since
/// nothing was done.
async fn note(ctx: &Ctx, gql: &Context<'_>, action: &str, failure: Option<&ServerError>) {
    let (written, refused) = ctx.request.trail.take();
    if ctx.caller == Caller::Anonymous {
        return;
    }
    let code = failure.map(code_of).or(refused.map(ErrorCode::name));
    let subject = subject(gql);
    let noted = match code {
        Some(code) if is_of_load(&code) => Ok(()),
        Some(code) => {
            let entry = Entry { action, subject, detail: json!({}) };
            audit::record_refused(ctx, ctx.organization().ok(), entry, code).await
        }
        None if written => Ok(()),
        None => audit::record_unchanged(ctx, action, subject).await,
    };
    if let Err(error) = noted {
        tracing::warn!(action, request_id = %ctx.request.request_id, %error, "a refusal is missing in the audit log");
    }
}

/// Turned away before anything was looked at: the counters of load tell of it, and a row each would be more load.
fn is_of_load(code: &str) -> bool {
    [ErrorCode::RateLimited, ErrorCode::Unavailable].iter().any(|of_load| of_load.name() == code)
}

fn code_of(error: &ServerError) -> String {
    let known = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    match known {
        Some(Value::String(code)) => code.clone(),
        // The executor's own words: an argument that does not parse.
        _ => ErrorCode::BadUserInput.name(),
    }
}

/// What the call was about, as far as its input names one thing by a public id.
fn subject(gql: &Context<'_>) -> Option<String> {
    let input = gql.field().arguments().ok()?.into_iter().find(|(name, _)| name == "input")?.1;
    let Value::Object(fields) = input else { return None };
    fields.into_iter().find_map(|(name, value)| match value {
        Value::String(id) if (name == "id" || name.ends_with("Id")) && is_public_id(&id) => Some(id),
        _ => None,
    })
}

/// Three letters, an underscore, 26 digits of base32: nothing that a caller could smuggle into the log.
fn is_public_id(text: &str) -> bool {
    text.split_once('_').is_some_and(|(prefix, digits)| {
        prefix.len() == 3
            && digits.len() == 26
            && [prefix, digits].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    })
}
