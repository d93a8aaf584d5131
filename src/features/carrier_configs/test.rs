//! `testCarrierConfig`: asks the carrier whether a config works and says what is wrong. Changes nothing but when the carrier
//! last let the config in, and the audit log, which tells of every use of a secret.

use entity::{carrier_config, ids::CarrierConfigId, number};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::{
    check::{self, Problem},
    open::open,
    prove, query,
};
use crate::{
    base::{
        audit,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        phone::PhoneNumber,
    },
    carriers::messaging::{AccountInfo, Messaging, RemoteSender},
};

/// What the carrier said.
#[derive(Debug, Clone)]
pub struct Check {
    /// The account, where the credentials open it.
    pub account: Option<AccountInfo>,
    /// Senders that were looked for; short codes, sender ids and services cannot be.
    pub senders_checked: usize,
    /// What keeps the config from working; empty when it works.
    pub problems: Vec<Problem>,
}

/// Asks the carrier.
pub async fn test(ctx: &Ctx, id: CarrierConfigId) -> Result<Check> {
    let config = query::manageable(ctx, id).await?;
    let carrier = open(&ctx.hub, &config)?;
    let messaging = carrier
        .messaging
        .as_deref()
        .ok_or_else(|| Error::new(ErrorCode::CarrierError, "This carrier cannot send messages."))?;
    let result = ask(ctx, messaging, &config).await?;
    let problems: Vec<String> = result.problems.iter().map(|problem| problem.code.name()).collect();
    let tx = ctx.begin().await?;
    if result.account.is_some() {
        let proven = carrier_config::Model { proven_at: Some(ctx.now()), ..config.clone() };
        prove::mark(&*tx, &config, &proven).await?;
    }
    let detail = json!({ "accountId": config.account_id, "problems": problems });
    audit::record(ctx, &*tx, "testCarrierConfig", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(result)
}

async fn ask(ctx: &Ctx, messaging: &dyn Messaging, config: &carrier_config::Model) -> Result<Check> {
    let account = match check::account(messaging, config).await {
        Ok(account) => account,
        Err(problem) => return Ok(Check { account: None, senders_checked: 0, problems: vec![problem] }),
    };
    let of_config = number::Column::CarrierConfigId.eq(config.id);
    let rows = number::Entity::find().filter(of_config).all(ctx.db()).await?;
    let numbers: Vec<String> = rows
        .into_iter()
        .map(|row| row.address)
        .filter(|address| PhoneNumber::parse_e164(address).is_ok())
        .collect();
    let problems = match messaging.list_senders().await {
        Ok(known) => missing(&numbers, &known),
        Err(error) => vec![error.into()],
    };
    Ok(Check { account: Some(account), senders_checked: numbers.len(), problems })
}

fn missing(numbers: &[String], known: &[RemoteSender]) -> Vec<Problem> {
    let judge = |number: &String| match known.iter().find(|known| known.phone_number == *number) {
        None => Some(Problem::of_sender(number, format!("The account has no number {number}."))),
        Some(known) if !known.sms => {
            Some(Problem::of_sender(number, format!("The number {number} cannot send texts.")))
        }
        Some(_) => None,
    };
    numbers.iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_that_are_not_there_or_cannot_text_are_told() {
        let remote = |number: &str, sms| RemoteSender {
            sid: "PN1".into(),
            phone_number: number.into(),
            friendly_name: None,
            sms,
            mms: false,
            voice: true,
        };
        let known = [remote("+14155550100", true), remote("+14155550101", false)];
        let numbers = ["+14155550100", "+14155550101", "+14155550102"].map(str::to_owned);
        let told: Vec<_> =
            missing(&numbers, &known).into_iter().filter_map(|problem| problem.sender).collect();
        assert_eq!(told, ["+14155550101", "+14155550102"]);
    }
}
