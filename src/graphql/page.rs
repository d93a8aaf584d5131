//! Keyset paging: a page is found by its sort key and id through an index, never by counting rows.

use chrono::{DateTime, Utc};
use entity::ids::OrganizationId;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoSimpleExpr, ModelTrait, Order, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, Value,
};
use uuid::Uuid;

use super::cursor;
use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
};

/// Rows on a page when nothing is said.
pub const DEFAULT: u64 = 20;
/// Rows on a page at most.
pub const MOST: i32 = 100;

/// The Relay arguments, checked.
#[derive(Clone, Debug)]
pub struct PageArgs {
    size: u64,
    backward: bool,
    cursor: Option<String>,
}

impl PageArgs {
    /// `first` with `after`, or `last` with `before`; 1–100 rows.
    pub fn new(
        first: Option<i32>,
        last: Option<i32>,
        after: Option<String>,
        before: Option<String>,
    ) -> Result<Self> {
        let bad = |text: &'static str| Error::new(crate::base::error::ErrorCode::BadUserInput, text);
        let (size, backward, cursor) = match (first, last, after, before) {
            (Some(_), Some(_), ..) => return Err(bad("Give `first` or `last`, not both.")),
            (_, _, Some(_), Some(_)) => return Err(bad("Give `after` or `before`, not both.")),
            (_, Some(size), None, before) => (Some(size), true, before),
            (_, Some(_), Some(_), _) => return Err(bad("`last` goes with `before`, `first` with `after`.")),
            (size, None, after, None) => (size, false, after),
            (Some(_), None, None, Some(_)) => {
                return Err(bad("`first` goes with `after`, `last` with `before`."));
            }
            (None, None, None, before) => (None, true, before),
        };
        match size {
            Some(size) if !(1..=MOST).contains(&size) => Err(bad("`first` and `last` take 1 to 100.")),
            size => Ok(Self {
                size: size.and_then(|size| u64::try_from(size).ok()).unwrap_or(DEFAULT),
                backward,
                cursor,
            }),
        }
    }
}

/// The order of a list: a time column and the id that breaks ties. An index must begin with the list's filter and
/// continue with these two.
#[derive(Clone, Copy, Debug)]
pub struct Sort<C> {
    /// The time that the list is ordered by.
    pub key: C,
    /// Unique.
    pub id: C,
    /// Newest first.
    pub descending: bool,
}

/// Rows of one page with their cursors, and what is needed to say more about the list.
pub struct Page<E: EntityTrait> {
    /// Row and cursor, in the list's order.
    pub rows: Vec<(String, E::Model)>,
    /// More follow in the list's order.
    pub has_next: bool,
    /// Some come before in the list's order.
    pub has_previous: bool,
    /// The whole list, for `totalCount`.
    pub all: Select<E>,
}

/// Reads one page. `list` names the list: a cursor of another list or organisation is refused.
pub async fn fetch<E>(
    ctx: &Ctx,
    list: &str,
    select: Select<E>,
    sort: Sort<E::Column>,
    args: PageArgs,
) -> Result<Page<E>>
where
    E: EntityTrait,
{
    let list = scoped(ctx.organization().ok(), list, sort.descending);
    let all = select.clone();
    let forward_order = if sort.descending { Order::Desc } else { Order::Asc };
    let order = if args.backward { reversed(&forward_order) } else { forward_order };
    let mut query = select.order_by(sort.key, order.clone()).order_by(sort.id, order.clone());
    if let Some(cursor) = &args.cursor {
        let place = cursor::open(&ctx.hub.token_keys, &list, cursor)?;
        query = query.filter(beyond(sort, &order, decode(&place)?));
    }
    let mut models = query.limit(args.size + 1).all(ctx.db()).await?;
    let more = models.len() as u64 > args.size;
    models.truncate(usize::try_from(args.size).unwrap_or(usize::MAX));
    if args.backward {
        models.reverse();
    }
    let rows = models
        .into_iter()
        .map(|model| {
            let place = encode(&model.get(sort.key), &model.get(sort.id));
            (cursor::seal(&ctx.hub.token_keys, &list, &place), model)
        })
        .collect();
    let continued = args.cursor.is_some();
    let (has_next, has_previous) = if args.backward { (continued, more) } else { (more, continued) };
    Ok(Page { rows, has_next, has_previous, all })
}

impl<E> Page<E>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    for<'db> Select<E>: PaginatorTrait<'db, sea_orm::DatabaseConnection>,
{
    /// Rows of the whole list; asked only when a client selects it.
    pub async fn count(all: Select<E>, ctx: &Ctx) -> Result<u64> {
        Ok(all.count(ctx.db()).await?)
    }
}

fn scoped(organization: Option<OrganizationId>, list: &str, descending: bool) -> String {
    let organization = organization.map(|id| id.to_string()).unwrap_or_default();
    format!("{organization}/{list}/{}", if descending { "desc" } else { "asc" })
}

fn reversed(order: &Order) -> Order {
    if matches!(order, Order::Asc) { Order::Desc } else { Order::Asc }
}

/// `(key, id)` beyond the cursor's place, spelled so that both databases use the index.
fn beyond<C: ColumnTrait + IntoSimpleExpr>(
    sort: Sort<C>,
    order: &Order,
    (key, id): (DateTime<Utc>, Uuid),
) -> Condition {
    let ascending = matches!(order, Order::Asc);
    let (outer, inner) = if ascending {
        (sort.key.gte(key), Condition::any().add(sort.key.gt(key)).add(sort.id.gt(id)))
    } else {
        (sort.key.lte(key), Condition::any().add(sort.key.lt(key)).add(sort.id.lt(id)))
    };
    Condition::all().add(outer).add(inner)
}

fn encode(key: &Value, id: &Value) -> Vec<u8> {
    let micros = match key {
        Value::ChronoDateTimeUtc(Some(time)) => time.timestamp_micros(),
        _ => 0,
    };
    let id = match id {
        Value::Uuid(Some(id)) => *id,
        _ => Uuid::nil(),
    };
    let mut place = micros.to_be_bytes().to_vec();
    place.extend(id.as_bytes());
    place
}

fn decode(place: &[u8]) -> Result<(DateTime<Utc>, Uuid)> {
    let (micros, id) = place.split_first_chunk::<8>().ok_or_else(cursor::invalid)?;
    let key = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros)).ok_or_else(cursor::invalid)?;
    Ok((key, Uuid::from_slice(id).map_err(|_| cursor::invalid())?))
}
