//! For unit tests of what carriers bring: an installation with its operator, tenants and configs, and messages on their way.

use std::sync::Arc;

use async_graphql::MaybeUndefined;
use entity::{
    Tenanted, attempt, carrier_config,
    enums::{MessageStatus, Provider},
    ids::{MessageId, OrganizationId},
    message, organization,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use super::{
    attempt::{self as attempts, Start},
    recipient::Recipient,
    send::{self, SendMessage},
    status::{self, Change},
};
use crate::{
    base::{
        ctx::{Ctx, Hub},
        phone::Address,
        testing::{self, Folder},
        tx::Tx,
    },
    carriers::twilio::{InboundMessage, Place},
    features::carrier_configs::{
        query,
        save::{CarrierCredentialsInput, SaveCarrierConfigInput},
        seed::{self, SystemSeed},
        testing::save_proven,
    },
    graphql::scalars::UrlText,
};

/// Signs webhooks of every config here.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The account of every config here.
pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
/// The configs' sender.
pub const OURS: &str = "+12065550150";
/// A person.
pub const THEIRS: &str = "+12065550100";
/// Nobody answers there; nothing here calls a carrier.
const NOWHERE: &str = "http://127.0.0.1:9";

/// An installation on an empty database.
pub struct Stage {
    /// The process.
    pub hub: Arc<Hub>,
    _folder: Folder,
}

impl Stage {
    /// Without any organisation.
    pub async fn new() -> Self {
        let (hub, folder) = testing::hub().await;
        Self { hub, _folder: folder }
    }

    /// The context of work for an organisation.
    pub fn ctx(&self, organization: OrganizationId) -> Ctx {
        Ctx::system(self.hub.clone(), organization)
    }

    /// A new organisation.
    pub async fn organization(&self, name: &str) -> OrganizationId {
        self.found(name, false).await
    }

    /// The operator's own organisation.
    pub async fn operator(&self) -> OrganizationId {
        self.found("Operator", true).await
    }

    async fn found(&self, name: &str, is_operator: bool) -> OrganizationId {
        let id = OrganizationId::new();
        let row = organization::ActiveModel {
            id: Set(id),
            name: Set(name.to_owned()),
            default_region: Set("US".into()),
            is_operator: Set(is_operator),
            created_at: Set(self.hub.clock.now()),
            ..Default::default()
        };
        let tx = Tx::begin(&self.hub).await.unwrap();
        row.insert(&*tx).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// An organisation's own config; `carrier_answers`: STOP and the like.
    pub async fn config(&self, owner: OrganizationId, carrier_answers: bool) -> carrier_config::Model {
        let input = SaveCarrierConfigInput {
            id: None,
            system: false,
            provider: Provider::Twilio,
            credentials: Some(CarrierCredentialsInput {
                account_sid: ACCOUNT.into(),
                auth_token: TOKEN.into(),
                previous_auth_token: None,
                api_key_sid: None,
                api_key_secret: None,
            }),
            end_token_rotation: false,
            base_url: Some(UrlText(NOWHERE.into())),
            default_sender: MaybeUndefined::Undefined,
            senders: Some(vec![OURS.into()]),
            messaging_service_sid: MaybeUndefined::Undefined,
            in_doubt_policy: None,
            messages_per_second: None,
            replies_to_stop: Some(carrier_answers),
            is_default: None,
        };
        save_proven(&self.ctx(owner), input).await.unwrap()
    }

    /// The system's config, whose sender everybody shares.
    pub async fn system_config(&self) -> carrier_config::Model {
        let seed = SystemSeed {
            account_sid: ACCOUNT.into(),
            auth_token: TOKEN.into(),
            base_url: Some(NOWHERE.into()),
            senders: vec![OURS.into()],
        };
        seed::seed_system(&Ctx::administrator(self.hub.clone()), &seed).await.unwrap();
        query::of_system().one(self.hub.db.read()).await.unwrap().unwrap()
    }

    /// A message that was accepted and waits.
    pub async fn queued(&self, from: OrganizationId, to: &str) -> message::Model {
        let input = SendMessage {
            to: Recipient::PhoneNumber(to.to_owned()),
            idempotency_key: MessageId::new().to_string(),
            body: Some("Hello".into()),
            media_urls: Vec::new(),
            from: None,
            carrier_config_id: None,
            scheduled_at: None,
            validity_seconds: None,
            priority: None,
        };
        send::send(&self.ctx(from), input).await.unwrap()
    }

    /// A message that is being handed over, with the attempt that does it.
    pub async fn sending(&self, from: OrganizationId, to: &str) -> (message::Model, attempt::Model) {
        let ctx = self.ctx(from);
        let queued = self.queued(from, to).await;
        let tx = ctx.begin().await.unwrap();
        let start = Start { message: &queued, config: queued.carrier_config_id.unwrap(), fence: 1 };
        let attempt = attempts::start_all(&ctx, &tx, &[start]).await.unwrap().remove(0);
        let change = Change { status: Some(MessageStatus::Sending), attempt: true, ..Change::default() };
        let sending = status::apply(&ctx, &tx, queued, change).await.unwrap();
        tx.commit().await.unwrap();
        (sending, attempt)
    }

    /// The row as it is now.
    pub async fn message(&self, id: MessageId) -> message::Model {
        message::Entity::find_by_id(id).one(self.hub.db.read()).await.unwrap().unwrap()
    }

    /// An organisation's rows, oldest first.
    pub async fn rows<E: Tenanted>(&self, of: OrganizationId) -> Vec<E::Model>
    where
        E::PrimaryKey: sea_orm::PrimaryKeyToColumn<Column = E::Column>,
    {
        let key = <E::PrimaryKey as sea_orm::Iterable>::iter().next().unwrap();
        let key = sea_orm::PrimaryKeyToColumn::into_column(key);
        E::find().filter(E::ORGANIZATION.eq(of)).order_by_asc(key).all(self.hub.db.read()).await.unwrap()
    }
}

/// A text from a person to our sender.
pub fn text(sid: &str, body: &str) -> InboundMessage {
    InboundMessage {
        message_sid: sid.to_owned(),
        account_sid: ACCOUNT.to_owned(),
        messaging_service_sid: None,
        from: Address::from_carrier(THEIRS),
        to: Address::from_carrier(OURS),
        body: body.to_owned(),
        num_segments: Some(1),
        media: Vec::new(),
        opt_out_type: None,
        from_place: Place::default(),
        to_place: Place::default(),
        others: std::collections::BTreeMap::new(),
    }
}
