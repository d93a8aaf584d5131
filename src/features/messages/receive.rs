//! Inbound messages: deduplicated for ever, put into the right organisation, with their keywords obeyed and answered, all
//! in one transaction. The webhook that brings them was verified before; the carrier is not called here.

mod answer;
mod reply;
mod route;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use entity::{
    carrier_config,
    enums::{Direction, TimelineKind},
    ids::MessageId,
    message,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::json;

use self::{
    answer::Heard,
    route::{Route, route},
};
use super::{
    conversation::{self, Touch},
    snapshot, timeline,
};
use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::{Error, Result},
        tx::Tx,
    },
    carriers::twilio::{InboundMessage, OptOutType},
    features::contacts::{
        keywords::Command,
        numbers,
        opt_outs::quiet::{self, Reach},
    },
};

/// What became of an inbound message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// What the carrier shall answer, once.
    pub reply: Option<String>,
    /// It was known already: nothing was stored, nothing is answered again.
    pub duplicate: bool,
}

/// Stores an inbound message of a config. UNAVAILABLE when the database is, or when a message to the system config has no
/// organisation to go to; the carrier's next try may then succeed.
pub async fn receive(
    hub: &Arc<Hub>,
    config: &carrier_config::Model,
    inbound: &InboundMessage,
) -> Result<Received> {
    let inbound = Arrival::new(hub, config, inbound).await?;
    let tx = inbound.ctx.begin().await?;
    let Some(message) = inbound.store(&tx).await? else {
        drop(tx);
        inbound.fall_quiet().await;
        return Ok(Received { duplicate: true, ..Received::default() });
    };
    let reply = inbound.obey(&tx, &message).await?;
    tx.commit().await?;
    inbound.fall_quiet().await;
    Ok(Received { reply, duplicate: false })
}

/// The carrier says that this message withdraws consent, whatever its words are: stores it like any other, and records the
/// refusal even if the message came before by another route.
pub async fn opt_out(
    hub: &Arc<Hub>,
    config: &carrier_config::Model,
    inbound: &InboundMessage,
) -> Result<Received> {
    let stop = InboundMessage { opt_out_type: Some(OptOutType::Stop), ..inbound.clone() };
    let arrival = Arrival::new(hub, config, &stop).await?.answered_by(inbound.opt_out_type.is_some());
    let tx = arrival.ctx.begin().await?;
    let (message, duplicate) = match find_known(&*tx, config, inbound).await? {
        Some(message) => (message, true),
        None => match arrival.store(&tx).await? {
            Some(message) => (message, false),
            None => return Err(Error::unavailable("the same message is being stored")),
        },
    };
    let reply = arrival.obey(&tx, &message).await?;
    tx.commit().await?;
    arrival.fall_quiet().await;
    Ok(Received { reply, duplicate })
}

async fn find_known(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    inbound: &InboundMessage,
) -> Result<Option<message::Model>> {
    let query = message::Entity::find()
        .filter(message::Column::Account.eq(&config.account))
        .filter(message::Column::CarrierMessageId.eq(&inbound.message_sid));
    Ok(query.one(db).await?)
}

/// An inbound message with where it goes.
struct Arrival<'a> {
    ctx: Ctx,
    config: &'a carrier_config::Model,
    inbound: &'a InboundMessage,
    route: Route,
    /// The carrier manages consent for this sender and has answered the person itself.
    answered: bool,
}

impl<'a> Arrival<'a> {
    async fn new(
        hub: &Arc<Hub>,
        config: &'a carrier_config::Model,
        inbound: &'a InboundMessage,
    ) -> Result<Self> {
        let route = route(hub.db.read(), config, inbound).await?;
        let ctx = Ctx::system(hub.clone(), route.organization_id);
        let answered = config.replies_to_stop || inbound.opt_out_type.is_some();
        Ok(Self { ctx, config, inbound, route, answered })
    }

    fn answered_by(self, carrier: bool) -> Self {
        Self { answered: self.config.replies_to_stop || carrier, ..self }
    }

    /// Writes the message with its conversation, contact and media; `None` when another request stored it meanwhile.
    async fn store(&self, tx: &Tx) -> Result<Option<message::Model>> {
        let number = route::number(&self.ctx, tx, self.config, &self.route).await?;
        if let Some(phone) = self.inbound.from.number() {
            numbers::ensure(&self.ctx, tx, self.route.organization_id, phone).await?;
        }
        let id = MessageId::new();
        let touch = Touch {
            organization_id: self.route.organization_id,
            number_id: number,
            sender: &self.route.sender,
            contact_number: self.inbound.from.as_str(),
            message_id: id,
            direction: Direction::Inbound,
            at: self.ctx.now(),
        };
        let conversation = conversation::touch(tx, touch).await?;
        let place = rows::Place { id, conversation_id: conversation.id, number_id: number };
        let row = rows::inbound(self.ctx.now(), self.config, self.inbound, &self.route, place);
        if !rows::insert_once(tx, row.clone()).await? {
            return Ok(None);
        }
        rows::insert_media(tx, &row, &self.inbound.media).await?;
        timeline::add(tx, &row, self.ctx.now(), [(TimelineKind::Routed, self.told())]).await?;
        tx.emit(snapshot::of_message(snapshot::RECEIVED, &row)?);
        Ok(Some(row))
    }

    /// Does what the text asks for, and says what to answer.
    async fn obey(&self, tx: &Tx, message: &message::Model) -> Result<Option<String>> {
        let heard = Heard::of(&**tx, self.route.organization_id, self.inbound).await?;
        let answer = answer::answer(self, tx, message, &heard).await?;
        if let Some(text) = &answer {
            reply::record(self, tx, message, text).await?;
        }
        Ok(answer)
    }

    /// After a STOP is in force: lets what was under way reach the carrier before the STOP is acknowledged.
    async fn fall_quiet(&self) {
        if answer::command(self.inbound) == Some(Command::Stop) {
            let reach = Reach {
                organization: self.route.organization_id,
                sender: Some((&self.config.account, &self.route.sender)),
            };
            quiet::wait(&self.ctx, reach, self.inbound.from.as_str()).await;
        }
    }

    fn told(&self) -> serde_json::Value {
        let place = &self.inbound.from_place;
        json!({
            "config": self.config.id,
            "why": self.route.why,
            "messagingService": self.inbound.messaging_service_sid,
            "from": { "city": place.city, "state": place.state, "zip": place.zip, "country": place.country },
        })
    }
}
