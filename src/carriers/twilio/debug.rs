//! `Debug` of what webhooks carry: fit for logs, so without texts and whole numbers.

use std::fmt;

use super::inbound::InboundMessage;
use super::status::StatusCallback;
use super::webhook::{VerifiedForm, VerifiedJson};
use crate::base::phone::mask;

impl fmt::Debug for VerifiedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields().keys()).finish()
    }
}

impl fmt::Debug for VerifiedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedJson").finish_non_exhaustive()
    }
}

impl fmt::Debug for InboundMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundMessage")
            .field("message_sid", &self.message_sid)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("body_bytes", &self.body.len())
            .field("media", &self.media.len())
            .field("opt_out_type", &self.opt_out_type)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StatusCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusCallback")
            .field("message_sid", &self.message_sid)
            .field("status", &self.status)
            .field("to", &self.to.as_deref().map(mask))
            .field("error_code", &self.error_code)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::twilio::webhook::tests::signed_form;

    #[test]
    fn neither_texts_nor_numbers_are_shown() {
        let form = signed_form(&[
            ("MessageSid", "SM1"),
            ("MessageStatus", "failed"),
            ("AccountSid", "AC1"),
            ("From", "+14155550123"),
            ("To", "+14155550100"),
            ("Body", "canary"),
        ]);
        let inbound = InboundMessage::try_from(&form).expect("complete");
        let status = StatusCallback::try_from(&form).expect("complete");
        let shown = format!("{form:?} {inbound:?} {status:?}");
        assert!(shown.contains("SM1") && shown.contains("+1415•••0100"), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("4155550"), "{shown}");
    }
}
