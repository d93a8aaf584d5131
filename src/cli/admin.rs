//! `phonehub admin`: turns typed words into calls of the features and prints what they answer. Holds no rule.

use std::error::Error;
use std::io::Write;
use std::pin::pin;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use entity::enums::Role as MemberRole;
use entity::ids::OrganizationId;
use futures_util::TryStreamExt;
use phonehub::base::audit;
use phonehub::base::caller::Permission;
use phonehub::base::clock::Clock;
use phonehub::base::ctx::{Ctx, Hub};
use phonehub::base::phone::Region;
use phonehub::base::switches;
use phonehub::config::{Config, Database};
use phonehub::features::audit::export;
use phonehub::features::organizations::admin as people;
use phonehub::features::organizations::suspend::{self, ResumeOrganizationInput, SuspendOrganizationInput};
use phonehub::features::{carrier_configs, webhook_endpoints};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Admin, Role};

type Done = Result<(), Box<dyn Error>>;

/// Opens the database that the settings name and does one thing in it; servers may run meanwhile.
pub(crate) async fn run(command: Admin, config: Config) -> Done {
    phonehub::base::telemetry::start_log(&config.log);
    existing(&config)?;
    let ctx = Ctx::administrator(Hub::open(config, Clock::default()).await?);
    match command {
        Admin::CreateOrganization { name, region, operator } => {
            create_organization(&ctx, &name, &region, operator).await
        }
        Admin::CreateOwner { organization, email, name } => {
            create_owner(&ctx, &organization, &email, &name).await
        }
        Admin::MakeOperator { email, revoke } => make_operator(&ctx, &email, !revoke).await,
        Admin::CreateKey { organization, name, scopes } => {
            create_key(&ctx, &organization, &name, &scopes).await
        }
        Admin::InvitationLink { organization, email, role } => {
            invitation_link(&ctx, &organization, &email, role).await
        }
        Admin::PasswordResetLink { email } => password_reset_link(&ctx, &email).await,
        Admin::SuspendOrganization { organization, reason } => {
            suspend_organization(&ctx, &organization, reason).await
        }
        Admin::ResumeOrganization { organization } => resume_organization(&ctx, &organization).await,
        Admin::ExportAudit { organization, since } => {
            export_audit(&ctx, organization.as_deref(), since).await
        }
        Admin::RotateMasterKey => rotate_master_key(&ctx).await,
        Admin::PauseSending => set_paused(&ctx, true).await,
        Admin::ResumeSending => set_paused(&ctx, false).await,
    }
}

/// Without `DATABASE_URL` there is only a demo's database, and an operator who forgot it must not get an empty one.
fn existing(config: &Config) -> Done {
    match &config.database {
        Database::Sqlite(path) if config.demo && !path.exists() => Err(format!(
            "there is no database: set DATABASE_URL as for the server, or go to the folder of the demo ({} is missing)",
            path.display()
        )
        .into()),
        _ => Ok(()),
    }
}

async fn create_organization(ctx: &Ctx, name: &str, region: &str, operator: bool) -> Done {
    let region = Region::from_str(region).map_err(|_| format!("{region:?} is no country of two letters"))?;
    let row = people::create_organization(ctx, name, region, operator).await?;
    if operator {
        let tx = ctx.begin().await?;
        carrier_configs::seed::claim_system_senders(ctx, &tx).await?;
        tx.commit().await?;
    }
    println!("{}", row.id);
    Ok(())
}

async fn create_owner(ctx: &Ctx, organization: &str, email: &str, name: &str) -> Done {
    let owner = people::create_owner(ctx, id(organization)?, email, name).await?;
    println!("{}", owner.user.id);
    match owner.password {
        Some(password) => println!("Password, shown this once, to be changed: {}", password.expose_secret()),
        None => println!("{email} had an account and keeps its password."),
    }
    Ok(())
}

async fn make_operator(ctx: &Ctx, email: &str, is_operator: bool) -> Done {
    people::set_operator(ctx, email, is_operator).await?;
    println!("{email} is {} operator.", if is_operator { "now an" } else { "no longer an" });
    Ok(())
}

async fn create_key(ctx: &Ctx, organization: &str, name: &str, scopes: &[String]) -> Done {
    let scopes = scopes.iter().map(|scope| permission(scope)).collect::<Result<_, _>>()?;
    let (key, secret) = people::create_key(ctx, id(organization)?, name, scopes, None).await?;
    println!("{}", key.id);
    println!("Secret, shown this once: {}", secret.expose_secret());
    Ok(())
}

async fn invitation_link(ctx: &Ctx, organization: &str, email: &str, role: Role) -> Done {
    let invited = people::invitation_link(ctx, id(organization)?, email, role.into()).await?;
    println!("{}", invited.link.expose_secret());
    Ok(())
}

async fn password_reset_link(ctx: &Ctx, email: &str) -> Done {
    println!("{}", people::password_reset_link(ctx, email).await?.link.expose_secret());
    Ok(())
}

async fn suspend_organization(ctx: &Ctx, organization: &str, reason: Option<String>) -> Done {
    let input = SuspendOrganizationInput { organization_id: id(organization)?, reason };
    println!("{} is suspended.", suspend::suspend(ctx, input).await?.name);
    Ok(())
}

async fn resume_organization(ctx: &Ctx, organization: &str) -> Done {
    let input = ResumeOrganizationInput { organization_id: id(organization)? };
    println!("{} may go on.", suspend::resume(ctx, input).await?.name);
    Ok(())
}

async fn export_audit(ctx: &Ctx, organization: Option<&str>, since: Option<DateTime<Utc>>) -> Done {
    let only = organization.map(id).transpose()?;
    let mut lines = pin!(export::of_installation(ctx, only, since).await?);
    let mut out = std::io::stdout().lock();
    while let Some(line) = lines.try_next().await? {
        out.write_all(line.as_bytes())?;
    }
    Ok(out.flush()?)
}

async fn rotate_master_key(ctx: &Ctx) -> Done {
    let rows = carrier_configs::rotate::reseal_credentials(ctx).await?
        + webhook_endpoints::secrets::reseal(ctx).await?;
    println!("{rows} secrets were sealed anew with the first key of PHONEHUB_MASTER_KEY.");
    println!("Older keys can go once all servers run with the new one in front.");
    Ok(())
}

async fn set_paused(ctx: &Ctx, paused: bool) -> Done {
    let action = if paused { "pauseSending" } else { "resumeSending" };
    let tx = ctx.begin().await?;
    switches::set_sending_paused(&tx, paused).await?;
    audit::record(ctx, &*tx, action, None, json!({})).await?;
    tx.commit().await?;
    println!("Sending is {}.", if paused { "paused: accepted messages wait" } else { "resumed" });
    Ok(())
}

fn id(text: &str) -> Result<OrganizationId, String> {
    text.parse().map_err(|_| format!("{text:?} is no id of an organisation (org_…)"))
}

fn permission(scope: &str) -> Result<Permission, String> {
    let known = Permission::SCOPES.into_iter().find(|permission| permission.scope() == scope);
    known.ok_or_else(|| {
        let all: Vec<_> = Permission::SCOPES.iter().map(|permission| permission.scope()).collect();
        format!("{scope:?} is no scope; there are {}", all.join(", "))
    })
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Agent => Self::Agent,
            Role::Viewer => Self::Viewer,
        }
    }
}
