//! Organisations, the people and keys that act in them, and how they sign in. A verb a file; sends no mail.

pub mod accept_invitation;
pub mod accounts;
pub mod admin;
pub mod api_keys;
pub mod change_password;
pub mod demo;
pub mod email;
pub mod graphql;
pub mod housekeeping;
pub mod invite;
pub mod members;
pub mod name;
pub mod organization;
pub mod password;
pub mod profile;
pub mod refresh;
pub mod reset_password;
pub mod retention;
pub mod seat;
pub mod sessions;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
pub mod suspend;
pub mod switch_organization;
pub mod throttle;

#[cfg(test)]
mod tests;
