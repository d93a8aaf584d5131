//! An organisation with an account of its own at the carrier.

use serde_json::{Value, json};

use super::{app::TestApp, graphql::Gql, statuses::Statuses};

const SAVE: &str = "mutation($input: SaveCarrierConfigInput!) { saveCarrierConfig(input: $input) { \
     carrierConfig { id webhookAddresses { incoming } } userErrors { code message field } } }";

/// A second tenant and its account.
pub struct Tenant {
    pub gql: Gql,
    /// Account SID.
    pub account: String,
    /// The key of its webhooks' signatures.
    pub auth_token: String,
    /// Its only sender.
    pub number: String,
    /// Public id of its config.
    pub config: String,
    /// Where its inbound messages are announced.
    pub incoming: String,
}

impl TestApp {
    /// An organisation with an account, a number and a config; `wishes` are fields of `SaveCarrierConfigInput`.
    pub async fn tenant(&self, wishes: Value) -> Tenant {
        let before = self.stage("accounts", None).await["accounts"].as_array().unwrap().len();
        let number = format!("+12065550{}", 150 + before);
        let (_, token) = self.another_organization(&format!("Tenant {before}")).await;
        let account = self.stage("accounts", Some(json!({}))).await;
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        let mut tenant = Tenant {
            gql: self.gql_as(&token),
            account: text("sid"),
            auth_token: text("auth_token"),
            number,
            config: String::new(),
            incoming: String::new(),
        };
        tenant.save(self, wishes).await;
        tenant.install(self, json!({})).await;
        tenant
    }

    /// Watches the tenant's messages.
    pub async fn watch(&self, gql: &Gql) -> Statuses {
        Statuses::watch(self.apps[0].addr, &gql.token).await
    }
}

impl Tenant {
    /// Saves the config with the account's present token.
    pub async fn save(&mut self, app: &TestApp, wishes: Value) {
        let mut input = json!({
            "credentials": { "accountSid": self.account, "authToken": self.auth_token },
            "baseUrl": app.sandbox.base_url(),
            "senders": [self.number],
        });
        for (name, value) in wishes.as_object().unwrap() {
            input[name] = value.clone();
        }
        let payload = self.gql.ok(SAVE, json!({ "input": input })).await["saveCarrierConfig"].take();
        assert_eq!(payload["userErrors"], json!([]));
        let config = &payload["carrierConfig"];
        self.config = config["id"].as_str().unwrap().to_owned();
        self.incoming = config["webhookAddresses"]["incoming"].as_str().unwrap().to_owned();
    }

    /// Puts the account with its number and webhook at the carrier; `wishes` are fields of the sandbox's account.
    pub async fn install(&self, app: &TestApp, wishes: Value) {
        let mut account = json!({
            "sid": self.account,
            "auth_token": self.auth_token,
            "numbers": [{ "phone_number": self.number, "sms_url": self.incoming }],
        });
        for (name, value) in wishes.as_object().unwrap() {
            account[name] = value.clone();
        }
        app.stage("accounts", Some(account)).await;
    }
}
