//! Tables of JSON lines, an object a row, made to lines of CSV: objects in objects become columns with a full stop in their
//! names, and what a row does not name is nothing.

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde_json::{Map, Value};

use super::{Line, read_line};

pub(super) struct JsonLines<R> {
    input: R,
    /// Column by name, from the rows at the beginning: what is first named later is not read.
    places: HashMap<String, usize>,
    /// The names, until they have been given.
    header: Option<Vec<u8>>,
}

impl<R: BufRead> JsonLines<R> {
    /// Whether a table begins with an object.
    pub(super) fn is_it(head: &[u8]) -> bool {
        head.trim_ascii_start().starts_with(b"{")
    }

    pub(super) fn of(mut input: R) -> io::Result<Self> {
        let mut names: Vec<String> = Vec::new();
        let mut places = HashMap::new();
        for line in input.fill_buf()?.split(|byte| *byte == b'\n') {
            for (name, _) in fields(line).unwrap_or_default() {
                if !places.contains_key(&name) {
                    places.insert(name.clone(), names.len());
                    names.push(name);
                }
            }
        }
        let header = Some(joined(names.iter().map(String::as_str)));
        Ok(Self {
            input,
            places,
            header,
        })
    }
}

impl<R: BufRead> Line for JsonLines<R> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        if let Some(header) = self.header.take() {
            return Ok(Some(header));
        }
        if read_line(&mut self.input, &mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_ascii().is_empty() {
            return Ok(Some(b"\n".to_vec()));
        }
        // What is no object, as a line that was cut, becomes a row of too many fields, which is refused where it stands.
        let Some(fields) = fields(&line) else {
            let fields = vec![""; self.places.len() + 1];
            return Ok(Some(joined(fields.into_iter())));
        };
        let mut row = vec![String::new(); self.places.len()];
        for (name, text) in fields {
            if let Some(place) = self.places.get(&name) {
                row[*place] = text;
            }
        }
        Ok(Some(joined(row.iter().map(String::as_str))))
    }
}

fn fields(line: &[u8]) -> Option<Vec<(String, String)>> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let mut fields = Vec::new();
    flatten("", object, &mut fields);
    Some(fields)
}

fn flatten(prefix: &str, object: Map<String, Value>, fields: &mut Vec<(String, String)>) {
    for (name, value) in object {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => flatten(&format!("{name}."), inner, fields),
            Value::Null => fields.push((name, String::new())),
            Value::String(text) => fields.push((name, text)),
            other => fields.push((name, other.to_string())),
        }
    }
}

/// A line of CSV, every field in quotes, none of which goes over lines.
fn joined<'a>(fields: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let quoted: Vec<String> = fields
        .map(|field| {
            format!(
                "\"{}\"",
                field.replace('"', "\"\"").replace(['\n', '\r'], " ")
            )
        })
        .collect();
    (quoted.join(",") + "\n").into_bytes()
}
