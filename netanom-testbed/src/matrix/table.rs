//! The matrix as text: a line for each pair of attacks, and what is missed in one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::cells::{Cell, GAPS};
use super::outcome::Outcome;

type Outcomes = BTreeMap<Cell, Outcome>;

/// How a cell fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    /// By its own class, within twice the delay that it has alone and a tick.
    Met,
    Late,
    /// No alert of its own class.
    Missed,
    /// It has none alone either, so there is nothing to compare with.
    NeverSeen,
}

fn grade(cell: Cell, outcomes: &Outcomes, tick: Duration) -> Grade {
    let delay = |cell| outcomes.get(&cell).and_then(|outcome| outcome.delay);
    match (delay(cell), delay(cell.alone())) {
        (_, None) => Grade::NeverSeen,
        (None, _) => Grade::Missed,
        (Some(delay), Some(alone)) if delay > 2 * alone + tick => Grade::Late,
        _ => Grade::Met,
    }
}

const KEY: &str = "\
Seconds from the first packet of the second attack to the alert with its class and its party; `alone` without a first one.
  -  no such alert          !  later than twice the delay alone and a tick
  f  with an alert whose class its protocol forbids          s  with an active alert whose score is below 0.3
";

/// The cells, a line for each pair.
pub(super) fn of(cells: &[Cell], outcomes: &Outcomes, tick: Duration) -> String {
    let mut text = format!("{KEY}\n{:<22}  {:<22}", "first", "second");
    for is_among in [false, true] {
        let beside = if is_among { "among" } else { "quiet" };
        let _ = write!(text, " |{beside:>9}");
        for gap in GAPS {
            let _ = write!(text, "{:>9}", format!("{gap} s"));
        }
    }
    text.push('\n');
    let mut lines: BTreeMap<_, BTreeSet<Cell>> = BTreeMap::new();
    for cell in cells {
        lines.entry(cell.pair()).or_default().insert(*cell);
    }
    for cells in lines.values() {
        line(&mut text, cells, outcomes, tick);
    }
    text
}

fn line(text: &mut String, cells: &BTreeSet<Cell>, outcomes: &Outcomes, tick: Duration) {
    let Some(one) = cells.first() else {
        return;
    };
    let first = one.first().map_or("", |first| first.mode.name());
    let _ = write!(text, "{first:<22}  {:<22}", one.second().mode.name());
    for is_among in [false, true] {
        let beside = |cell: &&Cell| cell.is_among == is_among;
        let alone = cells.iter().find(beside).map(|cell| cell.alone());
        let alone = alone.map_or_else(String::new, |alone| shown(alone, outcomes, tick));
        let _ = write!(text, " |{alone:>9}");
        for gap in GAPS {
            let mut here = cells.iter().filter(beside);
            let cell = here.find(|cell| cell.gap() == Duration::from_secs(gap));
            let cell = cell.map_or_else(String::new, |cell| shown(*cell, outcomes, tick));
            let _ = write!(text, "{cell:>9}");
        }
    }
    text.push('\n');
}

fn shown(cell: Cell, outcomes: &Outcomes, tick: Duration) -> String {
    let Some(outcome) = outcomes.get(&cell) else {
        return String::new();
    };
    let mut text = match outcome.delay {
        Some(delay) => format!("{:.2}", delay.as_secs_f64()),
        None => "-".to_owned(),
    };
    if grade(cell, outcomes, tick) == Grade::Late {
        text.push('!');
    }
    if !outcome.forbidden.is_empty() {
        text.push('f');
    }
    if !outcome.doubtful.is_empty() {
        text.push('s');
    }
    text
}

/// How all cells fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    cells: usize,
    met: usize,
    late: usize,
    missed: usize,
    never_seen: usize,
    /// Cells with an impossible name, and these names.
    forbidden: usize,
    names: BTreeSet<String>,
    doubtful: usize,
}

