//! Mutations: each parses by its input type, calls its verb and wraps.

use async_graphql::{Context, Object, Result};
use secrecy::ExposeSecret;

use super::{
    payloads::{
        AcceptInvitationPayload, ChangePasswordPayload, ChangeRolePayload, CreateApiKeyPayload,
        InviteMemberPayload, RefreshSessionPayload, RemoveMemberPayload, ResetPasswordPayload,
        RevokeApiKeyPayload, RevokeInvitationPayload, SignInPayload, SignOutPayload, SignUpPayload,
        SwitchOrganizationPayload, UpdateOrganizationPayload, UpdateProfilePayload,
    },
    types::{ApiKey, AuthTokens, Invitation, Membership, Organization, User},
};
use crate::{
    features::organizations::{
        accept_invitation::{self, AcceptInvitationInput},
        api_keys::{self, CreateApiKeyInput, RevokeApiKeyInput},
        change_password::{self, ChangePasswordInput},
        invite::{self, InviteMemberInput, RevokeInvitationInput},
        members::{self, ChangeRoleInput, RemoveMemberInput},
        organization::{self, UpdateOrganizationInput},
        profile::{self, UpdateProfileInput},
        refresh::{self, RefreshSessionInput},
        reset_password::{self, ResetPasswordInput},
        sign_in::{self, SignInInput},
        sign_out::{self, SignOutInput},
        sign_up::{self, SignUpInput},
        switch_organization::{self, SwitchOrganizationInput},
    },
    graphql::CtxExt,
};

/// Mutations of this feature.
#[derive(Default)]
pub struct OrganizationsMutation;

#[Object]
impl OrganizationsMutation {
    /// Makes an account and the organisation that it owns, and signs in. Where accounts come by invitation only:
    /// `FORBIDDEN`.
    async fn sign_up(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The account and its organisation.")] input: SignUpInput,
    ) -> Result<SignUpPayload> {
        SignUpPayload::settle(gql, sign_up::sign_up(gql.ctx()?, input).await.map(AuthTokens))
    }

    /// Signs in with e-mail and password. After too many wrong tries: `RATE_LIMITED`.
    async fn sign_in(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Who signs in, and where.")] input: SignInInput,
    ) -> Result<SignInPayload> {
        SignInPayload::settle(gql, sign_in::sign_in(gql.ctx()?, input).await.map(AuthTokens))
    }

    /// Trades a refresh token for fresh tokens. Each is good for one use; a second use ends the session.
    async fn refresh_session(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The token to trade.")] input: RefreshSessionInput,
    ) -> Result<RefreshSessionPayload> {
        RefreshSessionPayload::settle(gql, refresh::refresh(gql.ctx()?, input).await.map(AuthTokens))
    }

    /// Ends this session, or all sessions of the person.
    async fn sign_out(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "How far to sign out; this session when not given.")] input: Option<SignOutInput>,
    ) -> Result<SignOutPayload> {
        SignOutPayload::settle(gql, sign_out::sign_out(gql.ctx()?, input.unwrap_or_default()).await)
    }

    /// Goes on in another organisation of the same person. The session moves: use the new tokens from now on.
    async fn switch_organization(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Where to go on.")] input: SwitchOrganizationInput,
    ) -> Result<SwitchOrganizationPayload> {
        let switched = switch_organization::switch_organization(gql.ctx()?, input).await;
        SwitchOrganizationPayload::settle(gql, switched.map(AuthTokens))
    }

    /// Changes the caller's password; their other sessions end.
    async fn change_password(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The old password and the new one.")] input: ChangePasswordInput,
    ) -> Result<ChangePasswordPayload> {
        let changed = change_password::change_password(gql.ctx()?, input).await;
        ChangePasswordPayload::settle(gql, changed.map(User))
    }

    /// Chooses a new password by a reset link; all sessions of the person end.
    async fn reset_password(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The link's token and the new password.")] input: ResetPasswordInput,
    ) -> Result<ResetPasswordPayload> {
        ResetPasswordPayload::settle(gql, reset_password::reset_password(gql.ctx()?, input).await.map(User))
    }

    /// Makes a link by which a person can join. No mail is sent: hand it over yourself.
    async fn invite_member(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Whom to invite, as what.")] input: InviteMemberInput,
    ) -> Result<InviteMemberPayload> {
        let invited = invite::invite(gql.ctx()?, input).await.map(|invited| {
            let shown = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
            (Invitation(invited.invitation), shown(&invited.token), shown(&invited.link))
        });
        InviteMemberPayload::settle(gql, invited)
    }

    /// Withdraws an open invitation.
    async fn revoke_invitation(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which invitation.")] input: RevokeInvitationInput,
    ) -> Result<RevokeInvitationPayload> {
        RevokeInvitationPayload::settle(gql, invite::revoke(gql.ctx()?, input).await.map(Invitation))
    }

    /// Joins by an invitation's link and signs in, with a new account or the one that has the invited address.
    async fn accept_invitation(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The link's token and who follows it.")] input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload> {
        let joined = accept_invitation::accept_invitation(gql.ctx()?, input).await;
        AcceptInvitationPayload::settle(gql, joined.map(AuthTokens))
    }

    /// Gives a member another role. There is always an owner.
    async fn change_role(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Whose role, and which.")] input: ChangeRoleInput,
    ) -> Result<ChangeRolePayload> {
        ChangeRolePayload::settle(gql, members::change_role(gql.ctx()?, input).await.map(Membership))
    }

    /// Takes a member out of the organisation; their sessions in it end. Members can leave by it themselves.
    async fn remove_member(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Whom to remove.")] input: RemoveMemberInput,
    ) -> Result<RemoveMemberPayload> {
        RemoveMemberPayload::settle(gql, members::remove_member(gql.ctx()?, input).await.map(Membership))
    }

    /// Makes a key for a partner's program. Its secret is shown once.
    async fn create_api_key(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "What the key is for and may do.")] input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyPayload> {
        let created = api_keys::create(gql.ctx()?, input).await;
        CreateApiKeyPayload::settle(
            gql,
            created.map(|(key, secret)| (ApiKey(key), secret.expose_secret().to_owned())),
        )
    }

    /// Ends a key at once.
    async fn revoke_api_key(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which key.")] input: RevokeApiKeyInput,
    ) -> Result<RevokeApiKeyPayload> {
        RevokeApiKeyPayload::settle(gql, api_keys::revoke(gql.ctx()?, input).await.map(ApiKey))
    }

    /// Changes the caller's own name or phone number.
    async fn update_profile(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        UpdateProfilePayload::settle(gql, profile::update(gql.ctx()?, input).await.map(User))
    }

    /// Changes the organisation that the caller acts in.
    async fn update_organization(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateOrganizationInput,
    ) -> Result<UpdateOrganizationPayload> {
        let updated = organization::update(gql.ctx()?, input).await;
        UpdateOrganizationPayload::settle(gql, updated.map(Organization))
    }
}
