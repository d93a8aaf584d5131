//! What every feature stands on: numbers, segments, HTTP. Knows no feature, no carrier and no API.

pub mod breaker;
pub mod http;
pub mod phone;
pub mod segments;
