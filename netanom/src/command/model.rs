//! `netanom model`: what a model file says of itself, and the model for other tools.

mod bar;
mod explain;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use crate::cli::{FormatArg, ModelCommand, ModelExportArgs, ModelShowArgs};
use crate::model::{Calibration, Model};

use super::answer;

/// Shows, writes or explains a model.
///
/// # Errors
/// When the file is no model that this program reads, or the other one cannot be written.
pub fn run(command: &ModelCommand) -> anyhow::Result<()> {
    match command {
        ModelCommand::Show(args) => show(args),
        ModelCommand::Export(args) => export(args),
        ModelCommand::Explain(args) => explain::run(args),
        ModelCommand::Bar(args) => bar::run(args),
    }
}

/// The features are not compared with this program's: neither a look at a model nor what other tools do with it depends
/// on them.
fn load(path: Option<&Path>) -> anyhow::Result<Model> {
    Ok(match path {
        Some(path) => Model::load(path)?,
        None => Model::built_in()?,
    })
}

fn export(args: &ModelExportArgs) -> anyhow::Result<()> {
    let model = load(args.file.as_deref())?;
    std::fs::write(&args.onnx, model.write_onnx()?)
        .with_context(|| format!("cannot write the model to `{}`", args.onnx.display()))?;
    if model.calibration.is_some() {
        log::info!(
            "`{}`: other tools give the shares of the forest; netanom also reads the calibration, from the metadata",
            args.onnx.display()
        );
    }
    Ok(())
}

fn show(args: &ModelShowArgs) -> anyhow::Result<()> {
    let model = load(args.file.as_deref())?;
    let text = match args.format {
        FormatArg::Text => text(&model),
        FormatArg::Json => {
            serde_json::to_string_pretty(&json!({
                "name": model.name,
                "version": model.version,
                "trained_at": model.trained_at,
                "kind": model.scorer.kind(),
                "trainer": model.trainer,
                "settings": model.settings,
                "calibration": model.calibration.as_ref().map(Calibration::method),
                "classes": model.classes,
                "features": model.features,
                "words": model.words,
                "grouping": model.grouping,
                "evidence": model.evidence,
                "conversations": model.conversations.as_ref().map(|model| json!({
                    "classes": model.classes,
                    "features": model.features,
                    "settings": model.settings,
                    "typical": model.typical,
                    "data_digest": model.data_digest,
                })),
                "typical": model.typical,
                "data_digest": model.data_digest,
                "scores": model.scores,
                "card": model.card,
            }))? + "\n"
        }
    };
    answer(&text)
}

fn text(model: &Model) -> String {
    // Writing to a String cannot fail.
    let mut text = String::new();
    let _ = writeln!(text, "name        {}", model.name);
    let _ = writeln!(text, "version     {}", model.version);
    let _ = writeln!(text, "trained at  {}", model.trained_at);
    let _ = writeln!(text, "kind        {}", model.scorer.kind());
    let _ = writeln!(text, "trainer     {} {}", model.trainer, model.settings);
    let calibration = model.calibration.as_ref();
    let calibration = calibration.map_or("none", Calibration::method);
    let _ = writeln!(text, "calibrated  {calibration}");
    let _ = writeln!(text, "classes     {}", model.classes.join(", "));
    let _ = writeln!(text, "features    {}", model.features.len());
    if let Some(conversations) = &model.conversations {
        let _ = writeln!(
            text,
            "conversations judged by a model of their own: {}; {} columns; {}",
            conversations.classes.join(", "),
            conversations.features.len(),
            conversations.settings
        );
    }
    if let Some(grouping) = &model.grouping {
        let _ = writeln!(text, "labels      {}", json!(grouping));
    }
    if let Some(evidence) = &model.evidence {
        let _ = writeln!(text, "evidence    {}", json!(evidence));
    }
    let _ = writeln!(text, "data        {}", model.data_digest);
    let card = if model.card.is_empty() {
        "This model has no card."
    } else {
        &model.card
    };
    let _ = writeln!(text, "\n{card}");
    text
}
