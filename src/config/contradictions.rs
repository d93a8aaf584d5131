//! Settings that are right each by itself and wrong together. Reads nothing, only compares.

use std::time::Duration;

use super::reader::Reader;
use super::settings::{self, Setting};
use super::{Config, parse};

/// Notes every contradiction, so that the operator mends all of them at once.
pub(super) fn check(config: &Config, reader: &mut Reader) {
    keys(config, reader);
    addresses(config, reader);
    redis(reader);
    twilio(config, reader);
    times(config, reader);
}

fn keys(config: &Config, reader: &mut Reader) {
    let reason = match (config.demo, config.listens_on_loopback()) {
        (false, _) => "is required with DATABASE_URL",
        (true, false) => "is required when PHONEHUB_LISTEN is beyond loopback",
        (true, true) => return same_key(config, reader),
    };
    for setting in [&settings::MASTER_KEY, &settings::TOKEN_KEY] {
        if !reader.is_set(setting) {
            let how = "make one with: echo \"k1:$(head -c 32 /dev/urandom | base64)\"";
            reader.problem(setting.name, format!("{reason}; {how}"));
        }
    }
    same_key(config, reader);
}

fn same_key(config: &Config, reader: &mut Reader) {
    if let (Some(master), Some(token)) = (&config.keys.master, &config.keys.token)
        && master.overlaps(token)
    {
        reader.problem("PHONEHUB_MASTER_KEY, PHONEHUB_TOKEN_KEY", "hold the same key; make one for each.");
    }
}

fn addresses(config: &Config, reader: &mut Reader) {
    if !config.listens_on_loopback() && !reader.is_set(&settings::PUBLIC_URL) {
        let sentence =
            "is required when PHONEHUB_LISTEN is beyond loopback; set the https address that clients use.";
        reader.problem(settings::PUBLIC_URL.name, sentence);
    }
    if config.demo && config.listen == config.sandbox_listen && config.listen.port() != 0 {
        let sentence = "name the same address; give the sandbox carrier its own port.";
        reader.problem("PHONEHUB_LISTEN, PHONEHUB_SANDBOX_LISTEN", sentence);
    }
    let refused = reader.is_set(&settings::ALLOW_PRIVATE_CARRIER_URLS)
        && !reader.value(&settings::ALLOW_PRIVATE_CARRIER_URLS, parse::switch);
    if config.demo && refused {
        let sentence =
            "cannot be false in the demo, whose sandbox is on loopback; remove it or set DATABASE_URL.";
        reader.problem(settings::ALLOW_PRIVATE_CARRIER_URLS.name, sentence);
    }
}

fn redis(reader: &mut Reader) {
    let parts = [&settings::REDIS_HOST, &settings::REDIS_PORT, &settings::REDIS_PASSWORD];
    let given = set(reader, &parts);
    if given.is_empty() {
        return;
    }
    if reader.is_set(&settings::REDIS_URL) {
        let sentence = format!("says the same as {}; keep one of both ways.", given.join(", "));
        reader.problem(settings::REDIS_URL.name, sentence);
    } else if !reader.is_set(&settings::REDIS_HOST) {
        reader.problem(&given.join(", "), "needs REDIS_HOST beside it; set it, or use REDIS_URL.");
    }
}

fn twilio(config: &Config, reader: &mut Reader) {
    let account =
        [&settings::TWILIO_ACCOUNT_SID, &settings::TWILIO_AUTH_TOKEN, &settings::TWILIO_PHONE_NUMBER];
    let needed = set(reader, &[account[0], account[1], account[2], &settings::TWILIO_BASE_URL]);
    if needed.is_empty() {
        return;
    }
    for setting in account {
        if !reader.is_set(setting) {
            reader
                .problem(setting.name, format!("is missing beside {}; set all or none.", needed.join(", ")));
        }
    }
    let private = config.twilio.as_ref().and_then(|seed| seed.base_url.as_ref());
    if private.is_some_and(|url| url.scheme() == "http") && !config.allow_private_carrier_urls {
        let sentence =
            "is plain http; use https, or set PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS=true for a sandbox.";
        reader.problem(settings::TWILIO_BASE_URL.name, sentence);
    }
}

/// What a job needs of its lease beside the call itself.
const AROUND_A_CALL: Duration = Duration::from_secs(2);

fn times(config: &Config, reader: &mut Reader) {
    let delivery = &config.delivery;
    if delivery.job_lease < delivery.carrier_timeout + AROUND_A_CALL {
        let sentence = "is not longer than PHONEHUB_CARRIER_TIMEOUT by two seconds, so that a job could be taken over while \
                        its call still runs; make the lease longer.";
        reader.problem(settings::JOB_LEASE.name, sentence);
    }
    if config.retention.messages.is_some_and(|messages| messages < config.event_retention) {
        let sentence = "is shorter than PHONEHUB_EVENT_RETENTION, so that replayed events would tell of messages \
                        that are gone; make it longer.";
        reader.problem(settings::MESSAGE_RETENTION.name, sentence);
    }
    if config.accounts.refresh_token_ttl <= config.accounts.access_token_ttl {
        let sentence = "is not longer than PHONEHUB_ACCESS_TOKEN_TTL; make it longer.";
        reader.problem(settings::REFRESH_TOKEN_TTL.name, sentence);
    }
}

fn set(reader: &Reader, settings: &[&'static Setting]) -> Vec<&'static str> {
    settings.iter().filter(|setting| reader.is_set(setting)).map(|setting| setting.name).collect()
}
