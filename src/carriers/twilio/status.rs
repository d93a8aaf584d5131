//! A status callback, read from a verified webhook.

use std::collections::BTreeMap;

use super::webhook::{Malformed, VerifiedForm};
use crate::carriers::messaging::RemoteStatus;

/// What became of a message, as of when the carrier sent this: callbacks come twice, late and out of order.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusCallback {
    /// Which message; with `status` the key of deduplication.
    pub message_sid: String,
    /// The carrier's word.
    pub status: RemoteStatus,
    /// Whose account; to be held against the configuration's.
    pub account_sid: String,
    /// The recipient.
    pub to: Option<String>,
    /// The sender, once chosen.
    pub from: Option<String>,
    /// The pool it was sent through.
    pub messaging_service_sid: Option<String>,
    /// Why it failed.
    pub error_code: Option<i32>,
    /// The carrier's words for that, where it gives any.
    pub error_message: Option<String>,
    /// When the network says it was done, `YYMMDDhhmm` in a zone that the carrier does not tell.
    pub raw_dlr_done_date: Option<String>,
    /// Parameters that are not described.
    pub others: BTreeMap<String, String>,
}

impl TryFrom<&VerifiedForm> for StatusCallback {
    type Error = Malformed;

    fn try_from(form: &VerifiedForm) -> Result<Self, Malformed> {
        let field = |name| form.get(name).map(str::to_owned);
        let message_sid = field("MessageSid").or_else(|| field("SmsSid"));
        let status = form.get("MessageStatus").or(form.get("SmsStatus"));
        Ok(Self {
            message_sid: message_sid.ok_or(Malformed { field: "MessageSid" })?,
            status: RemoteStatus::parse(status.ok_or(Malformed { field: "MessageStatus" })?),
            account_sid: form.require("AccountSid")?.to_owned(),
            to: field("To"),
            from: field("From"),
            messaging_service_sid: field("MessagingServiceSid"),
            error_code: form.get("ErrorCode").and_then(|code| code.parse().ok()).filter(|&code| code != 0),
            error_message: field("ErrorMessage"),
            raw_dlr_done_date: field("RawDlrDoneDate"),
            others: form.others(|name| DESCRIBED.contains(&name)),
        })
    }
}

const DESCRIBED: [&str; 12] = [
    "MessageSid",
    "SmsSid",
    "MessageStatus",
    "SmsStatus",
    "AccountSid",
    "To",
    "From",
    "MessagingServiceSid",
    "ErrorCode",
    "ErrorMessage",
    "RawDlrDoneDate",
    "ApiVersion",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::twilio::webhook::tests::signed_form;

    const DELIVERED: [(&str, &str); 5] = [
        ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
        ("MessageStatus", "delivered"),
        ("To", "+14155550123"),
        ("From", "+14155550100"),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
    ];

    #[test]
    fn a_receipt_is_read_whole() {
        let form =
            signed_form(&[DELIVERED.as_slice(), &[("RawDlrDoneDate", "2601020304"), ("New", "x")]].concat());
        let callback = StatusCallback::try_from(&form).expect("complete");
        assert_eq!(callback.status, RemoteStatus::Delivered);
        assert_eq!((callback.error_code, callback.raw_dlr_done_date.as_deref()), (None, Some("2601020304")));
        assert_eq!(callback.others, BTreeMap::from([("New".to_owned(), "x".to_owned())]));
    }

    #[test]
    fn older_names_and_failures_are_read() {
        let form = signed_form(&[
            ("SmsSid", "SM1"),
            ("SmsStatus", "undelivered"),
            ("AccountSid", "AC1"),
            ("ErrorCode", "30003"),
        ]);
        let callback = StatusCallback::try_from(&form).expect("complete");
        assert_eq!((callback.message_sid.as_str(), callback.status), ("SM1", RemoteStatus::Undelivered));
        assert_eq!(callback.error_code, Some(30_003));
    }

    #[test]
    fn what_every_receipt_has_is_required() {
        for missing in ["MessageSid", "MessageStatus", "AccountSid"] {
            let params: Vec<_> = DELIVERED.into_iter().filter(|(name, _)| *name != missing).collect();
            let refused = StatusCallback::try_from(&signed_form(&params)).map(drop);
            assert_eq!(refused, Err(Malformed { field: missing }));
        }
    }
}
