//! Verdicts as CSV or as JSON lines: where the row stands, what it is, how sure the model is, and why.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use ndarray::{Array2, ArrayView1};
use serde_json::{Map, Value, json};

use crate::alert::Class;
use crate::cli::{JudgeArgs, RowFormatArg};
use crate::learn::table::Chunk;
use crate::model::Model;

/// Columns that are named as the reason.
const REASONS: usize = 3;

pub(super) struct Output<'a> {
    model: &'a Model,
    /// The class of normal traffic, if the model has one.
    normal: Option<usize>,
    has_reasons: bool,
    has_files: bool,
    is_json: bool,
    writer: BufWriter<Box<dyn Write>>,
    /// The table at hand.
    file: String,
    copied: Vec<String>,
    has_header: bool,
    is_closed: bool,
    rows: u64,
}

/// One column that speaks for a verdict.
struct Reason<'a> {
    column: &'a str,
    value: String,
    typical: String,
    added: f64,
}

impl<'a> Output<'a> {
    pub(super) fn create(args: &JudgeArgs, model: &'a Model) -> anyhow::Result<Self> {
        let writer: Box<dyn Write> = match &args.output {
            Some(path) => Box::new(
                File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?,
            ),
            None => Box::new(io::stdout()),
        };
        let named = args.output.as_deref().and_then(Path::extension);
        let is_json = match args.format {
            Some(format) => format == RowFormatArg::Jsonl,
            None => named.is_some_and(|ending| ending == "jsonl"),
        };
        let mut classes = model.classes.iter();
        Ok(Self {
            model,
            normal: classes.position(|class| class == Class::Normal.name()),
            has_reasons: args.explain,
            has_files: args.files.len() > 1,
            is_json,
            writer: BufWriter::new(writer),
            file: String::new(),
            copied: Vec::new(),
            has_header: false,
            is_closed: false,
            rows: 0,
        })
    }

    /// Whether nobody reads any more, as after `head`.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What comes is of this table, with the text of these columns.
    pub(super) fn begin(&mut self, file: &Path, copied: &[String]) -> anyhow::Result<()> {
        self.file = file.display().to_string();
        self.copied = copied.to_vec();
        if self.is_json || self.has_header {
            return Ok(());
        }
        self.has_header = true;
        let mut names = if self.has_files { vec!["file"] } else { vec![] };
        names.push("line");
        names.extend(copied.iter().map(String::as_str));
        names.extend(["verdict", "score"]);
        names.extend(self.has_reasons.then_some("why"));
        let line = csv_line(names.into_iter());
        self.put(&line)
    }

    /// Writes the verdicts on a chunk of rows.
    pub(super) fn write(&mut self, chunk: &Chunk, judged: &Array2<f32>) -> anyhow::Result<()> {
        for (row, of_row) in judged.outer_iter().enumerate() {
            let verdict = likeliest(of_row);
            // How sure it is that the row is an attack, or of its class where no class is normal.
            let score = match self.normal {
                Some(normal) => 1.0 - of_row[normal],
                None => of_row[verdict],
            };
            let reasons = match self.has_reasons && Some(verdict) != self.normal {
                true => self.reasons(chunk.rows.row(row), verdict),
                false => Vec::new(),
            };
            let copied = chunk.copied.get(row).map_or(&[][..], Vec::as_slice);
            let class = &self.model.classes[verdict];
            let line = match self.is_json {
                true => self.json_line(chunk.lines[row], copied, class, score, &reasons),
                false => self.line(chunk.lines[row], copied, class, score, &reasons),
            };
            self.put(&line)?;
            self.rows += 1;
        }
        Ok(())
    }

    fn line(
        &self,
        line: u64,
        copied: &[String],
        verdict: &str,
        score: f32,
        reasons: &[Reason<'_>],
    ) -> String {
        let (line, score) = (line.to_string(), format!("{score:.4}"));
        let why: Vec<String> = reasons
            .iter()
            .map(|one| format!("{} {} (typical {})", one.column, one.value, one.typical))
            .collect();
        let why = why.join("; ");
        let mut fields = if self.has_files {
            vec![self.file.as_str()]
        } else {
            vec![]
        };
        fields.push(&line);
        fields.extend(copied.iter().map(String::as_str));
        fields.extend([verdict, &score]);
        fields.extend(self.has_reasons.then_some(why.as_str()));
        csv_line(fields.into_iter())
    }

    fn json_line(
        &self,
        line: u64,
        copied: &[String],
        verdict: &str,
        score: f32,
        reasons: &[Reason<'_>],
    ) -> String {
        let mut object = Map::new();
        if self.has_files {
            object.insert("file".to_owned(), json!(self.file));
        }
        object.insert("line".to_owned(), json!(line));
        if !copied.is_empty() {
            let pairs = self
                .copied
                .iter()
                .cloned()
                .zip(copied.iter().map(|text| json!(text)));
            object.insert("row".to_owned(), Value::Object(pairs.collect()));
        }
        object.insert("verdict".to_owned(), json!(verdict));
        object.insert(
            "score".to_owned(),
            json!((f64::from(score) * 1e4).round() / 1e4),
        );
        if self.has_reasons {
            let why = reasons.iter().map(|one| {
                json!({
                    "column": one.column, "value": one.value, "typical": one.typical,
                    "added": (one.added * 1e4).round() / 1e4,
                })
            });
            object.insert("why".to_owned(), why.collect());
        }
        Value::Object(object).to_string() + "\n"
    }

    /// The columns that speak most for the verdict.
    fn reasons(&self, row: ArrayView1<'_, f32>, verdict: usize) -> Vec<Reason<'a>> {
        let values = row.to_vec();
        let added = self.model.scorer.contributions(&values, verdict).features;
        let mut columns: Vec<usize> = (0..added.len())
            .filter(|column| added[*column] > 0.0)
            .collect();
        columns.sort_by(|a, b| added[*b].total_cmp(&added[*a]));
        columns.truncate(REASONS);
        let reason = |column: usize| Reason {
            column: &self.model.features[column],
            value: self.shown(column, f64::from(values[column])),
            typical: self.shown(column, self.model.typical[column]),
            added: added[column],
        };
        columns.into_iter().map(reason).collect()
    }

    /// A value as the table has it.
    fn shown(&self, column: usize, value: f64) -> String {
        let words = self.model.words.get(&self.model.features[column]);
        match words {
            _ if value.is_nan() || value == f64::from(f32::MIN) => if words.is_some() {
                "nothing known"
            } else {
                "nothing"
            }
            .to_owned(),
            Some(words) => words.get(value as usize).cloned().unwrap_or_default(),
            None => (value as f32).to_string(),
        }
    }

    fn put(&mut self, line: &str) -> anyhow::Result<()> {
        let written = self.writer.write_all(line.as_bytes());
        self.take(written)
    }

    fn take(&mut self, written: io::Result<()>) -> anyhow::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            written => written.context("cannot write the verdicts"),
        }
    }

    /// Writes what is left and says how many rows were judged.
    pub(super) fn finish(mut self) -> anyhow::Result<u64> {
        let flushed = self.writer.flush();
        self.take(flushed)?;
        Ok(self.rows)
    }
}

fn likeliest(of_row: ArrayView1<'_, f32>) -> usize {
    let mut best = 0;
    for (class, share) in of_row.iter().enumerate() {
        if *share > of_row[best] {
            best = class;
        }
    }
    best
}

/// A line of CSV (RFC 4180).
fn csv_line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let quoted = fields.map(|field| match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
