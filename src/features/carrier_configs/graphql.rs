//! Carrier configs in the API. Secrets go in and never come out.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    carrier_config,
    enums::{InDoubtPolicy, Provider},
    ids::CarrierConfigId,
};

use super::{
    check::Problem,
    delete, query,
    save::{self, SaveCarrierConfigInput},
    test::{self, Check},
    webhooks,
};
use crate::{
    base::{ctx::Ctx, error::ErrorCode},
    graphql::{CtxExt, scalars::UrlText},
    payload,
};

/// An account at a carrier that messages go through: the organisation's own, or the installation's, which everybody
/// without one falls back on. What is null is not for the caller to see.
pub struct CarrierConfig(pub carrier_config::Model);

/// An account at a carrier that messages go through: the organisation's own, or the installation's, which everybody
/// without one falls back on. What is null is not for the caller to see.
#[Object]
impl CarrierConfig {
    /// Public id.
    pub async fn id(&self) -> CarrierConfigId {
        self.0.id
    }

    /// The installation's own, which organisations fall back on.
    async fn is_system(&self) -> bool {
        self.0.organization_id.is_none()
    }

    /// Which carrier.
    async fn provider(&self) -> Provider {
        self.0.provider
    }

    /// The carrier's id of the account (Twilio: `AC…`).
    async fn account_id(&self, gql: &Context<'_>) -> Option<String> {
        self.detail(gql).map(|(_, row)| row.account_id.clone())
    }

    /// Whether there are credentials, how to recognise them, and since when. Never more.
    async fn credentials(&self, gql: &Context<'_>) -> Option<CarrierCredentials> {
        self.detail(gql).map(|(_, row)| CarrierCredentials::of(row))
    }

    /// Where the carrier's API answers.
    async fn base_url(&self, gql: &Context<'_>) -> Option<UrlText> {
        self.detail(gql).map(|(_, row)| UrlText(row.base_url.clone()))
    }

    /// Addresses to paste into the carrier's console.
    async fn webhook_addresses(&self, gql: &Context<'_>) -> Option<WebhookAddresses> {
        self.detail(gql).map(|(ctx, row)| WebhookAddresses {
            incoming: UrlText(webhooks::incoming_address(&ctx.hub.config, row.id)),
            status_pattern: webhooks::status_pattern(&ctx.hub.config, row.id),
        })
    }

    /// The sender when a message names none and there is no messaging service.
    async fn default_sender(&self) -> Option<&str> {
        self.0.default_sender.as_deref()
    }

    /// The messaging service that sends when a message names no sender.
    async fn messaging_service_sid(&self) -> Option<&str> {
        self.0.messaging_service.as_deref()
    }

    /// What happens to a message of which nobody knows whether the carrier took it.
    async fn in_doubt_policy(&self) -> InDoubtPolicy {
        self.0.in_doubt_policy
    }

    /// Pace of each sender; 0 leaves the pace to the carrier.
    async fn messages_per_second(&self) -> i32 {
        self.0.messages_per_second
    }

    /// Whether the carrier itself answers STOP, START and HELP.
    async fn replies_to_stop(&self) -> bool {
        self.0.replies_to_stop
    }

    /// Messages through it go to a sandbox: its base URL is not Twilio's own.
    async fn is_test(&self) -> bool {
        self.0.is_test
    }

    /// Chosen when an organisation has several.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// When the carrier last let these credentials in. Null: not yet, or no more; then no sender is held for the config,
    /// and its webhooks are refused unless it is the installation's own.
    async fn proven_at(&self) -> Option<DateTime<Utc>> {
        self.0.proven_at
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last saved.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

impl CarrierConfig {
    /// The row, where the caller may see all of it.
    fn detail<'a>(&'a self, gql: &'a Context<'_>) -> Option<(&'a Ctx, &'a carrier_config::Model)> {
        let ctx = gql.ctx().ok()?;
        query::shows_details(ctx, &self.0).then_some((ctx, &self.0))
    }
}

/// All that is ever shown of a secret.
#[derive(SimpleObject)]
pub struct CarrierCredentials {
    /// Credentials are stored.
    pub is_set: bool,
    /// The last four characters of the token; empty for a short one.
    pub hint: String,
    /// When they were last set.
    pub set_at: DateTime<Utc>,
}

impl CarrierCredentials {
    fn of(row: &carrier_config::Model) -> Self {
        Self {
            is_set: !row.credentials.is_empty(),
            hint: row.credentials_hint.clone(),
            set_at: row.credentials_set_at,
        }
    }
}

/// Where the carrier posts to.
#[derive(SimpleObject)]
pub struct WebhookAddresses {
    /// For incoming messages: paste it at each number or at the messaging service.
    pub incoming: UrlText,
    /// The form of the address that each message carries for its receipts; nothing to paste.
    pub status_pattern: String,
}

/// What the carrier said about a config.
pub struct CarrierConfigCheck(pub Check);

/// What the carrier said about a config.
#[Object]
impl CarrierConfigCheck {
    /// Nothing was found that keeps it from working.
    async fn ok(&self) -> bool {
        self.0.problems.is_empty()
    }

