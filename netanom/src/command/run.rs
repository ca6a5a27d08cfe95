//! `netanom run`: the sensor.

use crate::cli::RunArgs;
use crate::config::Config;
use crate::daemon;

use super::{answer, load_model};

/// Runs the sensor, or prints a configuration to start from.
///
/// # Errors
/// With the cause and the remedy, when the sensor cannot start or go on.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    if args.print_config {
        return answer(&Config::example());
    }
    let config = merged(args)?;
    let model = load_model(config.model().as_deref())?;
    daemon::run(&config, model)
}

/// The file's values, with the flags over them.
fn merged(args: &RunArgs) -> anyhow::Result<Config> {
    let mut config = args
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::read)?;
    if !args.interfaces.is_empty() {
        config.interfaces.clone_from(&args.interfaces);
    }
    if let Some(listen) = args.listen {
        config.listen = listen.to_string();
    }
    if let Some(model) = &args.model {
        config.model = model.display().to_string();
    }
    if let Some(mode) = args.xdp_mode {
        mode.name().clone_into(&mut config.xdp_mode);
    }
    if let Some(direction) = args.direction {
        direction.name().clone_into(&mut config.direction);
    }
    if let Some(tunnels) = args.tunnels {
        tunnels.name().clone_into(&mut config.tunnels);
    }
    if let Some(folder) = &args.state_dir {
        config.state_dir = folder.display().to_string();
        config.keep_state = true;
    }
    config.keep_state &= !args.no_state;
    config.bpf_stats |= args.bpf_stats;
    Ok(config)
}
