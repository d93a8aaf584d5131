//! An inbound message, read from a verified webhook.

use std::collections::BTreeMap;

use super::webhook::{Malformed, VerifiedForm};
use crate::base::phone::Address;

/// Media of one message: far more than the ten that the carrier allows.
const MAX_MEDIA: usize = 100;

/// A text or media message that reached one of our senders; holds numbers and a text. `Debug` hides both.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundMessage {
    /// `SM…` or `MM…`; the key of deduplication, for ever.
    pub message_sid: String,
    /// Whose account; to be held against the configuration's.
    pub account_sid: String,
    /// The pool that the sender belongs to.
    pub messaging_service_sid: Option<String>,
    /// Who wrote.
    pub from: Address,
    /// Which of our senders was written to.
    pub to: Address,
    /// Empty where only media came.
    pub body: String,
    /// As the carrier bills it.
    pub num_segments: Option<u32>,
    /// Files, fetched only with the account's credentials.
    pub media: Vec<InboundMedia>,
    /// Set where the carrier manages opt-outs (Advanced Opt-Out): then it has answered already.
    pub opt_out_type: Option<OptOutType>,
    /// Where the writer's number is registered.
    pub from_place: Place,
    /// Where ours is.
    pub to_place: Place,
    /// Parameters that are not described.
    pub others: BTreeMap<String, String>,
}

/// A file of an inbound message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundMedia {
    /// At the carrier's host.
    pub url: String,
    /// As the carrier says.
    pub content_type: Option<String>,
}

/// What the carrier made of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOutType {
    /// It blocks this sender from now on.
    Stop,
    /// It no longer does.
    Start,
    /// It answered a call for help.
    Help,
}

/// Where a number is registered, as far as the carrier says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// In capitals.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

impl TryFrom<&VerifiedForm> for InboundMessage {
    type Error = Malformed;

    fn try_from(form: &VerifiedForm) -> Result<Self, Malformed> {
        let message_sid = form.get("MessageSid").or(form.get("SmsMessageSid")).or(form.get("SmsSid"));
        Ok(Self {
            message_sid: message_sid.ok_or(Malformed { field: "MessageSid" })?.to_owned(),
            account_sid: form.require("AccountSid")?.to_owned(),
            messaging_service_sid: form.get("MessagingServiceSid").map(str::to_owned),
            from: Address::from_carrier(form.require("From")?),
            to: Address::from_carrier(form.require("To")?),
            body: form.get("Body").unwrap_or_default().to_owned(),
            num_segments: form.get("NumSegments").and_then(|n| n.parse().ok()).filter(|&n| n > 0),
            media: media(form),
            opt_out_type: form.get("OptOutType").and_then(opt_out),
            from_place: place(form, ["FromCity", "FromState", "FromZip", "FromCountry"]),
            to_place: place(form, ["ToCity", "ToState", "ToZip", "ToCountry"]),
            others: form.others(is_described),
        })
    }
}

/// Reads by `NumMedia`, and by what is there where that is absent.
fn media(form: &VerifiedForm) -> Vec<InboundMedia> {
    let count = form.get("NumMedia").and_then(|n| n.parse().ok()).unwrap_or(MAX_MEDIA).min(MAX_MEDIA);
    (0..count)
        .map_while(|n| {
            let url = form.get(&format!("MediaUrl{n}"))?.to_owned();
            let content_type = form.get(&format!("MediaContentType{n}")).map(str::to_owned);
            Some(InboundMedia { url, content_type })
        })
        .collect()
}

fn opt_out(word: &str) -> Option<OptOutType> {
    match word.to_ascii_uppercase().as_str() {
        "STOP" => Some(OptOutType::Stop),
        "START" => Some(OptOutType::Start),
        "HELP" => Some(OptOutType::Help),
        _ => None,
    }
}

fn place(form: &VerifiedForm, [city, state, zip, country]: [&str; 4]) -> Place {
    let field = |name| form.get(name).map(str::to_owned);
    Place { city: field(city), state: field(state), zip: field(zip), country: field(country) }
}

fn is_described(name: &str) -> bool {
    const DESCRIBED: [&str; 21] = [
        "MessageSid",
        "SmsSid",
        "SmsMessageSid",
        "AccountSid",
        "MessagingServiceSid",
        "From",
        "To",
        "Body",
        "NumMedia",
        "NumSegments",
        "SmsStatus",
        "ApiVersion",
        "OptOutType",
        "FromCity",
        "FromState",
        "FromZip",
        "FromCountry",
        "ToCity",
        "ToState",
        "ToZip",
        "ToCountry",
    ];
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    DESCRIBED.contains(&name) || numbered("MediaUrl") || numbered("MediaContentType")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::twilio::webhook::tests::signed_form;

    const TEXT: [(&str, &str); 8] = [
        ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
        ("From", "+14155550123"),
        ("To", "+14155550100"),
        ("Body", "stop"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
    ];

    fn message(more: &[(&str, &str)]) -> InboundMessage {
        let params = [TEXT.as_slice(), more].concat();
        InboundMessage::try_from(&signed_form(&params)).expect("complete")
    }

    #[test]
    fn a_text_is_read_whole() {
        let message = message(&[
            ("NumMedia", "0"),
            ("OptOutType", "STOP"),
            ("FromCity", "SAN FRANCISCO"),
            ("FromCountry", "US"),
            ("ToZip", ""),
            ("ChannelPrefix", "sms"),
        ]);
        assert_eq!(message.message_sid, "SM0123456789abcdef0123456789abcdef");
        assert_eq!((message.from.as_str(), message.to.as_str()), ("+14155550123", "+14155550100"));
        assert_eq!((message.body.as_str(), message.num_segments), ("stop", Some(1)));
        assert_eq!(message.opt_out_type, Some(OptOutType::Stop));
        assert_eq!(message.from_place.city.as_deref(), Some("SAN FRANCISCO"));
        assert_eq!(message.to_place, Place::default());
        assert!(message.media.is_empty());
        assert_eq!(message.others, BTreeMap::from([("ChannelPrefix".to_owned(), "sms".to_owned())]));
    }

    #[test]
    fn media_are_listed_in_order() {
        let media = [
            ("MediaUrl0", "https://api.twilio.com/a"),
            ("MediaContentType0", "image/png"),
            ("MediaUrl1", "https://api.twilio.com/b"),
        ];
        let counted = message(&[media.as_slice(), &[("NumMedia", "2")]].concat());
        let listed: Vec<_> =
            counted.media.iter().map(|m| (m.url.as_str(), m.content_type.as_deref())).collect();
        assert_eq!(
            listed,
            [("https://api.twilio.com/a", Some("image/png")), ("https://api.twilio.com/b", None)]
        );
        assert!(counted.others.is_empty(), "{:?}", counted.others);
        assert_eq!(message(&media).media, counted.media, "without a count");
        assert!(message(&[("NumMedia", "4000000000")]).media.is_empty());
    }

    #[test]
    fn odd_senders_are_kept() {
        let mut params = TEXT.to_vec();
        params[2] = ("From", "72404");
        let message = InboundMessage::try_from(&signed_form(&params)).expect("complete");
        assert_eq!(message.from, Address::ShortCode("72404".to_owned()));
    }

    #[test]
    fn what_every_message_has_is_required() {
        for missing in ["MessageSid", "AccountSid", "From", "To"] {
            let params: Vec<_> = TEXT.into_iter().filter(|(name, _)| *name != missing).collect();
            let refused = InboundMessage::try_from(&signed_form(&params)).map(drop);
            assert_eq!(refused, Err(Malformed { field: missing }));
        }
    }
}
