//! One value of a row as JSON and back, without loss: what JSON cannot tell apart carries its type's name. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sea_orm::Value;
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The cell of a value; `None` for a type that no table uses.
pub(super) fn encode(value: Value) -> Option<Json> {
    Some(match value {
        Value::String(text) => json!(text),
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => number.map_or(Json::Null, |number| json!({ "int": number })),
        Value::BigInt(number) => number.map_or(Json::Null, |number| json!({ "big": number })),
        Value::Uuid(id) => id.map_or(Json::Null, |id| json!({ "uuid": id })),
        Value::ChronoDateTimeUtc(time) => time.map_or(Json::Null, |time| json!({ "time": time })),
        Value::Json(data) => data.map_or(Json::Null, |data| json!({ "json": data })),
        Value::Bytes(bytes) => bytes.map_or(Json::Null, |bytes| json!({ "bytes": STANDARD.encode(bytes) })),
        _ => return None,
    })
}

/// What [`encode`] never writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotACell;

/// The value of a cell; `None` for null, whose type the column knows.
pub(super) fn decode(cell: Json) -> Result<Option<Value>, NotACell> {
    let value = match cell {
        Json::Null => return Ok(None),
        Json::String(text) => Value::from(text),
        Json::Bool(flag) => Value::from(flag),
        Json::Object(tagged) => {
            let mut parts = tagged.into_iter();
            let (Some((tag, data)), None) = (parts.next(), parts.next()) else { return Err(NotACell) };
            tagged_value(&tag, data).ok_or(NotACell)?
        }
        _ => return Err(NotACell),
    };
    Ok(Some(value))
}

fn tagged_value(tag: &str, data: Json) -> Option<Value> {
    Some(match tag {
        "int" => Value::from(i32::try_from(data.as_i64()?).ok()?),
        "big" => Value::from(data.as_i64()?),
        "uuid" => Value::from(data.as_str()?.parse::<Uuid>().ok()?),
        "time" => Value::from(data.as_str()?.parse::<DateTime<Utc>>().ok()?),
        "bytes" => Value::from(STANDARD.decode(data.as_str()?).ok()?),
        "json" => Value::from(data),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u128>().prop_map(|id| Value::from(Uuid::from_u128(id))),
            (0..4_102_444_800_000_000_i64)
                .prop_map(|micros| Value::from(DateTime::<Utc>::from_timestamp_micros(micros).unwrap())),
            any::<Vec<u8>>().prop_map(Value::from),
            any::<(i64, String)>()
                .prop_map(|(number, text)| Value::from(json!({ "uuid": number, "list": [text, null] }))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in values()) {
            let line = encode(value.clone()).unwrap().to_string();
            prop_assert_eq!(decode(serde_json::from_str(&line).unwrap()), Ok(Some(value)));
        }
    }

    #[test]
    fn nulls_of_every_type_are_one() {
        let nulls =
            [Value::String(None), Value::Int(None), Value::Uuid(None), Value::Json(None), Value::Bytes(None)];
        for null in nulls {
            assert_eq!(encode(null), Some(Json::Null));
        }
        assert_eq!(decode(Json::Null), Ok(None));
    }

    #[test]
    fn other_cells_are_refused() {
        for cell in [
            json!(1),
            json!([]),
            json!({}),
            json!({ "int": 1_i64 << 40 }),
            json!({ "big": 1, "int": 1 }),
            json!({ "x": 1 }),
        ] {
            assert_eq!(decode(cell.clone()), Err(NotACell), "{cell}");
        }
    }
}
