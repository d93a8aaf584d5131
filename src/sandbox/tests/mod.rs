//! Drives the sandbox over HTTP as a client would, and checks its answers against Twilio's own description.
