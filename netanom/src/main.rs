//! netanom's program: what was typed goes to the command that does it; a failure is one line and exit code 1.

use std::process::ExitCode;

use netanom::cli::{Cli, Command};
use netanom::command::{self, simulate::Simulate};

fn main() -> ExitCode {
    let cli = Cli::read();
    let level = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(level)
        .format_target(false)
        .init();
    let outcome = match &cli.command {
        #[cfg(feature = "live")]
        Command::Run(args) => command::run::run(args),
        #[cfg(feature = "live")]
        Command::Detach => command::detach::run(),
        #[cfg(not(feature = "live"))]
        Command::Run(_) | Command::Detach => Err(anyhow::anyhow!(
            "this program was built without live capture (feature `live`)"
        )),
        Command::Replay(args) => command::replay::run(args),
        Command::Simulate(args) => {
            Simulate::of(args).and_then(|simulate| command::simulate::run(&simulate))
        }
        Command::Train(args) => command::train::run(args),
        Command::Evaluate(args) => command::evaluate::run(args),
        Command::Model(model) => command::model::run(model),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
