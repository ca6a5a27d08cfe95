//! `netanom train`: a model from labelled captures, through the very pipeline that runs live, or from a table.

use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};
use serde_json::json;

use crate::cli::{ForestArgs, TrainArgs, TrainerArg};
use crate::flow::Timestamp;
use crate::learn::anomaly::Kind;
use crate::learn::calibration::{self, Measured, Method};
use crate::learn::dataset::DataSet;
use crate::learn::gather::{self, Content};
use crate::learn::held_out::{self, HeldOut, Plan};
use crate::learn::histogram::HistogramTrainer;
use crate::learn::smartcore::SmartcoreTrainer;
use crate::learn::table::{Encoding, Learner};
use crate::learn::talks;
use crate::learn::trainer::{ForestSettings, Trainer};
use crate::learn::tune::{self, Tried};
use crate::model::{Calibration, Grouping, Model};

use super::captures::{check_apart, gather_all, gather_made, read_labels};
use super::{answer, check_outputs, progress, table};

/// Trains a model and writes it.
///
/// # Errors
/// When the captures or labels cannot be read, when they hold fewer than two classes, or the model cannot be written.
pub fn run(args: &TrainArgs) -> anyhow::Result<()> {
    if !args.access_logs.is_empty() || args.simulated_clients > 0 {
        return super::access::train(args);
    }
    // What can be wrong is told before the work of minutes, not after it.
    let trained_at = trained_at(args.trained_at.as_deref())?;
    let card = args.card.as_deref().map(read_card).transpose()?;
    check_outputs([Some(&args.output), args.contents.as_ref()])?;
    if args.output.exists() && !args.output.is_file() {
        bail!(
            "`{}` is no file, and a model does not replace it; give another --output",
            args.output.display()
        );
    }
    let trainer = trainer(args.trainer);
    let (kind, normal) = args.kind.settings(args.forest.seed)?;
    let start = args.forest.settings();
    let learner = |forest| Learner {
        kind,
        trainer: &*trainer,
        forest,
        normal: &normal,
    };
    let Material {
        data,
        encoding,
        grouping,
        settings,
        held,
        conversations,
    } = match &args.table.table {
        Some(path) => {
            let (data, encoding, grouping) = table::data_set(path, &args.table, &learner(&start))?;
            let held = HeldOut::new(&data.classes);
            Material {
                data,
                encoding,
                grouping,
                settings: start.clone(),
                held,
                conversations: None,
            }
        }
        None => of_captures(args, trainer.as_ref())?,
    };
    let measured = calibration::measure(&held);
    let method = args.forest.calibration.method();
    let calibration = calibration::fit(method, &held);
    if args.table.table.is_none() {
        tell(&measured, method, calibration.as_ref());
    }
    let learner = learner(&settings);
    let bar = progress::bar(learner.steps(), "learning");
    let scorer = learner.learn(&data, &encoding, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let (trainer, origin) = learner.origin()?;
    let model = Model {
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        trained_at,
        words: encoding.words,
        grouping,
        calibration,
        conversations: conversations.map(Box::new),
        trainer,
        settings: origin,
        data_digest: data.digest(),
        scores: json!({ "calibration": measured }),
        card: card.unwrap_or_default(),
        ..Model::new(
            scorer,
            data.classes.clone(),
            data.features.clone(),
            data.typical(),
        )
    };
    model.save(&args.output)?;
    log::info!(
        "`{}`: {} over {} rows of {}, {} KiB",
        args.output.display(),
        match kind {
            Kind::Forest => format!("{} trees", settings.trees),
            kind => kind.name().to_owned(),
        },
        data.labels.len(),
        match &args.table.table {
            Some(path) => format!("`{}`", path.display()),
            None => format!("{} captures", data.group_names.len()),
        },
        std::fs::metadata(&args.output)?.len() / 1024
    );
    if args.table.table.is_some() {
        table::tell_use(&model);
    }
    Ok(())
}

/// What a model is made of.
struct Material {
    data: DataSet,
    encoding: Encoding,
    grouping: Option<Grouping>,
    settings: ForestSettings,
    /// What forests of these settings say of what they have not seen; nothing of tables, whose rows are of no capture.
    held: HeldOut,
    /// The model of conversations, where there are some of two kinds.
    conversations: Option<Model>,
}

fn of_captures(args: &TrainArgs, trainer: &dyn Trainer) -> anyhow::Result<Material> {
    let labels = read_labels(&args.captures, &args.labels)?;
    let also_labels = read_labels(&args.also_captures, &args.also_labels)?;
    let captures = gather_all(&args.captures, &labels)?;
    let always = gather_made(&args.also_captures, &also_labels)?;
    check_apart(&captures, &always)?;
    if let Some(path) = &args.contents {
        let contents = [&captures, &always].map(|part| gather::contents(part));
        write_contents(path, &contents.concat())?;
    }
    let (dealt, always): (Vec<_>, Vec<_>) = (captures.iter().collect(), always.iter().collect());
    let all: Vec<_> = dealt.iter().chain(&always).copied().collect();
    let data = gather::data_set(&all, &|_, _| true)?;
    let plan = Plan {
        captures: &dealt,
        always: &always,
        keeps: &|_, _| true,
        folds: args.forest.calibrate.into(),
    };
    let settings = match args.tune {
        true => tuned(plan, &data, trainer, &args.forest)?,
        false => args.forest.settings(),
    };
    let bar = progress::bar(0, "judging what is left out");
    let held = held_out::judge(plan, &data.classes, trainer, &settings, &|done, count| {
        bar.set_length(count as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    let conversations = talks::model(&all, &|_, _| true, &settings)?;
    Ok(Material {
        encoding: Encoding::of_numbers(&data.features),
        conversations,
        data,
        grouping: None,
        settings,
        held,
    })
}

/// What was asked for.
pub(super) fn trainer(arg: TrainerArg) -> Box<dyn Trainer> {
    match arg {
        TrainerArg::Histogram => Box::new(HistogramTrainer),
        TrainerArg::Smartcore => Box::new(SmartcoreTrainer),
    }
}

/// The best of the settings around those given, and a table of all on standard output.
fn tuned(
    plan: Plan<'_>,
    data: &DataSet,
    trainer: &dyn Trainer,
    start: &ForestArgs,
) -> anyhow::Result<ForestSettings> {
    let bar = progress::bar(tune::MOST, "tuning");
    let (start, features) = (start.settings(), data.features.len());
    let (best, tried) = tune::tune(
        plan,
        &data.classes,
        features,
        trainer,
        &start,
        &|done, _| {
            bar.set_position(done as u64);
        },
    )?;
    bar.finish_and_clear();
    if tried.iter().all(|one| one.macro_f1.is_none()) {
        bail!(
            "there is nothing to tune on: that takes parts of the captures that can be left out (--calibrate 2 or \
             more), with two classes in what is left"
        );
    }
    answer(&tuning_table(&tried, features))?;
    Ok(best)
}

fn tuning_table(tried: &[Tried], features: usize) -> String {
    let mut text = "trees  depth  min-leaf  features-per-split  macro-F1   Brier\n".to_owned();
    for Tried {
        settings,
        macro_f1,
        brier,
        is_taken,
    } in tried
    {
        // As the trainers understand none.
        let root = features.isqrt();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:5}  {:5}  {:8}  {:18}  {:8.3}  {brier:6.3}{}",
            settings.trees,
            settings.max_depth,
            settings.min_leaf,
            settings.features_per_split.unwrap_or(root),
            macro_f1.unwrap_or(0.0),
            if *is_taken { "  taken" } else { "" }
        );
    }
    text
}

/// How the ways of calibration did on captures that were left out, and which one was taken.
fn tell(measured: &[Measured], asked: Method, taken: Option<&Calibration>) {
    if measured.is_empty() {
        log::info!(
            "the probabilities are not calibrated: that takes parts of the captures that can be left out, with two \
             classes in what is left"
        );
        return;
    }
    for one in measured {
        log::info!(
            "on captures left out, calibrated by {:8}: Brier score {:.4}, calibration error {:.4}",
            one.method.name(),
            one.brier,
            one.calibration_error
        );
    }
    let method = taken.map_or("none", Calibration::method);
    log::info!("calibrated by {method}");
    let brier = |wanted: Method| {
        let one = measured.iter().find(|one| one.method == wanted);
        one.map(|one| one.brier)
    };
    if brier(asked) > brier(Method::None) {
        log::warn!(
            "calibrated by {method} the probabilities are worse than as they are: these captures are too few to \
             learn from; give --calibration none"
        );
    }
}

fn write_contents(path: &Path, contents: &[Content<'_>]) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(contents)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

pub(super) fn read_card(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the model card `{}`", path.display()))
}

/// The given time, so that a model can be rebuilt to the byte, or now.
pub(super) fn trained_at(given: Option<&str>) -> anyhow::Result<String> {
    if let Some(given) = given {
        let time: Timestamp = given
            .parse()
            .with_context(|| format!("`{given}` is no RFC 3339 time"))?;
        return Ok(time.to_string());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the model says when it was trained"
    )]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Timestamp::default().plus(now).to_string())
}
