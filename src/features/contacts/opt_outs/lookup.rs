//! The quick look: who refuses anything at all. Nearly nobody does, so one statement answers for many messages.

use std::{collections::HashSet, sync::Arc};

use entity::opt_out;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::base::{
    ctx::Hub,
    error::Result,
    group::{Group, Grouped},
};

/// Those of these numbers whose person refuses anything from anybody: for the others [`super::blocked`] need not be asked.
pub async fn refusing(
    db: &impl ConnectionTrait,
    contact_numbers: impl IntoIterator<Item = &str>,
) -> Result<HashSet<String>> {
    let numbers = opt_out::Entity::find()
        .select_only()
        .column(opt_out::Column::ContactNumber)
        .distinct()
        .filter(opt_out::Column::ContactNumber.is_in(contact_numbers))
        .filter(opt_out::Column::LiftedAt.is_null());
    Ok(numbers.into_tuple::<String>().all(db).await?.into_iter().collect())
}

/// Whether this person is one of them. Messages that are accepted at the same time share the read.
pub async fn refuses_any(hub: &Arc<Hub>, contact_number: &str) -> Result<bool> {
    let asked = Asked { hub: hub.clone(), contact_number: contact_number.to_owned() };
    hub.parts.of::<Group<Asked>>().join(asked).await
}

struct Asked {
    hub: Arc<Hub>,
    contact_number: String,
}

impl Grouped for Asked {
    type Answer = bool;

    async fn work(group: &[&Self]) -> Result<Vec<bool>> {
        let Some(hub) = group.first().map(|first| &first.hub) else { return Ok(Vec::new()) };
        let numbers = group.iter().map(|asked| asked.contact_number.as_str());
        let refusing = refusing(hub.db.read(), numbers).await?;
        Ok(group.iter().map(|asked| refusing.contains(&asked.contact_number)).collect())
    }
}
