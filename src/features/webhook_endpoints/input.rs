//! What people say about an endpoint, checked: which events it wants and what it is for.

use async_graphql::resolver_utils::EnumType;
use serde_json::{Value, json};

use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
    },
    features::messages::graphql::EventType,
};

/// Characters of a description.
const LONGEST: usize = 500;

/// The types as the database holds them. Whoever asks must be allowed to see each of them.
pub fn kinds(ctx: &Ctx, types: &[EventType]) -> Result<Value> {
    if types.is_empty() {
        return Err(Error::input(&["types"], "Name at least one type of events."));
    }
    for wanted in types {
        ctx.require(wanted.permission())?;
    }
    let known = EventType::items().iter().map(|item| item.value);
    Ok(known.filter(|kind| types.contains(kind)).map(EventType::kind).collect::<Vec<_>>().into())
}

/// The types that a row holds, as far as this version knows them.
pub fn types(kinds: &Value) -> Vec<EventType> {
    let names = kinds.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(EventType::of).collect()
}

/// Cuts outer white space; refuses what is too long or holds control characters.
pub fn description(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().nth(LONGEST).is_some() || text.chars().any(char::is_control) {
        let words = format!("A description has at most {LONGEST} characters and no control characters.");
        return Err(Error::input(&["description"], words));
    }
    Ok(text.to_owned())
}

/// What the audit log says of an endpoint. The address's query may hold a partner's own secret, so it stays out.
pub fn facts(row: &entity::webhook_endpoint::Model) -> Value {
    let address = row.url.split(['?', '#']).next().unwrap_or_default();
    json!({ "url": address, "types": row.types, "isEnabled": row.disabled_at.is_none() })
}