impl Summary {
    pub(super) fn of(cells: &[Cell], outcomes: &Outcomes, tick: Duration) -> Self {
        let mut summary = Self {
            cells: cells.len(),
            ..Self::default()
        };
        for cell in cells {
            *match grade(*cell, outcomes, tick) {
                Grade::Met => &mut summary.met,
                Grade::Late => &mut summary.late,
                Grade::Missed => &mut summary.missed,
                Grade::NeverSeen => &mut summary.never_seen,
            } += 1;
            let Some(outcome) = outcomes.get(cell) else {
                continue;
            };
            summary.forbidden += usize::from(!outcome.forbidden.is_empty());
            summary.doubtful += usize::from(!outcome.doubtful.is_empty());
            let names = outcome.forbidden.iter();
            summary
                .names
                .extend(names.map(|(class, protocol)| format!("{class} of {protocol}")));
        }
        summary
    }

    /// Whether everything is as it has to be.
    pub(super) fn is_met(&self) -> bool {
        self.met == self.cells && self.forbidden == 0 && self.doubtful == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cells,
            met,
            late,
            missed,
            never_seen,
            forbidden,
            names,
            doubtful,
        } = self;
        write!(
            f,
            "{met} of {cells} second attacks alerted by their own class in time, {late} later, {missed} not, \
             {never_seen} not even alone; {forbidden} cells with an impossible name"
        )?;
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            write!(f, " ({})", names.join(", "))?;
        }
        write!(f, ", {doubtful} with an active alert below 0.3")
    }
}

#[cfg(test)]
mod tests {
    use netanom::alert::Class;

    use super::*;
    use crate::matrix::cells;

    const TICK: Duration = Duration::from_millis(250);

    fn outcome(delay: Option<u64>) -> Outcome {
        Outcome {
            delay: delay.map(Duration::from_millis),
            ..Outcome::default()
        }
    }

    /// A summary and the table of the first cell, which is quiet and 5 s after.
    fn of(first: Outcome, alone: Option<u64>) -> (Summary, String) {
        let cell = cells::all()[0];
        let outcomes = Outcomes::from([(cell, first), (cell.alone(), outcome(alone))]);
        let summary = Summary::of(&[cell], &outcomes, TICK);
        (summary, super::of(&[cell], &outcomes, TICK))
    }

    #[test]
    fn twice_the_delay_alone_and_a_tick_is_in_time() {
        let (summary, table) = of(outcome(Some(1250)), Some(500));
        assert!(summary.is_met(), "{summary}");
        assert!(table.contains(" |     0.50     1.25 "), "{table}");
    }

    #[test]
    fn what_is_later_or_missing_or_never_seen_is_not_met() {
        let (late, table) = of(outcome(Some(1300)), Some(500));
        assert_eq!((late.late, late.is_met()), (1, false));
        assert!(table.contains("1.30!"), "{table}");
        let (missed, table) = of(outcome(None), Some(500));
        assert_eq!((missed.missed, missed.is_met()), (1, false));
        assert!(table.contains(" |     0.50        - "), "{table}");
        let (never, _) = of(outcome(Some(500)), None);
        assert_eq!((never.never_seen, never.is_met()), (1, false));
    }

    #[test]
    fn an_impossible_name_or_a_doubtful_alert_is_not_met() {
        let named = Outcome {
            forbidden: BTreeSet::from([(Class::UdpFlood, "tcp".to_owned())]),
            ..outcome(Some(500))
        };
        let (summary, table) = of(named, Some(500));
        assert!(!summary.is_met() && table.contains("0.50f"), "{table}");
        assert!(summary.to_string().contains("(udp_flood of tcp)"));
        let doubtful = Outcome {
            doubtful: BTreeSet::from([Class::PortScan]),
            ..outcome(Some(500))
        };
        let (summary, table) = of(doubtful, Some(500));
        assert!(!summary.is_met() && table.contains("0.50s"), "{table}");
    }
}
