//! Slows guessing down: tries are counted in the database, shared by all instances, before a password is looked at, so
//! that parallel guesses cannot pass together.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Duration, Utc};
use entity::throttle;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};

use crate::base::{
    audit::{self, Entry},
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tokens,
    tx::Tx,
};

/// A window of tries begins with the first one and is forgotten after this.
pub const WINDOW: Duration = Duration::minutes(15);
/// Wrong passwords for one e-mail address from one network.
pub const TRIES_PER_PERSON: i32 = 10;
/// Wrong passwords for one e-mail address from anywhere: high enough that strangers cannot easily lock a person out.
pub const TRIES_PER_EMAIL: i32 = 100;
/// Wrong passwords from one network.
pub const TRIES_PER_NETWORK: i32 = 50;
/// New accounts from one network.
pub const SIGN_UPS_PER_NETWORK: i32 = 100;

/// One counter and how far it may go within a window.
#[derive(Debug)]
pub struct Bucket {
    key: String,
    most: i32,
}

/// The counters of a password check. Always in this order, so that two transactions cannot wait for each other.
pub fn password(email: &str, ip: Option<IpAddr>) -> Vec<Bucket> {
    let (person, network) = (hex::encode(tokens::hash(email)), network(ip));
    vec![
        Bucket { key: format!("password:{person}:{network}"), most: TRIES_PER_PERSON },
        Bucket { key: format!("password:{person}"), most: TRIES_PER_EMAIL },
        Bucket { key: format!("password:{network}"), most: TRIES_PER_NETWORK },
    ]
}

/// The counter of new accounts.
pub fn sign_up(ip: Option<IpAddr>) -> Vec<Bucket> {
    vec![Bucket { key: format!("signUp:{}", network(ip)), most: SIGN_UPS_PER_NETWORK }]
}

/// Counts a try; `RATE_LIMITED` with the end of the window when one of the counters is full.
pub async fn take(ctx: &Ctx, buckets: &[Bucket]) -> Result<()> {
    let tx = ctx.begin().await?;
    let mut wait = None;
    for bucket in buckets {
        let (tries, began) = count(ctx, &tx, &bucket.key).await?;
        if tries > bucket.most {
            wait = Ord::max(wait, Some(began + WINDOW - ctx.now()));
        }
        if tries == bucket.most + 1 {
            let detail = serde_json::json!({ "counter": bucket.key });
            let entry = Entry { action: "triesExhausted", subject: None, detail };
            audit::record_in(ctx, &*tx, None, entry).await?;
        }
    }
    tx.commit().await?;
    wait.map_or(Ok(()), |wait| Err(refusal(wait)))
}

/// Takes back the try of somebody who was right: forgets their own counter, lowers the shared ones by that try.
pub async fn absolve(tx: &Tx, buckets: &[Bucket]) -> Result<()> {
    let Some((own, shared)) = buckets.split_first() else { return Ok(()) };
    throttle::Entity::delete_by_id(own.key.clone()).exec(&**tx).await?;
    throttle::Entity::update_many()
        .col_expr(throttle::Column::Failures, Expr::col(throttle::Column::Failures).sub(1))
        .filter(throttle::Column::Key.is_in(shared.iter().map(|bucket| bucket.key.clone())))
        .filter(throttle::Column::Failures.gt(0))
        .exec(&**tx)
        .await?;
    Ok(())
}

async fn count(ctx: &Ctx, tx: &Tx, key: &str) -> Result<(i32, DateTime<Utc>)> {
    let now = ctx.now();
    let statement = ctx.hub.db.sql(
        "INSERT INTO throttles (key, failures, window_start) VALUES ($1, 1, $2) \
         ON CONFLICT (key) DO UPDATE SET \
         failures = CASE WHEN throttles.window_start <= $3 THEN 1 ELSE throttles.failures + 1 END, \
         window_start = CASE WHEN throttles.window_start <= $3 THEN excluded.window_start ELSE throttles.window_start END \
         RETURNING failures, window_start",
        [key.into(), now.into(), (now - WINDOW).into()],
    );
    let row = tx.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("throttle".into()))?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

fn refusal(wait: Duration) -> Error {
    let wait = std::time::Duration::from_secs(u64::try_from(wait.num_seconds()).unwrap_or(0) + 1);
    Error::new(ErrorCode::RateLimited, "Too many tries. Wait, then try again.").retry_after(wait)
}

/// One IPv4 address, or the /64 that one IPv6 customer has to choose from.
fn network(ip: Option<IpAddr>) -> String {
    match ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_network() {
        let network = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
