//! `netanom judge`: verdicts on the rows of tables without labels, of any size, in memory that does not grow.
//!
//! One thread reads and makes numbers of cells, the main one judges and writes; between them are a few chunks.

mod output;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, bail};
use indicatif::ProgressBar;

use self::output::Output;
use super::simulate::stop_on_signals;
use super::{check_outputs, progress};
use crate::cli::JudgeArgs;
use crate::learn::table::{Chunk, Dirt, Rows, RowsOptions, TableError, shares};
use crate::model::Model;
use crate::source::capture;

/// Rows that are judged at once: enough to keep every core busy, few enough to be written at once.
const ROWS: usize = 4096;

/// Chunks that wait between reading and judging.
const WAITING: usize = 3;

/// Judges every row of every table.
///
/// # Errors
/// When the model or a table cannot be used, no row of any could be judged, or the verdicts cannot be written.
pub fn run(args: &JudgeArgs) -> anyhow::Result<()> {
    check_outputs([args.output.as_ref()])?;
    check_apart(args)?;
    let model = Model::load(&args.model)?;
    let options = RowsOptions {
        has_no_header: args.no_header,
        has_decimal_comma: args.decimal_comma,
        copied: args.columns.clone(),
    };
    let stop = stop_on_signals().context("cannot take signals")?;
    let sizes = args.files.iter().map(|file| size(file));
    let total: Option<u64> = sizes.sum();
    let bar = progress::bytes(total, "judging");
    let mut output = Output::create(args, &model)?;
    let mut before = 0;
    for file in &args.files {
        let read = Arc::new(AtomicU64::new(0));
        let work = Work {
            model: &model,
            options: &options,
            stop: &stop,
            read: &read,
            bar: &bar,
            before,
        };
        let dirt = work.judge(file, &mut output)?;
        tell(file, &dirt);
        before += size(file).unwrap_or_default();
        if output.is_closed() || stop.load(Ordering::Relaxed) {
            break;
        }
    }
    bar.finish_and_clear();
    let rows = output.finish()?;
    if stop.load(Ordering::Relaxed) {
        bail!("stopped by a signal; the verdicts on {rows} rows were written");
    }
    if rows == 0 {
        bail!("there was no row to judge");
    }
    Ok(())
}

/// The bytes of a file; nothing for standard input and pipes.
fn size(file: &Path) -> Option<u64> {
    let about = std::fs::metadata(file)
        .ok()
        .filter(std::fs::Metadata::is_file);
    about.map(|about| about.len())
}

/// A table must not be replaced by what is made of it.
fn check_apart(args: &JudgeArgs) -> anyhow::Result<()> {
    let Some(output) = &args.output else {
        return Ok(());
    };
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let is_same = |other: &PathBuf| real(other).is_some() && real(other) == real(output);
    if args.files.iter().chain([&args.model]).any(is_same) {
        bail!(
            "`{}` is read from; give another file for --output",
            output.display()
        );
    }
    Ok(())
}

struct Work<'a> {
    model: &'a Model,
    options: &'a RowsOptions,
    stop: &'a AtomicBool,
    read: &'a Arc<AtomicU64>,
    bar: &'a ProgressBar,
    /// Bytes of the files before this one.
    before: u64,
}

impl Work<'_> {
    fn judge(&self, file: &Path, output: &mut Output<'_>) -> anyhow::Result<Dirt> {
        if file.is_dir() {
            return Err(TableError::Folder(file.to_owned()).into());
        }
        let input = capture::open_counted(file, self.read)?;
        let mut rows = Rows::of(input, file, self.model, self.options).with_context(|| {
            format!(
                "the model `{}` needs the columns that it was trained on",
                self.model.name
            )
        })?;
        output.begin(file, &rows.copied())?;
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(WAITING);
            let reader =
                scope.spawn(move || self.read(&mut rows, &sender).map(|()| rows.dirt().clone()));
            for chunk in receiver {
                let judged = shares(&self.model.scorer, chunk.rows.view());
                output.write(&chunk, &self.model.calibrated(judged))?;
                self.bar
                    .set_position(self.before + self.read.load(Ordering::Relaxed));
                if output.is_closed() {
                    break;
                }
            }
            match reader.join() {
                Ok(dirt) => Ok(dirt?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Reads until the end, a signal, or nobody takes what was read.
    fn read(&self, rows: &mut Rows<'_>, to: &SyncSender<Chunk>) -> Result<(), TableError> {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(chunk) = rows.next_chunk(ROWS)? else {
                break;
            };
            if to.send(chunk).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// What was passed over, so that nobody takes silence for a clean table.
fn tell(file: &Path, dirt: &Dirt) {
    let file = file.display();
    if let Some((rows, line)) = dirt.ragged {
        log::warn!(
            "`{file}`: {rows} rows have more or fewer fields than there are columns, the first in line {line}, and were \
             not judged"
        );
    }
    if dirt.repeated_headers > 0 {
        log::warn!(
            "`{file}`: {} rows repeat the header and were not judged",
            dirt.repeated_headers
        );
    }
    for (column, cells) in &dirt.strange {
        log::warn!(
            "`{file}`: column `{column}`: {cells} cells have what training did not have, and count as nothing"
        );
    }
    if !dirt.absent.is_empty() {
        log::warn!(
            "`{file}`: no object at its beginning has `{}`, which counts as nothing",
            dirt.absent.join("`, `")
        );
    }
}
