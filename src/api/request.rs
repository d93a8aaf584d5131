//! One GraphQL request as it stands on the wire, the same for every transport. It is parsed strictly here and
//! guarded in `guard`; nothing is executed here.

use async_graphql::Variables;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The members of a GraphQL request body; unknown members are ignored, as the GraphQL-over-HTTP draft asks.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GraphqlRequest {
    /// The document.
    pub query: String,
    /// Which operation of the document to run; needed when it has several.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// Values of the operation's variables.
    #[serde(default)]
    pub variables: Variables,
    /// Protocol extensions; none is understood yet, but a body whose `extensions` is no object is malformed.
    #[serde(default)]
    pub extensions: Option<Map<String, Value>>,
}

impl GraphqlRequest {
    /// The request in a JSON value; `None` when it is no object or a member is missing or malformed.
    pub fn from_json(value: Value) -> Option<Self> {
        value.is_object().then(|| serde_json::from_value(value).ok())?
    }

    /// The request in a URL's query parameters, as GET sends it; `variables` and `extensions` are JSON in strings.
    /// `None` when a member is missing or malformed.
    pub fn from_parameters(query: &str) -> Option<Self> {
        let mut request = Self::default();
        let mut has_query = false;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "query" => (request.query, has_query) = (value.into_owned(), true),
                "operationName" if !value.is_empty() => request.operation_name = Some(value.into_owned()),
                "variables" if !value.is_empty() => request.variables = serde_json::from_str(&value).ok()?,
                "extensions" if !value.is_empty() => {
                    request.extensions = serde_json::from_str(&value).ok()?;
                }
                _ => {}
            }
        }
        has_query.then_some(request)
    }
}
