//! Twilio's pages of API 2010-04-01: `PageSize`, `Page`, `PageToken`, relative URIs. Keyed by position, so
//! that new items do not shift a page that a client is about to follow.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{errors::Refusal, params::Params};

const DEFAULT_SIZE: i64 = 50;
const LARGEST_SIZE: i64 = 1000;

/// Where a page begins. Lists run from the newest item to the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// So many items behind the newest.
    Skip(usize),
    /// Older than this position.
    After(u64),
    /// The page that ends just before this position.
    Before(u64),
}

/// The page that a client asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageRequest {
    pub(super) size: usize,
    pub(super) page: usize,
    pub(super) cursor: Cursor,
}

impl PageRequest {
    /// A size beyond 1,000 gives 1,000; what is no number is refused with 20001.
    pub(super) fn parse(params: &Params) -> Result<Self, Refusal> {
        let size = params.integer("PageSize")?.unwrap_or(DEFAULT_SIZE);
        let page = params.integer("Page")?.unwrap_or(0);
        if size < 1 || page < 0 {
            return Err(Refusal::bad(20001, "Page must be 0 or more and PageSize 1 or more"));
        }
        let size = usize::try_from(size.min(LARGEST_SIZE)).unwrap_or_default();
        let page = usize::try_from(page).unwrap_or_default();
        let cursor = match params.filled("PageToken") {
            None => Cursor::Skip(page.saturating_mul(size)),
            Some(token) => token_cursor(token).ok_or_else(|| Refusal::bad(20001, "Invalid PageToken"))?,
        };
        Ok(Self { size, page, cursor })
    }
}

fn token_cursor(token: &str) -> Option<Cursor> {
    let (direction, position) = token.split_at_checked(2)?;
    let position = u64::from_str_radix(position, 16).ok()?;
    match direction {
        "PA" => Some(Cursor::After(position)),
        "PB" => Some(Cursor::Before(position)),
        _ => None,
    }
}

/// A page that was found.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) more: bool,
}

/// What the answer's URIs are made of.
pub(super) struct ListUri<'a> {
    pub(super) path: &'a str,
    pub(super) params: &'a Params,
    pub(super) request: PageRequest,
}

impl ListUri<'_> {
    fn at(&self, page: usize, token: Option<String>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let filters =
            self.params.pairs().filter(|(key, _)| !matches!(*key, "PageSize" | "Page" | "PageToken"));
        query.extend_pairs(filters);
        query.append_pair("PageSize", &self.request.size.to_string());
        query.append_pair("Page", &page.to_string());
        if let Some(token) = token {
            query.append_pair("PageToken", &token);
        }
        format!("{}?{}", self.path, query.finish())
    }

    /// The whole answer: paging fields, and the rendered items under `name`. `positions` are those of the
    /// first and last item.
    pub(super) fn answer(&self, name: &str, page: Page<Value>, positions: Option<(u64, u64)>) -> Value {
        let PageRequest { size, page: number, .. } = self.request;
        let token = |direction: &str, position: u64| Some(format!("{direction}{position:016x}"));
        let next = positions.filter(|_| page.more).map(|(_, last)| self.at(number + 1, token("PA", last)));
        let previous =
            positions.filter(|_| number > 0).map(|(first, _)| self.at(number - 1, token("PB", first)));
        let start = number.saturating_mul(size);
        let mut answer = Map::new();
        answer.insert("first_page_uri".into(), self.at(0, None).into());
        answer.insert("next_page_uri".into(), next.into());
        answer.insert("previous_page_uri".into(), previous.into());
        answer.insert("uri".into(), self.at(number, None).into());
        answer.insert("page".into(), json!(number));
        answer.insert("page_size".into(), json!(size));
        answer.insert("start".into(), json!(start));
        answer.insert("end".into(), json!(start + page.items.len().saturating_sub(1)));
        answer.insert(name.into(), page.items.into());
        Value::Object(answer)
    }
}
