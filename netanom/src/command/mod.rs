//! One file a subcommand: each takes what was typed, does the work and prints the result.

mod access;
mod captures;
pub mod describe;
#[cfg(feature = "live")]
pub mod detach;
pub mod evaluate;
pub mod judge;
pub mod model;
mod progress;
pub mod replay;
pub mod rewrite;
#[cfg(feature = "live")]
pub mod run;
pub mod simulate;
pub mod simulate_records;
mod table;
pub mod train;
#[cfg(feature = "live")]
pub mod watch;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::feature;
use crate::model::Model;

/// Writes a command's result to standard output.
fn answer(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        // Whoever read it has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// The model of a file, or the one inside the program.
fn load_model(path: Option<&Path>) -> anyhow::Result<Arc<Model>> {
    let model = match path {
        Some(path) => Model::load(path)?,
        None => Model::built_in().context("the built-in model is damaged; please report this")?,
    };
    model.columns(&feature::names())?;
    model.flow_classes()?;
    if let Some(conversations) = &model.conversations {
        let columns: Vec<_> = feature::COLUMNS.iter().map(|column| column.name).collect();
        conversations.columns(&columns)?;
        conversations.flow_classes()?;
    }
    Ok(Arc::new(model))
}

/// The model of access logs: of a file, or the one inside the program.
fn load_access_model(path: Option<&Path>) -> anyhow::Result<Arc<Model>> {
    let model = match path {
        Some(path) => Model::load(path)?,
        None => Model::built_in_for_access_logs()
            .context("the built-in model of access logs is damaged; please report this")?,
    };
    model.columns(&feature::access::names())?;
    model.flow_classes()?;
    Ok(Arc::new(model))
}

/// That the folders of what will be written are there, before the work of minutes.
fn check_outputs<const N: usize>(files: [Option<&PathBuf>; N]) -> anyhow::Result<()> {
    for file in files.into_iter().flatten() {
        let folder = file.parent().filter(|folder| *folder != Path::new(""));
        if folder.is_some_and(|folder| !folder.is_dir()) {
            bail!(
                "cannot write `{}`: its folder does not exist; make it first",
                file.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_model_in_the_program_finds_all_its_features_in_it() {
        super::load_model(None).unwrap();
    }

    #[test]
    fn so_does_the_one_of_access_logs() {
        super::load_access_model(None).unwrap();
    }
}
