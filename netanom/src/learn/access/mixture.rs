//! The harder question: an attacker whose requests come among those of a normal client, under the same address.

use std::collections::BTreeMap;

use crate::feature::access::{Request, RowKey};

use super::{minute, rows_of};

/// Rows of normal clients into which an attack was mixed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// Requests of the attack for each of the client's own.
    pub share: f64,
    /// The rows.
    pub rows: Vec<Vec<f32>>,
    /// Requests of the attack in them, in the mean.
    pub requests: f64,
}

/// For each row of the normal log that has enough requests for one of the attack's: the row with so many requests of the
/// attack, that come one after the other in its log, put into the client's minute.
#[must_use]
pub fn mixed(normal: &[Request<'static>], attack: &[Request<'static>], share: f64) -> Mixed {
    let mut of_row: BTreeMap<RowKey, Vec<&Request<'static>>> = BTreeMap::new();
    for request in normal {
        let key = RowKey {
            log: 0,
            client: request.client,
            minute: minute(request.at),
        };
        of_row.entry(key).or_default().push(request);
    }
    let (mut rows, mut requests, mut next) = (Vec::new(), 0, 0);
    for (key, own) in of_row {
        let count = (share * own.len() as f64).round() as usize;
        if count == 0 || attack.is_empty() {
            continue;
        }
        let mut all: Vec<Request<'static>> = own.iter().map(|request| (*request).clone()).collect();
        for place in 0..count {
            let mut one = attack[(next + place) % attack.len()].clone();
            // As if the address were shared: at the time of one of the client's own requests.
            (one.client, one.at) = (key.client, own[place % own.len()].at);
            all.push(one);
        }
        next += count;
        requests += count;
        rows.extend(rows_of(&all).into_values());
    }
    Mixed {
        share,
        requests: requests as f64 / rows.len().max(1) as f64,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::access::names;
    use crate::source::access_log::parse;

    fn requests(client: &str, count: usize) -> Vec<Request<'static>> {
        let line = |n| {
            format!("{client} - - [17/May/2015:10:05:{n:02} +0000] \"GET /{n} HTTP/1.1\" 200 5")
        };
        (0..count)
            .map(|n| parse(line(n).as_bytes()).unwrap().into_owned())
            .collect()
    }

    #[test]
    fn a_row_gets_the_share_of_the_attack_and_too_small_rows_are_left_out() {
        let normal = [requests("192.0.2.1", 20), requests("192.0.2.2", 2)].concat();
        let mixed = mixed(&normal, &requests("192.0.2.3", 9), 0.1);
        assert_eq!((mixed.rows.len(), mixed.requests), (1, 2.0));
        let column = names().iter().position(|name| *name == "requests").unwrap();
        assert_eq!(mixed.rows[0][column], 22.0);
    }
}
