//! `netanom run`: the sensor.

use std::path::Path;

use anyhow::bail;

use crate::cli::RunArgs;
use crate::config::Config;
use crate::daemon::{self, Reread};

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
    let read = || merged(args);
    let from = Reread {
        file: args.config.clone(),
        read: &read,
    };
    daemon::run(&config, model, from)
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
    if let Some(listen) = &args.listen {
        config.listen.clone_from(listen);
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
    config
        .interfaces
        .iter()
        .try_for_each(|name| check_pattern(name))?;
    Ok(config)
}

/// That a name is no pattern of a shell's that would never match. An interface may have such a name, so one that is there
/// is none.
fn check_pattern(name: &str) -> anyhow::Result<()> {
    let is_there = || Path::new("/sys/class/net").join(name).exists();
    if name.contains(['[', ']', '{', '}', '!', '^', '$', '|']) && !is_there() {
        bail!(
            "cannot watch `{name}`: no interface is named so, and in a pattern `*` stands for any characters and `?` \
             for any one, no more; give such a pattern, or -i several times"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_another_kind_is_told_with_those_that_there_are() {
        for name in ["eth[0-9]", "{eth0,eth1}", "^eth", "eth*[0-9]"] {
            let told = check_pattern(name).unwrap_err().to_string();
            assert!(told.contains("`*`") && told.contains("`?`"), "{told}");
        }
        for name in ["eth0", "eth*", "veth?", "br-lan.5", "../../.."] {
            assert!(check_pattern(name).is_ok(), "{name}");
        }
    }
}
