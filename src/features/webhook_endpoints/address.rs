//! Which addresses an endpoint may have. Names are judged again, by what they resolve to, at each attempt.

use url::Url;

use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
};

/// Characters of an address.
const LONGEST: usize = 2_048;

/// Checks what the address says itself: https, or http to this machine where the settings open it; nothing private; no
/// credentials.
pub fn parse(ctx: &Ctx, text: &str) -> Result<Url> {
    let refused = |words: String| Error::input(&["url"], words);
    if text.len() > LONGEST {
        return Err(refused(format!("An address has at most {LONGEST} characters.")));
    }
    let url = Url::parse(text).map_err(|_| refused("This is not an absolute address.".to_owned()))?;
    ctx.hub.webhooks.permits(&url).map_err(|why| refused(format!("This address cannot be used: {why}.")))?;
    Ok(url)
}
