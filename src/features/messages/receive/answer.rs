//! What an inbound message asks for, and what is answered: the STOP, START and HELP families first, then the
//! organisation's own keywords. A refusal is in force before its confirmation leaves.

use entity::{enums::TimelineKind, ids::OrganizationId, message, organization};
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;

use super::Arrival;
use crate::{
    base::{error::Result, tx::Tx},
    carriers::twilio::{InboundMessage, OptOutType},
    features::{
        carrier_configs::senders::sender_key,
        contacts::{
            keywords::{self, Command},
            opt_outs::{self, Refusal},
        },
        messages::timeline,
        organizations::suspend,
    },
};

/// What the whole of a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// One of the families; the carrier's reading counts before ours.
    Command(Command),
    /// One of the organisation's own words, with its reply.
    Keyword {
        /// As it was saved.
        word: String,
        /// What is answered.
        reply: String,
    },
    /// A text for people.
    Text,
}

impl Heard {
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        organization: OrganizationId,
        inbound: &InboundMessage,
    ) -> Result<Self> {
        if let Some(command) = command(inbound) {
            return Ok(Self::Command(command));
        }
        let keyword = keywords::reply_to(db, organization, &inbound.body).await?;
        Ok(keyword.map_or(Self::Text, |row| Self::Keyword { word: row.word, reply: row.reply }))
    }
}

/// The command that a message is, if it is one.
pub(super) fn command(inbound: &InboundMessage) -> Option<Command> {
    let told = inbound.opt_out_type.map(|told| match told {
        OptOutType::Stop => Command::Stop,
        OptOutType::Start => Command::Start,
        OptOutType::Help => Command::Help,
    });
    told.or_else(|| Command::of(&inbound.body))
}

/// Does what was heard and says what to answer. A command that the carrier answers itself is not answered by us, and a
/// refusal or consent that is in force already is not confirmed again.
pub(super) async fn answer(
    arrival: &Arrival<'_>,
    tx: &Tx,
    message: &message::Model,
    heard: &Heard,
) -> Result<Option<String>> {
    match heard {
        Heard::Text => Ok(None),
        Heard::Keyword { word, reply } => keyword(arrival, tx, message, (word, reply)).await,
        Heard::Command(command) => {
            let news = obey(arrival, tx, message, *command).await?;
            let detail =
                json!({ "command": name(*command), "carrierAnswers": arrival.answered, "news": news });
            timeline::add(tx, message, arrival.ctx.now(), [(TimelineKind::ConsentChecked, detail)]).await?;
            if arrival.answered || !news {
                return Ok(None);
            }
            let organization = organization::Entity::find_by_id(message.organization_id).one(&**tx).await?;
            Ok(organization.map(|organization| confirmation(*command, &organization.name)))
        }
    }
}

/// Writes what a command means for consent; whether that is news to us.
async fn obey(arrival: &Arrival<'_>, tx: &Tx, message: &message::Model, command: Command) -> Result<bool> {
    let wish = Refusal {
        organization: message.organization_id,
        sender_owner: arrival.route.owner.unwrap_or(message.organization_id),
        sender_key: &sender_key(&arrival.config.account, &arrival.route.sender),
        contact_number: &message.sender,
    };
    match command {
        Command::Help => Ok(true),
        Command::Start => {
            let lifted = opt_outs::record_start(&arrival.ctx, tx, wish).await?;
            Ok(!lifted.is_empty())
        }
        Command::Stop => {
            let known = refusal(arrival, tx, message).await?;
            opt_outs::record_stop(&arrival.ctx, tx, wish).await?;
            Ok(!known)
        }
    }
}

/// The organisation's own reply, unless the person refuses to receive anything, or an operator lets it send nothing.
async fn keyword(
    arrival: &Arrival<'_>,
    tx: &Tx,
    message: &message::Model,
    (word, reply): (&str, &str),
) -> Result<Option<String>> {
    let refused = refusal(arrival, tx, message).await?;
    let suspended = suspend::is_suspended(&**tx, message.organization_id).await?;
    let detail = json!({ "keyword": word, "optedOut": refused, "suspended": suspended });
    timeline::add(tx, message, arrival.ctx.now(), [(TimelineKind::ConsentChecked, detail)]).await?;
    Ok((!refused && !suspended).then(|| reply.to_owned()))
}

async fn refusal(arrival: &Arrival<'_>, tx: &Tx, message: &message::Model) -> Result<bool> {
    let (account, sender) = (&arrival.config.account, &arrival.route.sender);
    let row = opt_outs::blocked(&**tx, message.organization_id, account, sender, &message.sender).await?;
    Ok(row.is_some())
}

const fn name(command: Command) -> &'static str {
    match command {
        Command::Stop => "STOP",
        Command::Start => "START",
        Command::Help => "HELP",
    }
}

/// Our own words, where the carrier has none: who, what now, and the way back.
fn confirmation(command: Command, who: &str) -> String {
    match command {
        Command::Stop => {
            format!(
                "{who}: you are unsubscribed and will get no more messages. Reply START to get them again."
            )
        }
        Command::Start => {
            format!("{who}: you will get messages again. Reply HELP for help, STOP to unsubscribe.")
        }
        Command::Help => {
            format!(
                "{who}: reply STOP to unsubscribe, START to get messages again. Message and data rates may apply."
            )
        }
    }
}
