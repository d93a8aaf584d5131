//! How an organisation writes numbers: its default region. Reads one row, decides nothing.

use entity::{ids::OrganizationId, organization};
use sea_orm::{ConnectionTrait, EntityTrait};

use super::{error::Result, phone::Region};

/// The region in which the organisation's national numbers are read; the United States where none can be told.
pub async fn of(db: &impl ConnectionTrait, organization: OrganizationId) -> Result<Region> {
    let row = organization::Entity::find_by_id(organization).one(db).await?;
    Ok(row.and_then(|row| row.default_region.parse().ok()).unwrap_or(Region::US))
}
