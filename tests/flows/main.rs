//! The integration tests: one binary, one file a flow. Each flow drives the real server over HTTP and WebSocket against
//! the real sandbox, over SQLite + memory, or over PostgreSQL + Redis when `PHONEHUB_TEST_DATABASE_URL` and
//! `PHONEHUB_TEST_REDIS_URL` name them (`scripts/test` runs both).

mod command_line;
mod consent;
mod events;
mod harness;
mod house;
mod in_doubt;
mod inbound;
mod live_loop;
mod plans;
mod receipts;
mod refusals;
mod sending;
mod subscriptions;
