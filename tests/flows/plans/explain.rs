//! How each database would run a statement, and what is wrong with that: a table or a whole index is walked, or the rows of
//! a page are sorted first. Values are not looked at, as for a statement that is prepared once and run for ever.
//!
//! On PostgreSQL with everything switched off that its planner rightly prefers for tables as small as a test's: scans of
//! tables, joins that read a side as a whole, and for pages sorts. What is left of them then is what no index can serve.

use phonehub::base::ctx::Hub;
use sea_orm::{ConnectionTrait, DatabaseTransaction, TransactionTrait};
use serde_json::Value;

/// What a plan does that it should not.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reads all rows of this table.
    Table(String),
    /// It walks this index from one end to the other.
    Index(String),
    /// It sorts before it takes a page.
    Sort,
}

/// The faults of a statement's plan.
pub async fn faults(hub: &Hub, sql: &str) -> Vec<Fault> {
    let is_page = sql.contains("ORDER BY") && sql.contains("LIMIT");
    let found =
        if hub.db.is_sqlite() { of_sqlite(hub, sql).await } else { of_postgres(hub, sql, is_page).await };
    found.into_iter().filter(|fault| is_page || *fault != Fault::Sort).collect()
}

async fn of_sqlite(hub: &Hub, sql: &str) -> Vec<Fault> {
    let tables = names(hub, "SELECT name FROM sqlite_master WHERE type = 'table'").await;
    let explain = hub.db.sql(format!("EXPLAIN QUERY PLAN {sql}"), []);
    let rows = hub.db.read().query_all_raw(explain).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let lines = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
    lines.filter_map(|line| fault_of_line(&line, &tables)).collect()
}

/// The few rows of a subquery or of a list are no table's, and `SEARCH` walks what it looks for.
fn fault_of_line(line: &str, tables: &[String]) -> Option<Fault> {
    if line.contains("TEMP B-TREE FOR ORDER BY") {
        return Some(Fault::Sort);
    }
    let scanned = line.strip_prefix("SCAN ")?;
    let (table, how) = scanned.split_once(' ').unwrap_or((scanned, ""));
    match how.split_once("INDEX ") {
        Some((_, index)) => Some(Fault::Index(index.trim().to_owned())),
        None => tables.iter().any(|known| known == table).then(|| Fault::Table(table.to_owned())),
    }
}

async fn of_postgres(hub: &Hub, sql: &str, is_page: bool) -> Vec<Fault> {
    let tx = hub.db.read().begin().await.unwrap();
    let settings = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
         SET LOCAL plan_cache_mode = force_generic_plan";
    let no_sorts = "; SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off";
    let settings = format!("{settings}{}", if is_page { no_sorts } else { "" });
    tx.execute_unprepared(&settings).await.unwrap();
    run(&tx, &format!("PREPARE planned AS {sql}"), sql).await;
    let parameters = (1..100).take_while(|n| mentions(sql, *n)).count();
    let values = vec!["NULL"; parameters].join(", ");
    let values = if values.is_empty() { values } else { format!("({values})") };
    let explain = hub.db.sql(format!("EXPLAIN (FORMAT JSON) EXECUTE planned {values}"), []);
    let row = tx.query_one_raw(explain).await.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap();
    let plan: Value = row.try_get_by_index(0).unwrap();
    run(&tx, "DEALLOCATE planned", sql).await;
    tx.rollback().await.unwrap();
    let mut found = Vec::new();
    collect(&plan[0]["Plan"], &mut found);
    found
}

async fn run(tx: &DatabaseTransaction, statement: &str, sql: &str) {
    tx.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Whether `$n` stands in the text.
fn mentions(sql: &str, n: usize) -> bool {
    let name = format!("${n}");
    sql.match_indices(&name)
        .any(|(at, _)| !sql[at + name.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

fn collect(node: &Value, found: &mut Vec<Fault>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
    match node["Node Type"].as_str().unwrap_or_default() {
        "Seq Scan" => found.push(Fault::Table(text("Relation Name"))),
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" if node["Index Cond"].is_null() => {
            found.push(Fault::Index(text("Index Name")));
        }
        "Sort" | "Incremental Sort" => found.push(Fault::Sort),
        _ => {}
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        collect(inner, found);
    }
}

async fn names(hub: &Hub, sql: &str) -> Vec<String> {
    let rows = hub.db.read().query_all_raw(hub.db.sql(sql, [])).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
