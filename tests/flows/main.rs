//! The integration tests: one binary, one file a flow. Each flow drives the real server over HTTP and WebSocket against
//! the real sandbox, over SQLite + memory, or over PostgreSQL + Redis when `PHONEHUB_TEST_DATABASE_URL` and
//! `PHONEHUB_TEST_REDIS_URL` name them (`scripts/test` runs both).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod alerts;
mod alike;
mod audit_log;
mod backlog;
mod command_line;
mod consent;
mod containers;
mod dead_work;
mod disk_full;
mod erasure;
mod events;
mod evidence;
mod frozen;
mod graceful;
mod hanging;
mod harness;
mod house;
mod in_doubt;
mod inbound;
mod introspection;
mod kill_minus_nine;
mod live_loop;
mod many;
mod odd_inputs;
mod pacing;
mod pictures;
mod plans;
mod postgres_restart;
mod receipts;
mod redis_down;
mod refusals;
mod retention;
mod revocation;
mod rights;
mod sending;
mod subscriptions;
mod suspension;
mod webhook_borders;
mod webhook_delivery;
mod webhook_kill;
