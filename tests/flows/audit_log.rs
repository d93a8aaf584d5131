//! The audit log: whoever calls a mutation leaves a row, done or refused; the database keeps it; admins read it, page by page
//! or whole.

use chrono::{DateTime, Duration, Utc};
use entity::{
    audit_entry,
    enums::{AuditActor, AuditOutcome, Role},
    ids::{AuditEntryId, OrganizationId},
};
use futures_util::TryStreamExt;
use phonehub::{
    base::{ctx::Ctx, tx::Tx},
    features::audit::export,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use serde_json::{Value, json};

use crate::harness::{Gql, Options, TestApp, Types, eventually};

const EVENTS: &str = "query($filter: AuditEventFilter, $after: String) { \
     auditEvents(first: 2, filter: $filter, after: $after) { totalCount pageInfo { hasNextPage endCursor } \
     nodes { id actor userId user { name } apiKeyId action subject outcome errorCode detail ipAddress requestId } } }";
/// Of every kind that a mutation may ask for.
const PREFIXES: [&str; 12] =
    ["msg", "cnv", "con", "job", "mem", "inv", "key", "org", "cfg", "kwd", "whe", "whd"];
const NOBODY: &str = "00000000000000000000000000";

/// The rows of a request, oldest first.
async fn rows_of(app: &TestApp, request: &str) -> Vec<audit_entry::Model> {
    let rows = audit_entry::Entity::find().filter(audit_entry::Column::RequestId.eq(request));
    rows.order_by_asc(audit_entry::Column::Id).all(app.hub().db.read()).await.unwrap()
}

/// Calls a mutation under a request id of its own; ids are tried until one is of the right kind.
async fn call(gql: &Gql, types: &Types, (name, input): (&str, &str), request: &str) -> Value {
    let mut answer = Value::Null;
    for prefix in PREFIXES {
        let input_value = types.input(input, &format!("{prefix}_{NOBODY}"));
        let query =
            format!("mutation($input: {input}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}");
        let body = json!({ "query": query, "variables": { "input": input_value } });
        let sent =
            gql.http.post(&gql.url).bearer_auth(&gql.token).header("X-Request-Id", request).json(&body);
        answer = sent.send().await.unwrap().json().await.unwrap();
        let wrong_kind =
            answer["errors"][0]["message"].as_str().is_some_and(|text| text.contains("Failed to parse"));
        if !wrong_kind {
            return answer;
        }
    }
    panic!("no input fits {name}: {answer}");
}

/// The list of mutations is the schema's: a new one is under the same test.
#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_leaves_one_row_whoever_calls() {
    let app = TestApp::start().await;
    let types = Types::of(&app.gql()).await;
    let mutations = types.mutations();
    assert!(mutations.len() > 30, "{mutations:?}");
    for (role, person) in [("allowed", app.operator().await), ("viewer", app.person(Role::Viewer).await)] {
        for (name, input) in &mutations {
            if name == "signOut" {
                continue;
            }
            let request = format!("{role}.{name}");
            let answer = call(&person, &types, (name, input), &request).await;
            let rows: Vec<_> =
                rows_of(&app, &request).await.into_iter().filter(|row| &row.action == name).collect();
            let top = answer["errors"][0]["extensions"]["code"].as_str();
            let within = answer["data"][name]["userErrors"][0]["code"].as_str();
            let limited = top == Some("RATE_LIMITED");
            assert_eq!(rows.is_empty(), limited, "{request}: {answer}");
            for row in rows.iter().rev().take(1) {
                assert_eq!(row.error_code.as_deref(), top.or(within), "{request}: {answer}");
                let refused = row.outcome == AuditOutcome::Refused;
                assert_eq!(refused, top.or(within).is_some(), "{request}");
                assert_eq!(row.actor, AuditActor::User);
                assert_eq!(row.ip.as_deref(), Some("127.0.0.1"));
            }
        }
        let out = call(&person, &types, ("signOut", "SignOutInput"), &format!("{role}.signOut")).await;
        assert_eq!(out["data"]["signOut"]["userErrors"], json!([]), "{out}");
        assert_eq!(rows_of(&app, &format!("{role}.signOut")).await.len(), 1);
    }
}

