//! Filters of lists: input as clients write it, turned into one SQL condition of bounded size.

use async_graphql::InputObject;
use entity::{
    conversation,
    enums::{Direction, MessageStatus},
    ids::{ContactId, ConversationId, NumberId, OrganizationId, UserId},
    message,
};
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait, Query},
};

use super::compare::{Comparator, DateTimeComparator};
use crate::{
    base::{
        error::{Error, ErrorCode, Result},
        phone::{PhoneNumber, Region},
    },
    features::carrier_configs::{is_sid, senders},
};

/// Filters inside one another at most.
const DEEPEST: usize = 5;
/// Filters of one argument at most.
const MOST_FILTERS: usize = 100;
/// Values of one `in` at most.
const LONGEST_LIST: usize = 100;
/// Listed values of one argument at most: far below what a statement of either database can bind.
const MOST_VALUES: usize = 1_000;

/// Which messages. All that is said must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MessageFilter {
    /// Who wrote.
    pub direction: Option<Comparator<Direction>>,
    /// Where they are on their way.
    pub status: Option<Comparator<MessageStatus>>,
    /// The sending address; numbers in any common writing.
    pub from: Option<Comparator<String>>,
    /// The receiving address; numbers in any common writing.
    pub to: Option<Comparator<String>>,
    /// The thread.
    pub conversation_id: Option<Comparator<ConversationId>>,
    /// The person, whichever of their numbers was used.
    pub contact_id: Option<Comparator<ContactId>>,
    /// Our sender.
    pub number_id: Option<Comparator<NumberId>>,
    /// The user who sent them.
    pub author_id: Option<Comparator<UserId>>,
    /// When they were accepted or received.
    pub created_at: Option<DateTimeComparator>,
    /// Whether they went to a sandbox.
    pub is_test: Option<Comparator<bool>>,
    /// All of these must hold as well.
    pub and: Option<Vec<MessageFilter>>,
    /// One of these must hold as well.
    pub or: Option<Vec<MessageFilter>>,
    /// This must not hold.
    pub not: Option<Box<MessageFilter>>,
}

/// Which conversations. All that is said must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ConversationFilter {
    /// With this sender of ours.
    pub number: Option<NumberId>,
    /// With this person, whichever of their numbers was used.
    pub contact: Option<ContactId>,
    /// In which this user wrote.
    pub user: Option<UserId>,
    /// With the sender of ours that has this address.
    pub sender: Option<String>,
    /// With this phone, in any common writing.
    pub contact_number: Option<String>,
    /// True: with unread messages. False: without.
    pub unread: Option<bool>,
}

/// What a filter is read against.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The tenant.
    pub organization: OrganizationId,
    /// How numbers without a country code are read.
    pub region: Region,
}

impl MessageFilter {
    /// The condition on `messages`.
    pub fn condition(self, reading: Reading) -> Result<Condition> {
        Translation { reading, filters: 0, values: 0 }.translate(self, 1)
    }
}

impl ConversationFilter {
    /// The condition on `conversations`.
    pub fn condition(self, reading: Reading) -> Result<Condition> {
        use conversation::Column as C;
        let sender = self.sender.map(|text| reading.address(&text)).transpose()?;
        let contact_number = self.contact_number.map(|text| reading.address(&text)).transpose()?;
        let unread = |unread| if unread { C::UnreadCount.gt(0) } else { C::UnreadCount.eq(0) };
        Ok(Condition::all()
            .add_option(self.number.map(|id| C::NumberId.eq(id)))
            .add_option(self.contact.map(|id| C::ContactId.eq(id)))
            .add_option(self.user.map(|id| wrote_in(reading.organization, id)))
            .add_option(sender.map(|address| C::Sender.eq(address)))
            .add_option(contact_number.map(|address| C::ContactNumber.eq(address)))
            .add_option(self.unread.map(unread)))
    }
}

impl Reading {
    /// An address as the database holds it.
    pub fn address(&self, text: &str) -> Result<String> {
        let text = text.trim();
        if is_sid("MG", text) || PhoneNumber::parse_e164(text).is_ok() {
            return Ok(text.to_owned());
        }
        match senders::parse_address(text, self.region) {
            Some(address) => Ok(address.as_str().to_owned()),
            None => Err(Error::new(
                ErrorCode::InvalidNumber,
                "An address in the filter is not one that can exist.",
            )),
        }
    }
}

/// Turns a filter into SQL and counts what it costs.
struct Translation {
    reading: Reading,
    filters: usize,
    values: usize,
}

