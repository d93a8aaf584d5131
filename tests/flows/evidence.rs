//! What the carrier is known to have is never sent again, and what nobody can be asked about does not stay in doubt for ever.

use entity::{ids::MessageId, job, message};
use phonehub::{
    base::ctx::Ctx,
    features::messages::{deliver, reconcile},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use crate::harness::{Options, TestApp, eventually};

/// The sandbox's phone whose messages stay queued.
const STUCK: &str = "+12065550107";

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_to_resend_is_void_once_the_carrier_is_known_to_have_the_message() {
    let app = TestApp::start().await;
    let id: MessageId = app.send(STUCK, "Hello", "stuck").await.parse().unwrap();
    let hub = app.hub().clone();
    let message = eventually("the carrier's id is known", async || {
        let row = message::Entity::find_by_id(id).one(hub.db.read()).await.unwrap();
        row.filter(|row| row.carrier_message_id.is_some())
    })
    .await;
    let ctx = Ctx::system(hub.clone(), message.organization_id);
    let tx = ctx.begin().await.unwrap();
    reconcile::resend(&ctx, &tx, &message).await.unwrap();
    tx.commit().await.unwrap();
    eventually("the decision was looked at", async || {
        let waiting =
            job::Entity::find().filter(job::Column::Kind.eq(deliver::KIND)).count(hub.db.read()).await;
        (waiting.unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(app.copies(STUCK).await.len(), 1);
}

const DELETE: &str =
    "mutation($id: ID!) { deleteCarrierConfig(input: { id: $id }) { userErrors { code field } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_config_is_not_deleted_while_a_hand_over_is_in_doubt_and_an_unreadable_list_ends_in_unknown() {
    let settings = vec![("PHONEHUB_IN_DOUBT_WINDOW", "1h".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    app.fault(json!({ "fault": "server_error", "when": "before", "times": 1 })).await;
    let id = tenant.gql.send("+12065550120", "Hello", "doubt").await;
    statuses.until(&id, "SENDING").await;
    eventually("the attempt is in doubt", async || {
        let message = tenant.gql.message(&id).await;
        (message["attempts"][0]["state"] == "IN_DOUBT").then_some(())
    })
    .await;
    let refused = tenant.gql.ok(DELETE, json!({ "id": tenant.config })).await;
    assert_eq!(refused["deleteCarrierConfig"]["userErrors"][0]["code"], "CONFLICT");

    app.fault(json!({ "fault": "server_error", "when": "before", "on": "list" })).await;
    app.clock.advance(chrono::Duration::hours(11));
    statuses.until(&id, "UNKNOWN").await;
    assert_eq!(app.copies("+12065550120").await.len(), 0, "an unreadable list is no reason to send again");
}