/// What is done is written once, with what it was done to, and with nothing that a person could want erased.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_written_once() {
    let app = TestApp::start().await;
    let gql = app.gql();
    let input =
        json!({ "to": { "phoneNumber": "+12065550108" }, "body": "Meet me at noon", "idempotencyKey": "1" });
    let id = gql.send_input(input.clone()).await;
    assert_eq!(gql.send_input(input).await, id, "a repeated call");
    let sent = gql.ok(EVENTS, json!({ "filter": { "action": "sendMessage" } })).await["auditEvents"].take();
    assert_eq!(sent["totalCount"], 2);
    let (again, first) = (&sent["nodes"][0], &sent["nodes"][1]);
    assert_eq!(again["detail"], json!({ "changed": false }), "the repeated call made nothing");
    assert_eq!((&first["subject"], &first["outcome"]), (&json!(id), &json!("DONE")), "{sent}");
    let of_it = gql.ok(EVENTS, json!({ "filter": { "subject": id } })).await["auditEvents"].take();
    assert_eq!(of_it["nodes"][0]["id"], first["id"]);
    assert_eq!((&first["actor"], &first["errorCode"]), (&json!("API_KEY"), &Value::Null));
    assert!(first["apiKeyId"].as_str().is_some_and(|key| key.starts_with("key_")));
    assert!(
        !first["detail"].to_string().contains("noon")
            && !first["detail"].to_string().contains("+12065550108")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_read_the_log_and_others_do_not() {
    let app = TestApp::start().await;
    let (admin, agent) = (app.person(Role::Admin).await, app.person(Role::Agent).await);
    let (_, other) = app.another_organization("Other").await;
    let rename =
        "mutation($name: String!) { updateOrganization(input: { name: $name }) { userErrors { code } } }";
    for name in ["One", "Two", "Three"] {
        admin.ok(rename, json!({ "name": name })).await;
    }
    let refused = agent.raw(rename, json!({ "name": "Mine" })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let filter = json!({ "action": "updateOrganization" });
    let page = admin.ok(EVENTS, json!({ "filter": filter })).await["auditEvents"].take();
    assert_eq!((&page["totalCount"], &page["pageInfo"]["hasNextPage"]), (&json!(4), &json!(true)));
    let last = &page["nodes"][0];
    assert_eq!((&last["outcome"], &last["errorCode"]), (&json!("REFUSED"), &json!("FORBIDDEN")));
    assert_eq!(page["nodes"][1]["detail"]["name"], "Three");
    assert_eq!(page["nodes"][1]["user"]["name"], "Ada");
    let after = json!({ "filter": filter, "after": page["pageInfo"]["endCursor"] });
    let rest = admin.ok(EVENTS, after.clone()).await["auditEvents"]["nodes"].take();
    assert_eq!((&rest[0]["detail"]["name"], &rest[1]["detail"]["name"]), (&json!("Two"), &json!("One")));
    let by = json!({ "filter": { "actor": last["userId"], "action": "updateOrganization" } });
    assert_eq!(admin.ok(EVENTS, by).await["auditEvents"]["totalCount"], 1);
    let before = json!({ "filter": { "action": "updateOrganization", "until": "2020-01-01T00:00:00Z" } });
    assert_eq!(admin.ok(EVENTS, before).await["auditEvents"]["totalCount"], 0);
    assert_eq!(agent.raw(EVENTS, json!({})).await["errors"][0]["extensions"]["code"], "FORBIDDEN");
    // Another organisation sees nothing of it, by no way.
    let stranger = app.gql_as(&other);
    assert_eq!(stranger.ok(EVENTS, json!({ "filter": filter })).await["auditEvents"]["totalCount"], 0);
    assert_eq!(stranger.raw(EVENTS, after).await["errors"][0]["extensions"]["code"], "INVALID_CURSOR");
    let node = "query($id: ID!) { node(id: $id) { __typename id } }";
    assert_eq!(stranger.ok(node, json!({ "id": last["id"] })).await["node"], Value::Null);
    assert_eq!(admin.ok(node, json!({ "id": last["id"] })).await["node"]["__typename"], "AuditEvent");
}

async fn export(app: &TestApp, token: &str, query: &str) -> (u16, Vec<Value>) {
    let url = format!("{}/audit/export{query}", app.url());
    let answer = app.http.get(url).bearer_auth(token).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_exported_as_lines_and_the_export_is_in_it() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.person(Role::Admin).await, app.person(Role::Viewer).await);
    for n in 0..600 {
        backdate(&app, Some(app.organization.id), Duration::minutes(n)).await;
    }
    let (_, other) = app.another_organization("Other").await;
    let (status, lines) = export(&app, &admin.token, "").await;
    assert_eq!(status, 200);
    assert!(lines.len() > 600, "{}", lines.len());
    let mut times: Vec<DateTime<Utc>> =
        lines.iter().map(|line| line["createdAt"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted());
    assert!(lines.iter().all(|line| line["organizationId"] == app.organization.id.to_string()));
    let own = lines.last().unwrap();
    assert_eq!(
        (&own["action"], &own["actor"], &own["outcome"]),
        (&json!("exportAudit"), &json!("USER"), &json!("DONE"))
    );
    let since = times.split_off(590)[0].to_rfc3339().replace('+', "%2B");
    let (_, rest) = export(&app, &admin.token, &format!("?since={since}")).await;
    assert_eq!(rest.len(), lines.len() - 590 + 1);
    assert_eq!(export(&app, &admin.token, "?since=yesterday").await.0, 400);
    assert_eq!(export(&app, &viewer.token, "").await.0, 403);
    assert_eq!(export(&app, "nothing", "").await.0, 401);
    let theirs = export(&app, &other, "").await.1;
    assert!(theirs.iter().all(|line| line["organizationId"] != app.organization.id.to_string()));
    let (_, all) = export(&app, &admin.token, "").await;
    assert!(all.iter().any(|line| line["action"] == "exportAudit" && line["errorCode"] == "FORBIDDEN"));
    // The command line sees everybody's, and says so in the log.
    let ctx = Ctx::administrator(app.hub().clone());
    let whole: Vec<String> =
        export::of_installation(&ctx, None, None).await.unwrap().try_collect().await.unwrap();
    assert!(whole.len() > all.len() + theirs.len());
    let only: Vec<String> = export::of_installation(&ctx, Some(app.organization.id), None)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(only.len(), all.len() + 1);
}

/// An entry that was written so long ago.
async fn backdate(app: &TestApp, of: Option<OrganizationId>, ago: Duration) -> AuditEntryId {
    let row = audit_entry::ActiveModel {
        id: Set(AuditEntryId::new()),
        organization_id: Set(of),
        actor: Set(AuditActor::System),
        user_id: Set(None),
        api_key_id: Set(None),
        action: Set("test".into()),
        subject: Set(None),
        outcome: Set(AuditOutcome::Done),
        error_code: Set(None),
        detail: Set(json!({})),
        ip: Set(None),
        request_id: Set("test".into()),
        created_at: Set(app.hub().clock.now() - ago),
    };
    let tx = Tx::begin(app.hub()).await.unwrap();
    let row = row.insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}

async fn try_sql(app: &TestApp, sql: &str) -> bool {
    let tx = Tx::begin(app.hub()).await.unwrap();
    let done = tx.execute_unprepared(sql).await.is_ok();
    if done {
        tx.commit().await.unwrap();
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_or_deletes_what_is_to_be_kept() {
    let app = TestApp::start().await;
    let id = backdate(&app, Some(app.organization.id), Duration::days(364)).await;
    let before = audit_entry::Entity::find().all(app.hub().db.read()).await.unwrap();
    let mut forbidden = vec![
        "UPDATE audit_entries SET action = 'nothing'",
        "UPDATE audit_entries SET detail = '{}'",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE action = 'test'",
    ];
    forbidden.push(if app.database.is_postgres() {
        "TRUNCATE audit_entries"
    } else {
        "INSERT OR REPLACE INTO audit_entries SELECT id, organization_id, actor, user_id, api_key_id, 'nothing', subject, \
         outcome, error_code, detail, ip, request_id, created_at FROM audit_entries"
    });
    for sql in forbidden {
        assert!(!try_sql(&app, sql).await, "{sql}");
    }
    let after = audit_entry::Entity::find().all(app.hub().db.read()).await.unwrap();
    assert_eq!(before, after);
    assert!(after.iter().any(|row| row.id == id));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_removes_what_each_organisation_keeps_no_longer() {
    let app = TestApp::start().await;
    let gql = app.gql();
    let (patient, patient_token) = app.another_organization("Patient").await;
    let set = "mutation($input: SetRetentionInput!) { setRetention(input: $input) { \
         organization { retention { audit { days isDefault } } } userErrors { field } } }";
    let short = json!({ "input": { "auditDays": 29 } });
    assert_eq!(
        gql.ok(set, short).await["setRetention"]["userErrors"][0]["field"],
        json!(["input", "auditDays"])
    );
    let long = app.gql_as(&patient_token).ok(set, json!({ "input": { "auditDays": 500 } })).await;
    assert_eq!(
        long["setRetention"]["organization"]["retention"]["audit"],
        json!({ "days": 500, "isDefault": false })
    );
    let own = app.organization.id;
    let old = backdate(&app, Some(own), Duration::days(366)).await;
    let young = backdate(&app, Some(own), Duration::days(100)).await;
    let theirs = backdate(&app, Some(patient.id), Duration::days(400)).await;
    let ancient = backdate(&app, Some(patient.id), Duration::days(501)).await;
    let nobodys = backdate(&app, None, Duration::days(366)).await;
    swept(&app, &[old, ancient, nobodys]).await;
    assert!(exists(&app, young).await && exists(&app, theirs).await);
    gql.ok(set, json!({ "input": { "auditDays": 30 } })).await;
    swept(&app, &[young]).await;
    assert!(exists(&app, theirs).await);
}

async fn exists(app: &TestApp, id: AuditEntryId) -> bool {
    audit_entry::Entity::find_by_id(id).one(app.hub().db.read()).await.unwrap().is_some()
}

async fn swept(app: &TestApp, ids: &[AuditEntryId]) {
    eventually("the sweep", async || {
        app.clock.advance(Duration::minutes(11));
        for id in ids {
            if exists(app, *id).await {
                return None;
            }
        }
        Some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_come_from_proxies_that_are_trusted_alone() {
    for (trusted, expected) in [("", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7")] {
        let settings = vec![("PHONEHUB_TRUSTED_PROXIES", trusted.to_owned())];
        let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
        let query = "mutation { setRetention(input: {}) { userErrors { code } } }";
        let sent = app.http.post(app.gql().url).bearer_auth(&app.token).header("X-Request-Id", "proxied");
        let sent = sent.header("X-Forwarded-For", "6.6.6.6, 203.0.113.7").json(&json!({ "query": query }));
        assert_eq!(sent.send().await.unwrap().status().as_u16(), 200);
        let rows = rows_of(&app, "proxied").await;
        assert_eq!(rows[0].ip.as_deref(), Some(expected), "{trusted:?}");
    }
}
