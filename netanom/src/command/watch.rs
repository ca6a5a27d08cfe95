//! `netanom watch`: access logs that grow.

use crate::cli::WatchArgs;
use crate::config::Config;
use crate::daemon;

use super::load_access_model;

/// Watches the files until a signal asks to stop.
///
/// # Errors
/// With the cause and the remedy, when the watch cannot start or go on.
pub fn run(args: &WatchArgs) -> anyhow::Result<()> {
    let mut config = args
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::read)?;
    if let Some(listen) = &args.listen {
        config.listen.clone_from(listen);
    }
    if let Some(folder) = &args.state_dir {
        config.state_dir = folder.display().to_string();
        config.keep_state = true;
    }
    config.keep_state &= !args.no_state;
    let model = load_access_model(args.model.as_deref())?;
    daemon::watch(&config, &args.files, model)
}
