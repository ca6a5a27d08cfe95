//! The page of tables.

use std::fmt::Write as _;

use super::measure::Best;
use super::tools::Tool;
use super::{COMMAND, Results};

const WHERE: &str = include_str!("where.md");

/// The whole page.
pub(super) fn of(
    machine: &str,
    load: &str,
    runs: usize,
    tools: &[Tool],
    results: &Results,
) -> String {
    let mut page = format!(
        "# How fast captures are replayed\n\n\
         Written by `{COMMAND} --data DIR` on {machine}; load averages at the end {load} (1, 5 and 15 minutes; \
         of an idle machine the first is about 1).\n\n\
         Whole processes, from start to end, with the capture in the page cache. The programs take turns; of {runs} runs \
         of each (of {} where one takes over {:.0} s) the fastest counts. CPU is the least time of all threads and \
         processes. Memory is the largest resident set of one process. The last column is netanom's rate \
         (with verdicts) divided by that of the row.\n\n",
        super::FEW,
        super::LONG
    );
    page += "| program | version | what it makes | command |\n|---|---|---|---|\n";
    for tool in tools {
        let _ = writeln!(
            page,
            "| {} | {} | {} | `{}` |",
            tool.name, tool.version, tool.does, tool.shown
        );
    }
    for (capture, best) in results {
        let _ = write!(
            page,
            "\n## {}\n\n{} packets in {} flows: {}.\n\n\
             | | wall | CPU | packets a second | memory | netanom's rate |\n|---|---|---|---|---|---|\n",
            capture.name,
            thousands(capture.packets),
            thousands(capture.flows),
            capture.meaning
        );
        let own = best.first().map_or(0.0, |best| best.wall);
        for (tool, best) in tools.iter().zip(best) {
            page += &row(tool, best, capture.packets, own);
        }
    }
    page + "\n" + WHERE
}

fn row(tool: &Tool, best: &Best, packets: u64, own: f64) -> String {
    format!(
        "| {} | {:.2} s | {:.2} s | {:.2} million | {} MB | {:.2} × |\n",
        tool.name,
        best.wall,
        best.cpu,
        packets as f64 / best.wall / 1e6,
        best.memory / 1000,
        best.wall / own
    )
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn a_comma_stands_before_every_third_digit() {
        assert_eq!(
            [7, 1000, 628_243, 3_120_912].map(thousands),
            ["7", "1,000", "628,243", "3,120,912"]
        );
    }
}
