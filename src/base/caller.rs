//! Who is calling and what that allows. A `Caller` exists only after `auth` checked it against the database.

use chrono::{DateTime, Utc};
use entity::{
    enums::Role,
    ids::{ApiKeyId, OrganizationId, SessionId, UserId},
};

use super::error::{Error, Result};

/// What a caller may be allowed to do: a least role for people, a scope for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, async_graphql::Enum)]
#[graphql(name = "ApiKeyScope")]
pub enum Permission {
    /// `messages:read`: read messages, conversations, contacts, numbers and events.
    MessagesRead,
    /// `messages:send`: send, cancel and resolve messages; mark conversations read.
    MessagesSend,
    /// `contacts:write`: change contacts and opt-outs.
    ContactsWrite,
    /// `carriers:manage`: carrier configs, keywords, dead jobs.
    CarriersManage,
    /// `webhooks:manage`: endpoints that events are posted to, their secrets and deliveries.
    WebhooksManage,
    /// `audit:read`: the audit log and its export.
    AuditRead,
    /// `data:manage`: how long things are kept; erases texts and contacts.
    DataManage,
    /// `members:manage`: members, invitations and API keys. Never given to keys.
    MembersManage,
}

impl Permission {
    /// Every permission that a key can hold.
    pub const SCOPES: [Self; 7] = [
        Self::MessagesRead,
        Self::MessagesSend,
        Self::ContactsWrite,
        Self::CarriersManage,
        Self::WebhooksManage,
        Self::AuditRead,
        Self::DataManage,
    ];

    /// The lowest role that includes it.
    pub const fn least_role(self) -> Role {
        match self {
            Self::MessagesRead => Role::Viewer,
            Self::MessagesSend | Self::ContactsWrite => Role::Agent,
            Self::CarriersManage
            | Self::WebhooksManage
            | Self::AuditRead
            | Self::DataManage
            | Self::MembersManage => Role::Admin,
        }
    }

    /// The scope's name in a key.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::MessagesRead => "messages:read",
            Self::MessagesSend => "messages:send",
            Self::ContactsWrite => "contacts:write",
            Self::CarriersManage => "carriers:manage",
            Self::WebhooksManage => "webhooks:manage",
            Self::AuditRead => "audit:read",
            Self::DataManage => "data:manage",
            Self::MembersManage => "members:manage",
        }
    }
}

/// A person, signed in to one organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Where: the only organisation that this request sees.
    pub organization_id: OrganizationId,
    /// Read from the database, not from the token.
    pub role: Role,
    /// May see operator fields.
    pub is_operator: bool,
    /// The device.
    pub session_id: SessionId,
    /// When the access token ends.
    pub expires_at: DateTime<Utc>,
}

/// A partner's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// Which key.
    pub api_key_id: ApiKeyId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// When the key ends, if ever.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The principal of a request, socket or job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// No token was given.
    Anonymous,
    /// A person.
    Member(Member),
    /// A partner's key.
    Key(KeyHolder),
    /// PhoneHub itself, working for an organisation: workers and webhooks.
    System(OrganizationId),
    /// `phonehub admin` on the command line.
    Administrator,
}

impl Caller {
    /// The organisation that everything is done in; UNAUTHENTICATED without one.
    pub fn organization(&self) -> Result<OrganizationId> {
        match self {
            Self::Member(member) => Ok(member.organization_id),
            Self::Key(key) => Ok(key.organization_id),
            Self::System(organization) => Ok(*organization),
            Self::Anonymous | Self::Administrator => Err(Error::unauthenticated()),
        }
    }

    /// The organisation, when the caller may do this there.
    pub fn require(&self, permission: Permission) -> Result<OrganizationId> {
        let allowed = match self {
            Self::Member(member) => member.role >= permission.least_role(),
            Self::Key(key) => key.scopes.contains(&permission),
            Self::System(_) | Self::Administrator => true,
            Self::Anonymous => return Err(Error::unauthenticated()),
        };
        if allowed {
            return self.organization();
        }
        Err(Error::forbidden(format!(
            "This needs the role {:?} or the scope {}.",
            permission.least_role(),
            permission.scope()
        )))
    }

    /// The signed-in person; keys have no password, membership or session.
    pub fn member(&self) -> Result<&Member> {
        match self {
            Self::Member(member) => Ok(member),
            Self::Anonymous => Err(Error::unauthenticated()),
            _ => Err(Error::forbidden("Only a signed-in person can do this.")),
        }
    }

    /// An operator: looks past organisations where a field says so.
    pub fn require_operator(&self) -> Result<()> {
        match self {
            Self::Administrator => Ok(()),
            Self::Member(member) if member.is_operator => Ok(()),
            Self::Anonymous => Err(Error::unauthenticated()),
            _ => Err(Error::forbidden("Only an operator of this installation can do this.")),
        }
    }

    /// The acting user, for authorship and audit.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Member(member) => Some(member.user_id),
            _ => None,
        }
    }

    /// The acting key, for authorship and audit.
    pub fn api_key_id(&self) -> Option<ApiKeyId> {
        match self {
            Self::Key(key) => Some(key.api_key_id),
            _ => None,
        }
    }

    /// When this principal stops being valid by itself.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Member(member) => Some(member.expires_at),
            Self::Key(key) => key.expires_at,
            _ => None,
        }
    }

    /// Callers with equal classes see the same data: one execution may serve them (design.md §4.2).
    pub fn class(&self) -> String {
        match self {
            Self::Member(member) => {
                format!("{}|{:?}|{}", member.organization_id, member.role, member.is_operator)
            }
            Self::Key(key) => {
                let mut scopes: Vec<_> = key.scopes.iter().map(|scope| scope.scope()).collect();
                scopes.sort_unstable();
                format!("{}|{}", key.organization_id, scopes.join(","))
            }
            Self::System(organization) => format!("{organization}|system"),
            Self::Anonymous => "anonymous".to_owned(),
            Self::Administrator => "administrator".to_owned(),
        }
    }
}
