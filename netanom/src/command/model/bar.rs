//! `netanom model bar`: what a bar of evidence is worth on labelled captures, and one put into the model file.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::bail;

use crate::cli::{FormatArg, ModelBarArgs};
use crate::command::captures::{find_all, read_labels};
use crate::command::{answer, check_outputs, load_model, progress};
use crate::config::Config;
use crate::learn::bars::{self, BarResult};
use crate::model::Model;

/// Measures, prints, and writes the model when asked to.
///
/// # Errors
/// When captures, labels or model cannot be read, no bar is good enough, or the model cannot be written.
pub(super) fn run(args: &ModelBarArgs) -> anyhow::Result<()> {
    check_outputs([args.output.as_ref()])?;
    let model = load_model(args.file.as_deref())?;
    let labels = read_labels(&args.captures, &args.labels)?;
    let captures = find_all(&args.captures, &labels)?;
    let config = Config::default();
    let settings = config.pipeline_for(&model.evidence.clone().unwrap_or_default())?;
    let bar = progress::bar(captures.len(), "judging captures");
    let results = bars::measure(
        &captures,
        &model,
        settings,
        config.tick()?,
        &args.bars,
        &|| bar.inc(1),
    )?;
    bar.finish_and_clear();
    answer(&match args.format {
        FormatArg::Text => text(&results),
        FormatArg::Json => serde_json::to_string_pretty(&results)? + "\n",
    })?;
    let (Some(most), Some(output)) = (args.false_alarms, &args.output) else {
        return Ok(());
    };
    let Some(chosen) = bars::lowest(&results, most) else {
        bail!(
            "no bar of these raises at most {most} false alarms an hour: try higher ones with --bars, or allow more"
        );
    };
    let mut evidence = model.evidence.clone().unwrap_or_default();
    evidence.bar = Some(chosen.bar);
    evidence.half_life = Some(settings.incidents.evidence.half_life.as_secs_f64());
    evidence.false_alarms_per_hour = chosen.false_alarms_per_hour;
    let model = Model {
        evidence: Some(evidence),
        ..Arc::unwrap_or_clone(model)
    };
    model.save(output)?;
    log::info!("`{}`: a bar of {}", output.display(), chosen.bar);
    Ok(())
}

fn text(results: &[BarResult]) -> String {
    let mut text =
        "   bar  attacks  noticed  named  benign  with an alert  alarms an hour\n".to_owned();
    for result in results {
        let rate = result
            .false_alarms_per_hour
            .map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"));
        let _ = writeln!(
            text,
            "{:>6}  {:>7}  {:>7}  {:>5}  {:>6}  {:>13}  {rate:>14}",
            result.bar, result.attacks, result.noticed, result.named, result.benign, result.alarmed,
        );
    }
    text
}
