//! Contacts: the people an organisation writes to, whether they want that, and the words they answer with.

mod find;
pub mod graphql;
mod keywords;
mod metadata;
mod notice;
mod numbers;
mod opt_outs;
mod upsert;
#[cfg(test)]
mod tests;

pub use find::{ContactFilter, ContactsById, ContactsByNumber, NumbersOfContact, by_numbers, list};
pub use keywords::{Command, SaveKeywordInput, delete_keyword, keywords, reply_to, save_keyword};
pub use numbers::{ensure, linked_contact};
pub use opt_outs::{
    ClearOptOutInput, OptOutFilter, Refusal, SetOptOutInput, blocked, clear_opt_out, list_opt_outs, record_carrier_refusal,
    record_start, record_stop, set_opt_out,
};
pub use upsert::{UpsertContactInput, upsert};
