//! The integration tests: one binary, one file a flow. Each flow drives the real server over HTTP and WebSocket against
//! the real sandbox, over SQLite + memory, or over PostgreSQL + Redis when `PHONEHUB_TEST_DATABASE_URL` and
//! `PHONEHUB_TEST_REDIS_URL` name them (`scripts/test` runs both).

mod command_line;
mod events;
mod frozen;
mod graceful;
mod harness;
mod house;
mod kill_minus_nine;
mod live_loop;
mod many;
mod postgres_restart;
mod redis_down;
