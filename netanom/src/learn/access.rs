//! Rows of access logs to learn from and to be scored on: from files of which it is known what they are, and of clients
//! whose lines are known one by one.

mod mixture;
mod score;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::dataset::DataSet;
use crate::alert::Class;
use crate::feature::access::{self, AccessRows, Request, RowKey};
use crate::flow::Timestamp;
use crate::source::SourceError;
use crate::source::access_log::{self, AccessLog};

pub use mixture::{Mixed, mixed};
pub use score::{Score, score};

/// A log of which it is known what its clients do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// Its file.
    pub path: PathBuf,
    /// What all clients in it do.
    pub class: Class,
}

/// Rows with what they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// A row each: the values, the class, the number of its origin.
    pub rows: Vec<(Vec<f32>, Class, u32)>,
    /// The origins.
    pub origins: Vec<String>,
}

/// The requests of a log, and what could not be read of it.
///
/// # Errors
/// When the file is no access log or breaks off.
pub fn read(path: &Path) -> Result<(Vec<Request<'static>>, AccessLog), SourceError> {
    let mut lines = access_log::open(path)?;
    let (mut log, mut requests) = (AccessLog::default(), Vec::new());
    while lines
        .next(&mut |line| {
            if let Some(request) = log.read(line) {
                requests.push(request.into_owned());
            }
        })
        .map_err(|source| SourceError::Read {
            file: path.display().to_string(),
            source,
        })?
    {}
    Ok((requests, log))
}

/// The rows that these requests make, by client and minute; as they are when all lines were read.
#[must_use]
pub fn rows_of<'a>(
    requests: impl IntoIterator<Item = &'a Request<'static>>,
) -> BTreeMap<RowKey, Vec<f32>> {
    let mut rows = AccessRows::default();
    let mut made = BTreeMap::new();
    let mut take = |rows: &mut AccessRows| {
        let (features, keys) = rows.take(Timestamp::default());
        let values = features.rows.outer_iter().map(|row| row.to_vec());
        made.extend(keys.into_iter().zip(values));
    };
    for request in requests {
        rows.add(0, request);
        if rows.changed() >= access::MAX_ROWS / 4 {
            take(&mut rows);
        }
    }
    take(&mut rows);
    made
}

impl Rows {
    /// Adds the rows of a log.
    ///
    /// # Errors
    /// As [`read`].
    pub fn add_log(&mut self, log: &KnownLog) -> Result<AccessLog, SourceError> {
        let (requests, account) = read(&log.path)?;
        let origin = self.origin(&log.path.display().to_string());
        let rows = rows_of(&requests).into_values();
        self.rows.extend(rows.map(|row| (row, log.class, origin)));
        Ok(account)
    }

    /// Adds the rows that a client's lines make; a minute is an attack's when a line of it is.
    pub fn add_client(&mut self, origin: u32, lines: &[(Request<'static>, Class)]) {
        let bad: BTreeMap<u64, Class> = lines
            .iter()
            .filter(|(_, class)| *class != Class::Normal)
            .map(|(request, class)| (minute(request.at), *class))
            .collect();
        for (key, row) in rows_of(lines.iter().map(|(request, _)| request)) {
            let class = bad.get(&key.minute).copied().unwrap_or(Class::Normal);
            self.rows.push((row, class, origin));
        }
    }

    /// The number of another origin of rows.
    pub fn origin(&mut self, name: &str) -> u32 {
        self.origins.push(name.to_owned());
        self.origins.len() as u32 - 1
    }

    /// What a trainer takes: classes and origins balanced.
    #[must_use]
    pub fn data_set(&self) -> DataSet {
        let present = |class: &Class| self.rows.iter().any(|(_, of_row, _)| of_row == class);
        let classes: Vec<Class> = Class::ALL.into_iter().filter(present).collect();
        let place = |class: Class| classes.iter().position(|known| *known == class);
        let width = access::ACCESS_FEATURES.len();
        let values: Vec<f32> = self
            .rows
            .iter()
            .flat_map(|(row, _, _)| row.clone())
            .collect();
        let shape = (self.rows.len(), width);
        let mut data = DataSet {
            rows: Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape)),
            labels: self
                .rows
                .iter()
                .map(|(_, class, _)| place(*class).unwrap_or_default() as u8)
                .collect(),
            classes: classes.iter().map(ToString::to_string).collect(),
            weights: vec![1.0; self.rows.len()],
            groups: self.rows.iter().map(|(_, _, origin)| *origin).collect(),
            group_names: self.origins.clone(),
            made: BTreeMap::new(),
            features: access::names().into_iter().map(str::to_owned).collect(),
        };
        data.balance();
        data
    }
}

fn minute(at: Timestamp) -> u64 {
    at.as_nanos() / 60_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::access_log::parse;

    #[test]
    fn a_minute_with_one_line_of_an_attack_is_an_attacks() {
        let line = |minute, path| {
            let text = format!(
                "192.0.2.1 - - [17/May/2015:10:{minute:02}:03 +0000] \"GET {path} HTTP/1.1\" 200 5"
            );
            parse(text.as_bytes()).unwrap().into_owned()
        };
        let mut rows = Rows::default();
        let origin = rows.origin("a client");
        rows.add_client(
            origin,
            &[
                (line(1, "/"), Class::Normal),
                (line(2, "/"), Class::Normal),
                (line(2, "/x"), Class::WebScan),
            ],
        );
        let data = rows.data_set();
        assert_eq!(data.classes, ["normal", "web_scan"]);
        assert_eq!(data.labels, [0, 1]);
        assert!(data.rows.iter().all(|value| value.is_finite()));
    }
}
