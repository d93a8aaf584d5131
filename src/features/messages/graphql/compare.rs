//! Typed comparators: what a filter says about one field.

use async_graphql::{InputObject, InputType};
use chrono::{DateTime, Utc};
use entity::{
    enums::{Direction, MessageStatus},
    ids::{ContactId, ConversationId, NumberId, UserId},
};
use sea_orm::{ColumnTrait, Condition, Value};

/// Compares a field with values. All that is said must hold.
#[derive(Clone, Debug, InputObject)]
#[graphql(
    concrete(name = "DirectionComparator", params(Direction)),
    concrete(name = "MessageStatusComparator", params(MessageStatus)),
    concrete(name = "AddressComparator", params(String)),
    concrete(name = "BooleanComparator", params(bool)),
    concrete(name = "ConversationIdComparator", params(ConversationId)),
    concrete(name = "ContactIdComparator", params(ContactId)),
    concrete(name = "NumberIdComparator", params(NumberId)),
    concrete(name = "UserIdComparator", params(UserId))
)]
pub struct Comparator<T: InputType> {
    /// Equal to this.
    pub eq: Option<T>,
    /// Equal to one of these, at most 100; an empty list matches nothing.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<T>>,
}

/// Compares a time. All that is said must hold.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct DateTimeComparator {
    /// Exactly then.
    pub eq: Option<DateTime<Utc>>,
    /// Then or later.
    pub gte: Option<DateTime<Utc>>,
    /// Earlier.
    pub lt: Option<DateTime<Utc>>,
}

impl<T: InputType> Comparator<T> {
    /// Values of its list.
    pub(super) fn listed(&self) -> usize {
        self.one_of.as_ref().map_or(0, Vec::len)
    }
}

impl<T: InputType + Into<Value>> Comparator<T> {
    /// The same in SQL: never NULL, so that it can be negated.
    pub(super) fn condition(self, column: impl ColumnTrait) -> Condition {
        let equal = self.eq.map(|value| column.eq(value));
        let one_of = self.one_of.map(|values| column.is_in(values));
        Condition::all().add(column.is_not_null()).add_option(equal).add_option(one_of)
    }
}

impl DateTimeComparator {
    /// The same in SQL, for a column that is never NULL.
    pub(super) fn condition(self, column: impl ColumnTrait) -> Condition {
        Condition::all()
            .add_option(self.eq.map(|time| column.eq(time)))
            .add_option(self.gte.map(|time| column.gte(time)))
            .add_option(self.lt.map(|time| column.lt(time)))
    }
}
