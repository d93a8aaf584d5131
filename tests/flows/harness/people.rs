//! Signed-in people: members of the first organisation in any role.

use entity::enums::Role;
use phonehub::{base::ctx::Ctx, features::organizations::admin};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{app::TestApp, graphql::Gql};

const ACCEPT: &str = "mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { \
     tokens { accessToken } userErrors { code message } } }";

impl TestApp {
    /// A new member in this role, signed in.
    pub async fn person(&self, role: Role) -> Gql {
        let email = format!("{role:?}-{}@example.com", uuid::Uuid::now_v7().simple()).to_lowercase();
        self.person_named(&email, role).await
    }

    /// The same who may look past organisations.
    pub async fn operator(&self) -> Gql {
        let operator = self.person_named("operator@example.com", Role::Owner).await;
        let ctx = Ctx::administrator(self.hub().clone());
        admin::set_operator(&ctx, "operator@example.com", true).await.unwrap();
        operator
    }

    async fn person_named(&self, email: &str, role: Role) -> Gql {
        let ctx = Ctx::administrator(self.hub().clone());
        let invited = admin::invitation_link(&ctx, self.organization.id, email, role).await.unwrap();
        let input = json!({
            "token": invited.token.expose_secret(), "password": "correct horse battery", "name": "Ada",
        });
        let payload = self.gql_as("").ok(ACCEPT, json!({ "input": input })).await["acceptInvitation"].take();
        assert_eq!(payload["userErrors"], json!([]));
        self.gql_as(payload["tokens"]["accessToken"].as_str().unwrap())
    }
}
