//! The GraphQL of this feature end to end, without the edge: shapes, errors as data, what keys do not see.

use async_graphql::{EmptySubscription, Request, Schema};
use serde_json::{Value, json};

use super::{Door, PASSWORD};
use crate::{
    base::{caller::Permission, ctx::Ctx},
    features::organizations::{
        api_keys::{CreateApiKeyInput, create},
        graphql::{OrganizationsMutation, OrganizationsQuery, nodes},
    },
    graphql::loader::Loaders,
};

async fn run(ctx: &Ctx, document: &str, variables: Value) -> Value {
    let schema = Schema::new(OrganizationsQuery, OrganizationsMutation, EmptySubscription);
    let request = Request::new(document)
        .variables(async_graphql::Variables::from_json(variables))
        .data(ctx.clone())
        .data(Loaders::default());
    serde_json::to_value(schema.execute(request).await).unwrap()
}

#[tokio::test]
async fn signing_in_is_data_either_way() {
    let door = Door::open().await;
    let ada = door.sign_up("ada@example.com").await;
    let document = "mutation($input: SignInInput!) { signIn(input: $input) {
        tokens { accessToken accessTokenExpiresAt refreshToken organization { id name } user { id email } }
        userErrors { code message field } } }";
    let input = |password: &str| json!({ "input": { "email": "ada@example.com", "password": password } });
    let right = &run(&door.stranger(), document, input(PASSWORD)).await["data"]["signIn"];
    assert_eq!(right["userErrors"], json!([]));
    assert_eq!(right["tokens"]["user"]["email"], "ada@example.com");
    assert_eq!(right["tokens"]["organization"]["id"], ada.organization.id.to_string());
    let token = right["tokens"]["accessToken"].as_str().unwrap();
    assert!(door.enter(token).await.is_ok());

    let wrong = &run(&door.stranger(), document, input("wrong password")).await["data"]["signIn"];
    assert_eq!(wrong["tokens"], Value::Null);
    assert_eq!(wrong["userErrors"][0]["code"], "BAD_USER_INPUT");
    assert_eq!(wrong["userErrors"][0]["field"], json!(["input"]));
}

#[tokio::test]
async fn strangers_reach_nothing_but_the_ways_in() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    for document in [
        "{ viewer { isOperator } }",
        "{ organization { id } }",
        "{ members { totalCount } }",
        "{ invitations { totalCount } }",
        "{ apiKeys { totalCount } }",
        "mutation { signOut { sessionsEnded } }",
        "mutation { updateProfile(input: {name: \"x\"}) { user { id } } }",
        "mutation { updateOrganization(input: {name: \"x\"}) { organization { id } } }",
        "mutation { createApiKey(input: {name: \"x\"}) { secret } }",
        "mutation { inviteMember(input: {email: \"a@b.c\", role: VIEWER}) { token } }",
        "mutation { changePassword(input: {currentPassword: \"x\", newPassword: \"y\"}) { user { id } } }",
    ] {
        let answer = run(&door.stranger(), document, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{document}");
    }
}

#[tokio::test]
async fn the_viewer_is_a_person_or_a_key() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let document = "{ viewer { user { id email } organization { id defaultRegion } role isOperator
        apiKey { id scopes hint createdBy { name email phone } }
        memberships { role organization { name } user { name } } } }";
    let person = &run(&ada, document, json!({})).await["data"]["viewer"];
    assert_eq!(person["role"], "OWNER");
    assert_eq!(person["user"]["email"], "ada@example.com");
    assert_eq!(person["organization"]["defaultRegion"], "US");
    assert_eq!(person["apiKey"], Value::Null);
    assert_eq!(
        person["memberships"],
        json!([{ "role": "OWNER", "organization": { "name": "Acme" }, "user": { "name": "Ada" } }])
    );

    let input =
        CreateApiKeyInput { name: "CRM".into(), scopes: vec![Permission::MessagesRead], expires_at: None };
    let (_, secret) = create(&ada, input).await.unwrap();
    let partner = door.enter(secrecy::ExposeSecret::expose_secret(&secret)).await.unwrap();
    let key = &run(&partner, document, json!({})).await["data"]["viewer"];
    assert_eq!((&key["user"], &key["role"]), (&Value::Null, &Value::Null));
    assert_eq!(key["apiKey"]["scopes"], json!(["MESSAGES_READ"]));
    assert_eq!(key["apiKey"]["createdBy"], json!({ "name": "Ada", "email": null, "phone": null }));
    assert_eq!(key["memberships"], json!([]));
}

#[tokio::test]
async fn secrets_are_shown_once() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let document = "mutation { createApiKey(input: {name: \"CRM\", scopes: [MESSAGES_SEND]}) { secret apiKey { id hint } }
        inviteMember(input: {email: \"bob@example.com\", role: AGENT}) { token link invitation { email role } } }";
    let made = &run(&ada, document, json!({})).await["data"];
    let secret = made["createApiKey"]["secret"].as_str().unwrap();
    let token = made["inviteMember"]["token"].as_str().unwrap();
    assert!(door.enter(secret).await.is_ok());
    let lists = "{ apiKeys { nodes { id name hint scopes createdBy { id } lastUsedAt } totalCount }
        invitations { edges { cursor node { id email invitedBy { name } } } pageInfo { hasNextPage } }
        members { nodes { role user { name } } } }";
    let lists = run(&ada, lists, json!({})).await;
    assert_eq!(lists["data"]["apiKeys"]["totalCount"], 1);
    assert_eq!(lists["data"]["invitations"]["edges"][0]["node"]["invitedBy"]["name"], "Ada");
    assert!(!lists.to_string().contains(secret) && !lists.to_string().contains(token));
}

#[tokio::test]
async fn foreign_nodes_are_missing_ones() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let eve = door.owner("eve@example.com").await;
    let user = ada.caller.user_id().unwrap();
    assert!(nodes::user(&ada, user).await.unwrap().is_some());
    assert!(nodes::user(&eve, user).await.unwrap().is_none());
    let organization = ada.organization().unwrap();
    assert!(nodes::organization(&ada, organization).await.unwrap().is_some());
    assert!(nodes::organization(&eve, organization).await.unwrap().is_none());
    let input = CreateApiKeyInput { name: "CRM".into(), scopes: vec![], expires_at: None };
    let (key, _) = create(&ada, input).await.unwrap();
    assert!(nodes::api_key(&ada, key.id).await.unwrap().is_some());
    assert!(nodes::api_key(&eve, key.id).await.unwrap().is_none());
}
