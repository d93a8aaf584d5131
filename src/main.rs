//! The command line: reads the settings and hands over. Everything else lives in the library.

mod cli;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use phonehub::config::{Config, Problems};

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(Cli::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("phonehub: {}", explained(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes. What the API hides from clients is told here, since who starts the program owns it.
fn explained(error: &(dyn Error + 'static)) -> String {
    let ours = error.downcast_ref::<phonehub::base::error::Error>();
    let mut lines = match ours {
        Some(error) if error.cause.is_some() => Vec::new(),
        Some(error) => vec![error.message.to_string()],
        None => vec![error.to_string()],
    };
    let mut cause = error.source();
    while let Some(error) = cause {
        lines.push(error.to_string());
        cause = error.source();
    }
    lines.dedup();
    lines.join("\n  because: ")
}

async fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => cli::serve(settings()?).await,
        Command::Migrate => cli::database::migrate(&settings()?).await,
        Command::Schema => cli::schema(),
        Command::Sandbox(sandbox) => cli::sandbox::run(sandbox, settings()?).await,
        Command::Admin(admin) => cli::admin::run(admin, settings()?).await,
        Command::Backup { file } => cli::database::backup(&settings()?, &file).await,
        Command::Restore { file } => cli::database::restore(&settings()?, &file).await,
        Command::Healthcheck => cli::healthcheck(&settings()?),
    }
}

/// The settings of this process, with every problem in one error.
fn settings() -> Result<Config, Box<dyn Error>> {
    let path = std::env::var("PHONEHUB_CONFIG").ok().filter(|path| !path.is_empty());
    let file = match &path {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            Some(text.map_err(|error| format!("PHONEHUB_CONFIG: {path} cannot be read: {error}"))?)
        }
        None => None,
    };
    // Names and values that are no UTF-8 cannot be ours.
    let vars = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Config::load(vars, file.as_deref()).map_err(Problems)?)
}
