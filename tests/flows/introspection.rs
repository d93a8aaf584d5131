//! The standard introspection query of client libraries, as the explorer and code generators send it.

use serde_json::json;

use crate::harness::TestApp;

/// How deep the reference implementation follows `ofType`.
const TYPE_DEPTH: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_query_is_answered() {
    let app = TestApp::start().await;
    let wrapped = " ofType { kind name".repeat(TYPE_DEPTH) + &" }".repeat(TYPE_DEPTH);
    let query = format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }} \
         subscriptionType {{ name kind }} types {{ ...FullType }} directives {{ name description isRepeatable locations \
         args(includeDeprecated: true) {{ ...InputValue }} }} }} }} \
         fragment FullType on __Type {{ kind name description specifiedByURL isOneOf \
         fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }} \
         type {{ ...TypeRef }} isDeprecated deprecationReason }} \
         inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }} \
         enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} \
         possibleTypes {{ ...TypeRef }} }} \
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated \
         deprecationReason }} \
         fragment TypeRef on __Type {{ kind name {wrapped} }}"
    );
    let schema = app.gql().ok(&query, json!({})).await["__schema"].take();
    assert_eq!(schema["subscriptionType"]["name"], "Subscription");
    let types = schema["types"].as_array().unwrap();
    assert!(types.iter().any(|kind| kind["name"] == "Message"));
}