    /// The account's name at the carrier, where the credentials may read it.
    async fn account_name(&self) -> Option<&str> {
        self.0.account.as_ref()?.friendly_name.as_deref()
    }

    /// The account's state at the carrier, where the credentials may read it.
    async fn account_status(&self) -> Option<&str> {
        self.0.account.as_ref()?.status.as_deref()
    }

    /// Phone numbers that were looked for in the account; short codes, sender ids and services cannot be.
    async fn senders_checked(&self) -> usize {
        self.0.senders_checked
    }

    /// What is wrong, in words.
    async fn problems(&self) -> Vec<CarrierConfigProblem> {
        self.0.problems.iter().cloned().map(CarrierConfigProblem::from).collect()
    }
}

/// Something that keeps a config from working.
#[derive(SimpleObject)]
pub struct CarrierConfigProblem {
    /// What a program reacts to, such as `AUTH_FAILED` or `ACCOUNT_SUSPENDED`.
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
    /// The sender at fault, where it is one.
    pub sender: Option<String>,
}

impl From<Problem> for CarrierConfigProblem {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code, message: problem.message, sender: problem.sender }
    }
}

/// Which config to ask the carrier about.
#[derive(InputObject)]
pub struct TestCarrierConfigInput {
    /// The config.
    pub id: CarrierConfigId,
}

/// Which config to delete.
#[derive(InputObject)]
pub struct DeleteCarrierConfigInput {
    /// The config.
    pub id: CarrierConfigId,
}

payload! {
    /// What `saveCarrierConfig` answers.
    pub struct SaveCarrierConfigPayload {
        /// The config as it is now.
        carrier_config: CarrierConfig,
    }
}

payload! {
    /// What `testCarrierConfig` answers. A config that does not work is an answer, not a user error.
    pub struct TestCarrierConfigPayload {
        /// What the carrier said.
        check: CarrierConfigCheck,
    }
}

payload! {
    /// What `deleteCarrierConfig` answers.
    pub struct DeleteCarrierConfigPayload {
        /// The id of what is gone.
        deleted_id: CarrierConfigId,
    }
}

/// Reads of carrier configs.
#[derive(Default)]
pub struct CarrierConfigsQuery;

#[Object]
impl CarrierConfigsQuery {
    /// The organisation's carrier configs, the default one first, and the installation's.
    async fn carrier_configs(&self, gql: &Context<'_>) -> Result<Vec<CarrierConfig>> {
        Ok(query::list(gql.ctx()?).await?.into_iter().map(CarrierConfig).collect())
    }
}

/// Changes of carrier configs.
#[derive(Default)]
pub struct CarrierConfigsMutation;

#[Object]
impl CarrierConfigsMutation {
    /// Makes or changes the organisation's config of a provider, with its senders. Needs ADMIN or `carriers:manage`.
    async fn save_carrier_config(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The config; what is left out stays as it is.")] input: SaveCarrierConfigInput,
    ) -> Result<SaveCarrierConfigPayload> {
        SaveCarrierConfigPayload::settle(gql, save::save(gql.ctx()?, input).await.map(CarrierConfig))
    }

    /// Asks the carrier whether a config works and says what is wrong. Needs ADMIN or `carriers:manage`.
    async fn test_carrier_config(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which config.")] input: TestCarrierConfigInput,
    ) -> Result<TestCarrierConfigPayload> {
        TestCarrierConfigPayload::settle(gql, test::test(gql.ctx()?, input.id).await.map(CarrierConfigCheck))
    }

    /// Deletes a config with its secrets and senders; messages stay. Needs ADMIN or `carriers:manage`.
    async fn delete_carrier_config(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which config.")] input: DeleteCarrierConfigInput,
    ) -> Result<DeleteCarrierConfigPayload> {
        DeleteCarrierConfigPayload::settle(gql, delete::delete(gql.ctx()?, input.id).await)
    }
}
