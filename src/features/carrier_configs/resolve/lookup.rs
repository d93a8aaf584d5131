//! What routing reads. Messages that are accepted at the same time share the reads.

use std::{collections::BTreeSet, sync::Arc};

use entity::{carrier_config, ids::OrganizationId, number};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    base::{
        ctx::Hub,
        error::Result,
        group::{Group, Grouped},
    },
    features::carrier_configs::query,
};

/// The configs that may serve an organisation, the preferred ones first.
#[derive(Debug)]
pub(super) struct Serving {
    /// Its own.
    pub own: Vec<carrier_config::Model>,
    /// The system's; only read where somebody has none.
    pub system: Vec<carrier_config::Model>,
}

/// The configs that may serve an organisation.
pub(super) async fn serving(hub: &Arc<Hub>, organization: OrganizationId) -> Result<Serving> {
    let asked = Configs { hub: hub.clone(), organization };
    hub.parts.of::<Group<Configs>>().join(asked).await
}

/// The senders of this address on the accounts of these configs.
pub(super) async fn senders(
    hub: &Arc<Hub>,
    configs: &[carrier_config::Model],
    address: &str,
) -> Result<Vec<number::Model>> {
    let accounts = configs.iter().map(|config| config.account.clone()).collect();
    let asked = Senders { hub: hub.clone(), accounts, address: address.to_owned() };
    hub.parts.of::<Group<Senders>>().join(asked).await
}

struct Configs {
    hub: Arc<Hub>,
    organization: OrganizationId,
}

impl Grouped for Configs {
    type Answer = Serving;

    async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
        let Some(hub) = group.first().map(|first| &first.hub) else { return Ok(Vec::new()) };
        let owners = group.iter().map(|asked| asked.organization);
        let own = carrier_config::Entity::find()
            .filter(carrier_config::Column::OrganizationId.is_in(owners))
            .order_by_desc(carrier_config::Column::IsDefault)
            .order_by_asc(carrier_config::Column::CreatedAt)
            .all(hub.db.read())
            .await?;
        let of = |asked: &&Self| {
            let owner = Some(asked.organization);
            own.iter().filter(|config| config.organization_id == owner).cloned().collect::<Vec<_>>()
        };
        let owns: Vec<_> = group.iter().map(of).collect();
        let system = if owns.iter().any(Vec::is_empty) { system(hub).await? } else { Vec::new() };
        Ok(owns.into_iter().map(|own| Serving { own, system: system.clone() }).collect())
    }
}

async fn system(hub: &Hub) -> Result<Vec<carrier_config::Model>> {
    let configs = query::of_system().order_by_desc(carrier_config::Column::IsDefault);
    Ok(configs.all(hub.db.read()).await?)
}

struct Senders {
    hub: Arc<Hub>,
    accounts: Vec<String>,
    address: String,
}

impl Grouped for Senders {
    type Answer = Vec<number::Model>;

    async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
        let Some(hub) = group.first().map(|first| &first.hub) else { return Ok(Vec::new()) };
        let addresses = group.iter().map(|asked| asked.address.as_str());
        let accounts: BTreeSet<&str> =
            group.iter().flat_map(|asked| &asked.accounts).map(String::as_str).collect();
        let rows = number::Entity::find()
            .filter(number::Column::Account.is_in(accounts))
            .filter(number::Column::Address.is_in(addresses))
            .all(hub.db.read())
            .await?;
        let of = |asked: &&Self| {
            let is_of =
                |row: &&number::Model| row.address == asked.address && asked.accounts.contains(&row.account);
            rows.iter().filter(is_of).cloned().collect()
        };
        Ok(group.iter().map(of).collect())
    }
}
