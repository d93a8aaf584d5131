//! Whose a config is: an organisation's or the system's, and which organisation its senders belong to.

use entity::ids::OrganizationId;
use sea_orm::ConnectionTrait;

use crate::base::{
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    phone::Region,
    region,
};
use crate::features::organizations::organization::operator_organization;

/// The owner of a config and of its senders.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The config's organisation; none for the system's.
    pub organization: Option<OrganizationId>,
    /// The organisation that its senders belong to; none while there is no operator's organisation.
    pub holder: Option<OrganizationId>,
    /// How national numbers are read.
    pub region: Region,
}

impl Owner {
    /// The owner that the caller acts for, when the caller may.
    pub async fn of_caller(ctx: &Ctx, system: bool) -> Result<Self> {
        if system {
            ctx.caller.require_operator()?;
            let owner = Self::system(ctx.db()).await?;
            owner.holder.ok_or_else(|| {
                let text = "The senders of the system config belong to the operator's organisation, and there is \
                            none yet. Make it with `phonehub admin`.";
                Error::new(ErrorCode::Conflict, text).at(&["system"])
            })?;
            return Ok(owner);
        }
        let organization = ctx.require(Permission::CarriersManage)?;
        let region = region::of(ctx.db(), organization).await?;
        Ok(Self { organization: Some(organization), holder: Some(organization), region })
    }

    /// The installation itself.
    pub async fn system(db: &impl ConnectionTrait) -> Result<Self> {
        let operator = operator_organization(db).await?;
        let region = operator.as_ref().and_then(|row| row.default_region.parse().ok());
        Ok(Self {
            organization: None,
            holder: operator.map(|row| row.id),
            region: region.unwrap_or(Region::US),
        })
    }
}
