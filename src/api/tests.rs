//! The door over a schema of its own: what the transports promise does not depend on any feature.

mod explorer;
mod http;
mod socket;
mod stream;
mod world;
