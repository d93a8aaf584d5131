//! What the mutations of this feature answer.

use super::types::{ApiKey, AuthTokens, Invitation, Membership, Organization, User};
use crate::payload;

payload! {
    /// What `signUp` answers.
    pub struct SignUpPayload {
        /// Tokens of the new owner, in the new organisation.
        tokens: AuthTokens,
    }
}

payload! {
    /// What `signIn` answers.
    pub struct SignInPayload {
        /// Tokens of a new session.
        tokens: AuthTokens,
    }
}

payload! {
    /// What `refreshSession` answers.
    pub struct RefreshSessionPayload {
        /// The session's next tokens; the earlier refresh token is spent.
        tokens: AuthTokens,
    }
}

payload! {
    /// What `switchOrganization` answers.
    pub struct SwitchOrganizationPayload {
        /// The session's tokens in the other organisation; its earlier ones no longer count.
        tokens: AuthTokens,
    }
}

payload! {
    /// What `acceptInvitation` answers.
    pub struct AcceptInvitationPayload {
        /// Tokens of the new member, in the organisation that invited.
        tokens: AuthTokens,
    }
}

payload! {
    /// What `signOut` answers.
    pub struct SignOutPayload {
        /// How many sessions ended.
        sessions_ended: u64,
    }
}

payload! {
    /// What `changePassword` answers.
    pub struct ChangePasswordPayload {
        /// Whose password changed. Their other sessions ended.
        user: User,
    }
}

payload! {
    /// What `resetPassword` answers.
    pub struct ResetPasswordPayload {
        /// Whose password changed. All their sessions ended: sign in with the new one.
        user: User,
    }
}

payload! {
    /// What `inviteMember` answers.
    pub struct InviteMemberPayload {
        /// The invitation.
        invitation: Invitation,
        /// For `acceptInvitation`. It cannot be read again: hand it over now.
        token: String,
        /// The token as a link.
        link: String,
    }
}

payload! {
    /// What `revokeInvitation` answers.
    pub struct RevokeInvitationPayload {
        /// The invitation as it was.
        invitation: Invitation,
    }
}

payload! {
    /// What `changeRole` answers.
    pub struct ChangeRolePayload {
        /// The member with the new role.
        membership: Membership,
    }
}

payload! {
    /// What `removeMember` answers.
    pub struct RemoveMemberPayload {
        /// The membership as it was.
        membership: Membership,
    }
}

payload! {
    /// What `createApiKey` answers.
    pub struct CreateApiKeyPayload {
        /// The key without its secret.
        api_key: ApiKey,
        /// The key itself, `phk_…`. It cannot be read again: store it now.
        secret: String,
    }
}

payload! {
    /// What `revokeApiKey` answers.
    pub struct RevokeApiKeyPayload {
        /// The key as it is now.
        api_key: ApiKey,
    }
}

payload! {
    /// What `updateProfile` answers.
    pub struct UpdateProfilePayload {
        /// The caller as they are now.
        user: User,
    }
}

payload! {
    /// What `updateOrganization` answers.
    pub struct UpdateOrganizationPayload {
        /// The organisation as it is now.
        organization: Organization,
    }
}
