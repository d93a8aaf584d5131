//! Inputs that fit the schema, made from the schema itself: tests that walk it need no list of its fields.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::graphql::Gql;

const SCHEMA: &str = "{ __schema { mutationType { name } types { kind name isOneOf enumValues { name } \
     fields { name args { name defaultValue type { ...Ref } } } \
     inputFields { name defaultValue type { ...Ref } } } } } \
     fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The types of the schema by their names.
pub struct Types(HashMap<String, Value>);

impl Types {
    /// Asks the server.
    pub async fn of(gql: &Gql) -> Self {
        let mut schema = gql.ok(SCHEMA, json!({})).await["__schema"].take();
        let types = schema["types"].as_array_mut().unwrap().drain(..);
        Self(types.map(|kind| (kind["name"].as_str().unwrap().to_owned(), kind)).collect())
    }

    /// Every mutation with the name of its input's type.
    pub fn mutations(&self) -> Vec<(String, String)> {
        let fields = self.0["Mutation"]["fields"].as_array().unwrap();
        let named = |field: &Value| {
            (field["name"].as_str().unwrap().to_owned(), base(&field["args"][0]["type"]).to_owned())
        };
        fields.iter().map(named).collect()
    }

    /// An input of this type with what is required and nothing else; every id is `id`.
    pub fn input(&self, name: &str, id: &str) -> Value {
        let kind = &self.0[name];
        let fields = kind["inputFields"].as_array().unwrap();
        let one_of = kind["isOneOf"] == true;
        let wanted = fields.iter().filter(|field| {
            one_of || (field["type"]["kind"] == "NON_NULL" && field["defaultValue"].is_null())
        });
        let wanted = wanted.take(if one_of { 1 } else { usize::MAX });
        let filled =
            wanted.map(|field| (field["name"].as_str().unwrap().to_owned(), self.value(&field["type"], id)));
        Value::Object(filled.collect::<Map<_, _>>())
    }

    fn value(&self, kind: &Value, id: &str) -> Value {
        match (kind["kind"].as_str().unwrap(), kind["name"].as_str()) {
            ("NON_NULL", _) => self.value(&kind["ofType"], id),
            ("LIST", _) => json!([self.value(&kind["ofType"], id)]),
            ("INPUT_OBJECT", Some(name)) => self.input(name, id),
            ("ENUM", Some(name)) => self.0[name]["enumValues"][0]["name"].clone(),
            (_, Some("ID")) => json!(id),
            (_, Some("Int")) => json!(10),
            (_, Some("Boolean")) => json!(true),
            (_, Some("PhoneNumber")) => json!("+12065550108"),
            (_, Some("DateTime")) => json!("2026-01-01T00:00:00Z"),
            (_, Some("JSON")) => json!({}),
            (_, Some("URL")) => json!("https://example.com/"),
            _ => json!("something"),
        }
    }
}

fn base(kind: &Value) -> &str {
    let inner = &kind["ofType"];
    if inner.is_null() { kind["name"].as_str().unwrap() } else { base(inner) }
}
