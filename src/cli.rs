//! The command line: what can be typed. What a command does lives in the files beside; rules live in the library.

pub(crate) mod admin;
pub(crate) mod database;
mod plain_http;
pub(crate) mod sandbox;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use phonehub::config::Config;

/// One typed GraphQL API with live subscriptions in front of phone numbers and messaging.
#[derive(Debug, Parser)]
#[command(name = "phonehub", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; without a word: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands. Settings come from the environment (docs/configuration.md), not from flags.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve,
    /// Apply missing schema steps to the database and end
    Migrate,
    /// Print the GraphQL schema
    Schema,
    /// Run the sandbox carrier alone, or let one of its phones text
    Sandbox(Sandbox),
    /// What operators do beside the API
    #[command(subcommand)]
    Admin(Admin),
    /// Write the whole database to a file, while the server runs
    Backup {
        /// Where to; must not exist yet
        file: PathBuf,
    },
    /// Read a backup into an empty database; sending starts paused
    Restore {
        /// A file that `backup` wrote
        file: PathBuf,
    },
    /// Ask the running server whether it is ready; ends with 0 or 1
    Healthcheck,
}

/// `phonehub sandbox`.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Without a word: run the emulator at `PHONEHUB_SANDBOX_LISTEN`.
    #[command(subcommand)]
    pub command: Option<SandboxCommand>,
}

/// Talks to a running sandbox.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// A phone texts one of our numbers
    Say {
        /// The phone, in E.164
        #[arg(long)]
        from: String,
        /// Our number, in E.164
        #[arg(long)]
        to: String,
        /// The text
        body: String,
        /// Where the sandbox listens; else `PHONEHUB_SANDBOX_LISTEN`
        #[arg(long)]
        at: Option<SocketAddr>,
    },
}

/// `phonehub admin`.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make an organisation and print its id
    CreateOrganization {
        /// Its name
        name: String,
        /// Country of numbers written without a prefix, two letters
        #[arg(long, default_value = "US")]
        region: String,
        /// It is the operator's own: gets texts to shared numbers that no conversation claims
        #[arg(long)]
        operator: bool,
    },
    /// Make the first owner of an organisation and print a password to change
    CreateOwner {
        /// The organisation's id (`org_…`)
        #[arg(long)]
        organization: String,
        /// Signs in with it
        #[arg(long)]
        email: String,
        /// Shown to others
        #[arg(long)]
        name: String,
    },
    /// Let a user look past organisations; taken back with --revoke
    MakeOperator {
        /// The user's address
        email: String,
        /// Take it back
        #[arg(long)]
        revoke: bool,
    },
    /// Make an API key and print its secret once
    CreateKey {
        /// The organisation's id (`org_…`)
        #[arg(long)]
        organization: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do; several with commas between
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
    },
    /// Print a link that invites somebody into an organisation
    InvitationLink {
        /// The organisation's id (`org_…`)
        #[arg(long)]
        organization: String,
        /// Who is invited
        #[arg(long)]
        email: String,
        /// What they may do there
        #[arg(long, value_enum, default_value_t = Role::Agent)]
        role: Role,
    },
    /// Print a link that sets a new password
    PasswordResetLink {
        /// The user's address
        email: String,
    },
    /// Let an organisation change and send nothing; it reads, and what others send to it is kept
    SuspendOrganization {
        /// The organisation's id (`org_…`)
        organization: String,
        /// For the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a suspended organisation go on
    ResumeOrganization {
        /// The organisation's id (`org_…`)
        organization: String,
    },
    /// Print the audit log as JSON lines
    ExportAudit {
        /// One organisation's alone (`org_…`)
        #[arg(long)]
        organization: Option<String>,
        /// From this time on, such as 2026-11-20T12:00:00Z
        #[arg(long)]
        since: Option<chrono::DateTime<chrono::Utc>>,
    },
    /// Seal every secret anew with the first key of `PHONEHUB_MASTER_KEY`; safe while servers run
    RotateMasterKey,
    /// Hand nothing to carriers until resumed; accepted messages wait
    PauseSending,
    /// Hand waiting messages to carriers again
    ResumeSending,
}

/// A member's role, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Everything, owners included
    Owner,
    /// Configures carriers, keys and members
    Admin,
    /// Reads and writes messages and contacts
    Agent,
    /// Reads
    Viewer,
}

/// Runs the server until it is asked to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    Ok(phonehub::app::serve(config).await?)
}

/// Prints what `schema.graphql` holds.
pub(crate) fn schema() -> Result<(), Box<dyn Error>> {
    Ok(std::io::stdout().write_all(phonehub::api::schema::sdl().as_bytes())?)
}

/// Succeeds when the server of these settings says that it is ready.
pub(crate) fn healthcheck(config: &Config) -> Result<(), Box<dyn Error>> {
    let answer = plain_http::ask(config.listen, "/readyz")?;
    println!("{}", answer.body.trim_end());
    if answer.status == 200 { Ok(()) } else { Err("not ready".into()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serving_is_the_default() {
        assert!(Cli::try_parse_from(["phonehub"]).unwrap().command.is_none());
        assert!(Cli::try_parse_from(["phonehub", "frobnicate"]).is_err());
    }

    #[test]
    fn a_key_without_scopes_is_refused() {
        let base = ["phonehub", "admin", "create-key", "--organization", "org_1", "--name", "x"];
        assert!(Cli::try_parse_from(base).is_err());
        let whole = base.iter().chain(&["--scopes", "messages:read,messages:write"]);
        assert!(Cli::try_parse_from(whole).is_ok());
    }
}
