//! `cargo xtask quality --matrix`: each simulated attack after each other one, on the same hosts.
//!
//! What one attack leaves in the sensor's memory must not misname the next. One file a part: the traffic, what was told
//! of it, the table.

mod cells;
mod outcome;
mod table;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::anyhow;

use self::cells::Cell;
use self::outcome::Outcome;
use self::traffic::{Play, Traffic};
use crate::judging::Judge;

/// Told of at most so often.
const PROGRESS: usize = 10;

/// Plays all cells, or a drawn sample of them; failure when one misses its goal.
pub(crate) fn matrix(sample: Option<usize>, seed: u64) -> anyhow::Result<ExitCode> {
    let judge = Judge::built_in()?;
    let cells = match sample {
        Some(number) => cells::drawn(number, seed),
        None => cells::all(),
    };
    let traffic = Traffic::make(&cells, seed)?;
    // Each second attack alone comes first: what it is compared with.
    let alone: BTreeSet<Cell> = cells.iter().map(|cell| cell.alone()).collect();
    let plays: Vec<Cell> = alone.into_iter().chain(cells.iter().copied()).collect();
    eprintln!(
        "matrix: {} cells, and {} attacks alone",
        cells.len(),
        plays.len() - cells.len()
    );
    let outcomes = play_all(&plays, &traffic, &judge)?;
    show(&table::of(&cells, &outcomes, judge.tick()));
    let summary = table::Summary::of(&cells, &outcomes, judge.tick());
    show(&summary.to_string());
    Ok(if summary.is_met() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(clippy::print_stdout, reason = "the result")]
fn show(text: &str) {
    println!("{text}");
}

/// Plays them on all processors.
fn play_all(
    plays: &[Cell],
    traffic: &Traffic,
    judge: &Judge,
) -> anyhow::Result<BTreeMap<Cell, Outcome>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(&cell) = plays.get(number) else {
                return anyhow::Ok(outcomes);
            };
            let play = Play::of(cell, traffic);
            outcomes.push((cell, Outcome::of(&play, &judge.replay(play.packets())?)));
            let tenth = (plays.len() / PROGRESS).max(1);
            if (number + 1).is_multiple_of(tenth) {
                eprintln!("matrix: {} of {}", number + 1, plays.len());
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut outcomes = BTreeMap::new();
        for worker in workers {
            let of_worker = worker.join().map_err(|_| anyhow!("a worker panicked"))??;
            outcomes.extend(of_worker);
        }
        Ok(outcomes)
    })
}
