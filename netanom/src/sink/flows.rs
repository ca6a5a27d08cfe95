//! Finished flows as a table: what a flow was, every feature, the verdict. CSV, or JSON lines by the file's name.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value};

use super::SinkError;
use crate::feature::{self, JudgedFlow};
use crate::flow::protocol_name;

/// Columns before the features. A feature that is one of them is not repeated.
const FLOW_COLUMNS: [&str; 14] = [
    "start",
    "end",
    "protocol",
    "initiator_ip",
    "initiator_port",
    "responder_ip",
    "responder_port",
    "vlan",
    "packets_fwd",
    "packets_bwd",
    "bytes_fwd",
    "bytes_bwd",
    "errors_fwd",
    "errors_bwd",
];

/// Writes flows to a file: CSV with a header, or an object a line when its name ends in `.jsonl`.
pub struct FlowWriter {
    name: String,
    header: Vec<String>,
    output: Output,
}

enum Output {
    Csv(Box<csv::Writer<File>>),
    JsonLines(BufWriter<File>),
}

impl FlowWriter {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, SinkError> {
        Self::with_header(path, header().map(str::to_owned).collect())
    }

    /// The same for rows of other columns.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn with_header(path: &Path, header: Vec<String>) -> Result<Self, SinkError> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|source| write_error(&name, source))?;
        let output = if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            Output::JsonLines(BufWriter::new(file))
        } else {
            let mut writer = csv::Writer::from_writer(file);
            writer
                .write_record(&header)
                .map_err(|error| write_error(&name, error.into()))?;
            Output::Csv(Box::new(writer))
        };
        Ok(Self {
            name,
            header,
            output,
        })
    }

    /// Writes a flow.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, judged: &JudgedFlow) -> Result<(), SinkError> {
        self.write_row(row(judged))
    }

    /// Writes a row with a value for each column.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_row(&mut self, row: Vec<Value>) -> Result<(), SinkError> {
        let written = match &mut self.output {
            Output::Csv(writer) => writer
                .write_record(row.into_iter().map(as_field))
                .map_err(io::Error::from),
            Output::JsonLines(writer) => {
                let names = self.header.iter().cloned();
                let object: Map<String, Value> = names.zip(row).collect();
                writeln!(writer, "{}", Value::Object(object))
            }
        };
        written.map_err(|source| write_error(&self.name, source))
    }

    /// Writes what is still buffered.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(), SinkError> {
        let flushed = match &mut self.output {
            Output::Csv(writer) => writer.flush(),
            Output::JsonLines(writer) => writer.flush(),
        };
        flushed.map_err(|source| write_error(&self.name, source))
    }
}

fn write_error(target: &str, source: io::Error) -> SinkError {
    SinkError::Write {
        target: target.to_owned(),
        source,
    }
}

fn header() -> impl Iterator<Item = &'static str> {
    let features = feature::names()
        .into_iter()
        .filter(|name| !FLOW_COLUMNS.contains(name));
    FLOW_COLUMNS
        .into_iter()
        .chain(features)
        .chain(["verdict", "score"])
}

/// The values in the order of [`header`].
fn row(judged: &JudgedFlow) -> Vec<Value> {
    let flow = &judged.flow;
    let (initiator, responder) = (flow.initiator(), flow.responder());
    let (fwd, bwd) = (flow.fwd().total, flow.bwd().total);
    let mut row: Vec<Value> = vec![
        flow.first_seen().to_string().into(),
        flow.last_seen().to_string().into(),
        protocol_name(flow.protocol()).into(),
        initiator.ip.to_string().into(),
        initiator.port.into(),
        responder.ip.to_string().into(),
        responder.port.into(),
        vlan(flow.key.vlans()).into(),
        fwd.packets.into(),
        bwd.packets.into(),
        fwd.bytes.into(),
        bwd.bytes.into(),
        flow.errors_fwd().packets.into(),
        flow.errors_bwd().packets.into(),
    ];
    // A flow that ended in the window in which it began, as when the table is full, was not judged: its cells are empty.
    let values = judged.features.iter().map(|value| shortest(*value));
    let named = feature::names()
        .into_iter()
        .zip(values.chain(std::iter::repeat(Value::Null)));
    row.extend(
        named
            .filter(|(name, _)| !FLOW_COLUMNS.contains(name))
            .map(|(_, value)| value),
    );
    row.push(judged.verdict.map(|verdict| verdict.class.name()).into());
    row.push(judged.verdict.map(|verdict| shortest(verdict.score)).into());
    row
}

/// `5`, or `5.7` for an inner tag within an outer one; 0 without a tag.
fn vlan((outer, inner): (u16, u16)) -> String {
    if inner == 0 {
        outer.to_string()
    } else {
        format!("{outer}.{inner}")
    }
}

/// The shortest decimal number that reads back as the same `f32`.
#[must_use]
pub fn shortest(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, Value::from)
}

fn as_field(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