impl Translation {
    fn translate(&mut self, filter: MessageFilter, depth: usize) -> Result<Condition> {
        use message::Column as C;
        self.filters += 1;
        if depth > DEEPEST || self.filters > MOST_FILTERS {
            return Err(refused("The filter nests more than 5 levels or holds more than 100 filters."));
        }
        let from = filter.from.map(|wanted| self.addresses(wanted)).transpose()?;
        let to = filter.to.map(|wanted| self.addresses(wanted)).transpose()?;
        let contact = self.counted(filter.contact_id)?.map(|wanted| self.of_contacts(wanted));
        let all = Condition::all()
            .add_option(self.counted(filter.direction)?.map(|wanted| wanted.condition(C::Direction)))
            .add_option(self.counted(filter.status)?.map(|wanted| wanted.condition(C::Status)))
            .add_option(self.counted(from)?.map(|wanted| wanted.condition(C::Sender)))
            .add_option(self.counted(to)?.map(|wanted| wanted.condition(C::Recipient)))
            .add_option(
                self.counted(filter.conversation_id)?.map(|wanted| wanted.condition(C::ConversationId)),
            )
            .add_option(contact)
            .add_option(self.counted(filter.number_id)?.map(|wanted| wanted.condition(C::NumberId)))
            .add_option(self.counted(filter.author_id)?.map(|wanted| wanted.condition(C::UserId)))
            .add_option(filter.created_at.map(|wanted| wanted.condition(C::CreatedAt)))
            .add_option(self.counted(filter.is_test)?.map(|wanted| wanted.condition(C::IsTest)));
        let and = filter.and.map(|parts| self.each(parts, Condition::all(), depth)).transpose()?;
        let or = filter.or.map(|parts| self.each(parts, Condition::any(), depth)).transpose()?;
        let not = filter.not.map(|part| self.each(vec![*part], Condition::all(), depth)).transpose()?;
        Ok(all.add_option(and).add_option(or).add_option(not.map(Condition::not)))
    }

    /// Parts that say nothing are refused: what "one of nothing" or "not nothing" means, readers would disagree on.
    fn each(&mut self, parts: Vec<MessageFilter>, whole: Condition, depth: usize) -> Result<Condition> {
        let mut whole = whole;
        for part in parts {
            let part = self.translate(part, depth + 1)?;
            if part.is_empty() {
                return Err(refused("A filter inside `and`, `or` or `not` says nothing."));
            }
            whole = whole.add(part);
        }
        if whole.is_empty() {
            return Err(refused("`and` and `or` need at least one filter."));
        }
        Ok(whole)
    }

    fn counted<T: async_graphql::InputType>(
        &mut self,
        wanted: Option<Comparator<T>>,
    ) -> Result<Option<Comparator<T>>> {
        let listed = wanted.as_ref().map_or(0, Comparator::listed);
        self.values += listed;
        if listed > LONGEST_LIST || self.values > MOST_VALUES {
            return Err(refused("`in` takes at most 100 values, a whole filter at most 1,000."));
        }
        Ok(wanted)
    }

    fn addresses(&self, wanted: Comparator<String>) -> Result<Comparator<String>> {
        let address = |text: String| self.reading.address(&text);
        Ok(Comparator {
            eq: wanted.eq.map(address).transpose()?,
            one_of: wanted
                .one_of
                .map(|texts| texts.into_iter().take(LONGEST_LIST + 1).map(address).collect())
                .transpose()?,
        })
    }

    fn of_contacts(&self, wanted: Comparator<ContactId>) -> Condition {
        let theirs = Query::select()
            .column(conversation::Column::Id)
            .from(conversation::Entity)
            .and_where(conversation::Column::OrganizationId.eq(self.reading.organization))
            .cond_where(wanted.condition(conversation::Column::ContactId))
            .to_owned();
        Condition::all().add(message::Column::ConversationId.in_subquery(theirs))
    }
}

/// Looked up for each conversation through its own messages' index.
fn wrote_in(organization: OrganizationId, user: UserId) -> Expr {
    let theirs = Query::select()
        .expr(Expr::val(1))
        .from(message::Entity)
        .and_where(message::Column::OrganizationId.eq(organization))
        .and_where(message::Column::ConversationId.into_expr().eq(conversation::Column::Id.into_expr()))
        .and_where(message::Column::UserId.eq(user))
        .to_owned();
    Expr::exists(theirs)
}

fn refused(text: &'static str) -> Error {
    Error::new(ErrorCode::BadUserInput, text)
}
