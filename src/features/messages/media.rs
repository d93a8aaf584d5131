//! Files that came in: clients see them by our own signed, expiring link, since the carrier's address needs the account's
//! credentials. What was sent stays at the sender's own address.

use std::sync::Arc;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use entity::{carrier_config, enums::Direction, ids::MediaId, media, message};
use sea_orm::EntityTrait;

use crate::{
    base::{
        ctx::Hub,
        error::{Error, ErrorCode, Result},
    },
    carriers::{CarrierError, ErrorKind, messaging::Media},
    features::carrier_configs,
};

/// Life of a link.
pub const LINK_LIVES: Duration = Duration::minutes(15);

/// Our own link to an inbound file. Whoever has it may read the file until it expires.
pub fn link(hub: &Hub, media: &media::Model) -> String {
    let expires = (hub.clock.now() + LINK_LIVES).timestamp();
    let signature = URL_SAFE_NO_PAD.encode(sign(hub.token_keys.first().bytes(), media.id, expires));
    let base = hub.config.public_url.as_str().trim_end_matches('/');
    format!("{base}/media/{}?expires={expires}&signature={signature}", media.id)
}

/// A link that was checked; only [`Pass::check`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    media: MediaId,
    expires: DateTime<Utc>,
}

impl Pass {
    /// Checks a link's parts; `None` for one that is forged, altered or expired.
    pub fn check(hub: &Hub, media: MediaId, expires: i64, signature: &str) -> Option<Self> {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let genuine = hub.token_keys.iter().any(|key| {
            verify_slices_are_equal(sign(key.bytes(), media, expires).as_ref(), &signature).is_ok()
        });
        let expires = DateTime::from_timestamp(expires, 0).filter(|_| genuine)?;
        (hub.clock.now() < expires).then_some(Self { media, expires })
    }

    /// How long the link is still good for.
    pub fn left(&self, hub: &Hub) -> Duration {
        self.expires - hub.clock.now()
    }
}

/// Token keys sign other things too; the words in front keep those apart.
fn sign(key: &[u8], media: MediaId, expires: i64) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(b"phonehub media link\0");
    context.update(media.0.as_bytes());
    context.update(&expires.to_be_bytes());
    context.sign()
}

/// Fetches the file from the carrier with the account's credentials, which go to the carrier's own host alone. `NOT_FOUND`
/// when we or the carrier have it no more, `SERVICE_UNAVAILABLE` when the carrier cannot be asked now.
pub async fn fetch(hub: &Arc<Hub>, pass: Pass) -> Result<Media> {
    let db = hub.db.read();
    let media = media::Entity::find_by_id(pass.media).one(db).await?.ok_or_else(Error::not_found)?;
    let message =
        message::Entity::find_by_id(media.message_id).one(db).await?.ok_or_else(Error::not_found)?;
    let config = match message.carrier_config_id {
        Some(id) => carrier_config::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let config =
        config.filter(|config| config.account == message.account && message.direction == Direction::Inbound);
    let carrier = carrier_configs::open::open(hub, &config.ok_or_else(Error::not_found)?)?;
    let messaging = carrier.messaging.ok_or_else(Error::not_found)?;
    messaging.fetch_media(&media.url).await.map_err(refusal)
}

fn refusal(error: CarrierError) -> Error {
    match error.kind {
        ErrorKind::NotFound => Error::not_found(),
        ErrorKind::RateLimited
        | ErrorKind::NotSent
        | ErrorKind::BreakerOpen
        | ErrorKind::Server
        | ErrorKind::Interrupted => {
            let text = "The carrier cannot be reached for this file at the moment. Try again.";
            Error { cause: Some(Box::new(error)), ..Error::new(ErrorCode::ServiceUnavailable, text) }
        }
        ErrorKind::Refused | ErrorKind::Credentials | ErrorKind::Unreadable => {
            let text = "The carrier does not give this file out.";
            Error { cause: Some(Box::new(error)), ..Error::new(ErrorCode::CarrierError, text) }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::{MessageId, OrganizationId};

    use super::*;
    use crate::base::testing;

    fn file() -> media::Model {
        media::Model {
            id: MediaId::new(),
            organization_id: OrganizationId::new(),
            message_id: MessageId::new(),
            position: 0,
            url: "https://api.twilio.com/secret".into(),
            content_type: None,
        }
    }

    fn parts(link: &str) -> (i64, String) {
        let query = link.split_once("?expires=").unwrap().1;
        let (expires, signature) = query.split_once("&signature=").unwrap();
        (expires.parse().unwrap(), signature.to_owned())
    }

    #[tokio::test]
    async fn a_link_opens_its_own_file_until_it_expires() {
        let (hub, _folder) = testing::hub().await;
        let (one, other) = (file(), file());
        let link = link(&hub, &one);
        assert!(link.starts_with(&format!("{}media/{}?", hub.config.public_url, one.id)), "{link}");
        assert!(!link.contains("secret"));
        let (expires, signature) = parts(&link);
        let pass = Pass::check(&hub, one.id, expires, &signature).expect("genuine");
        assert!(pass.left(&hub) > Duration::minutes(14));
        assert_eq!(Pass::check(&hub, other.id, expires, &signature), None, "another file");
        assert_eq!(Pass::check(&hub, one.id, expires + 1, &signature), None, "a longer life");
        assert_eq!(Pass::check(&hub, one.id, expires, &signature[1..]), None, "an altered signature");
        assert_eq!(Pass::check(&hub, one.id, expires, ""), None);
        hub.clock.advance(LINK_LIVES);
        assert_eq!(Pass::check(&hub, one.id, expires, &signature), None, "expired");
    }
}
