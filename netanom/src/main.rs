//! netanom's program: what was typed goes to the command that does it; a failure is one line and exit code 1.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use env_logger::{Env, Target, WriteStyle};
use netanom::cli::{Cli, Command};
use netanom::command::{self, simulate::Simulate};
use netanom::sink::stderr;

/// For a log that nobody reads any more, at the end.
const LAST_LINES: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => {
            stderr::finish(LAST_LINES);
            return code;
        }
    };
    start_log();
    let outcome = match &cli.command {
        #[cfg(feature = "live")]
        Command::Run(args) => command::run::run(args),
        #[cfg(feature = "live")]
        Command::Detach => command::detach::run(),
        #[cfg(feature = "live")]
        Command::Watch(args) => command::watch::run(args),
        #[cfg(not(feature = "live"))]
        Command::Run(_) | Command::Detach | Command::Watch(_) => Err(anyhow::anyhow!(
            "this program was built without live capture (feature `live`)"
        )),
        Command::Replay(args) => command::replay::run(args),
        Command::Simulate(args) if args.rows.is_some() => command::simulate_records::run(args),
        Command::Simulate(args) => {
            Simulate::of(args).and_then(|simulate| command::simulate::run(&simulate))
        }
        Command::Rewrite(args) => command::rewrite::run(args),
        Command::Train(args) => command::train::run(args),
        Command::Evaluate(args) => command::evaluate::run(args),
        Command::Judge(args) => command::judge::run(args),
        Command::Describe(args) => command::describe::run(args),
        Command::Model(model) => command::model::run(model),
    };
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            stderr::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    };
    stderr::finish(LAST_LINES);
    code
}

fn start_log() {
    let mut log = env_logger::Builder::from_env(Env::default().default_filter_or("info"));
    log.format_target(false);
    // The logger does not know that its target is standard error. RUST_LOG_STYLE decides where it is set.
    if std::env::var_os("RUST_LOG_STYLE").is_none() {
        let has_colours = std::io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb");
        log.write_style(if has_colours {
            WriteStyle::Always
        } else {
            WriteStyle::Never
        });
    }
    log.target(Target::Pipe(stderr::writer())).init();
}
