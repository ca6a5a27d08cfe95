//! A dashboard that asks for a metric that is not there stays empty, and says nothing: so names are compared here.

use std::collections::BTreeMap;

use super::Complaint;
use super::source::Source;

const PREFIX: &str = "netanom_";

/// What Prometheus adds to the name of a histogram.
const HISTOGRAM_ENDINGS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Every metric named in `grafana/` and `deploy/` exists, and each that exists is in `grafana/` or `docs/`.
pub(super) fn are_known_and_shown(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let known = defined(sources);
    let mut shown = Vec::new();
    for source in sources
        .iter()
        .filter(|source| is_in(source, &["grafana/", "deploy/", "docs/"]))
    {
        for (line, name) in named(source) {
            let base = HISTOGRAM_ENDINGS
                .iter()
                .find_map(|ending| name.strip_suffix(ending));
            let metric = base
                .filter(|base| known.contains_key(*base))
                .unwrap_or(&name);
            // Prose also names programs and crates.
            let is_query = is_in(source, &["grafana/", "deploy/"]) && !source.path.ends_with(".md");
            if is_query && !known.contains_key(metric) {
                complaints.push(source.complaint(
                    line,
                    format!("there is no metric `{name}`: netanom/src/metrics.rs has the names"),
                ));
            }
            if is_in(source, &["grafana/", "docs/"]) {
                shown.push(metric.to_owned());
            }
        }
    }
    for (name, (source, line)) in known {
        if !shown.contains(&name) {
            complaints.push(source.complaint(line, format!("`{name}` is on no dashboard and in no document: show it in grafana/ or say in docs/ what it is for")));
        }
    }
    complaints
}

/// The metrics that exist: whole string literals in the module `metrics`, outside of its tests.
fn defined(sources: &[Source]) -> BTreeMap<String, (&Source, usize)> {
    let mut known = BTreeMap::new();
    for source in sources
        .iter()
        .filter(|source| source.netanom_module() == Some("metrics"))
    {
        for (line, code) in source
            .code()
            .take_while(|(_, code)| code.trim_end() != "#[cfg(test)]")
        {
            for name in code
                .split('"')
                .skip(1)
                .step_by(2)
                .filter(|literal| is_metric(literal))
            {
                known.insert(name.to_owned(), (source, line));
            }
        }
    }
    known
}

/// Every word of a file that could be a metric.
fn named(source: &Source) -> Vec<(usize, String)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let lines = source.text.lines().zip(1..);
    lines
        .flat_map(|(line, number)| {
            line.split(move |c| !is_word(c))
                .map(move |word| (number, word))
        })
        .filter(|(_, word)| is_metric(word))
        .map(|(number, word)| (number, word.to_owned()))
        .collect()
}

fn is_metric(word: &str) -> bool {
    let rest = word.strip_prefix(PREFIX);
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

fn is_in(source: &Source, folders: &[&str]) -> bool {
    folders.iter().any(|folder| source.path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::complaints;

    const METRICS: (&str, &str) = (
        "netanom/src/metrics.rs",
        "counter(\"netanom_packets_total\", \"Packets.\");\nhistogram(\"netanom_score\");\n\
         #[cfg(test)]\nmod tests { \"netanom_only_in_a_test\" }",
    );
    const DASHBOARD: (&str, &str) = (
        "grafana/a.json",
        "{\"expr\": \"rate(netanom_packets_total{interface=\\\"$i\\\"}[1m])\"}\n\
         {\"expr\": \"histogram_quantile(0.9, netanom_score_bucket)\"}",
    );

    #[test]
    fn metrics_that_are_known_and_shown_are_fine() {
        assert_eq!(
            complaints(are_known_and_shown, &[METRICS, DASHBOARD]),
            [""; 0]
        );
    }

    #[test]
    fn a_query_for_an_unknown_metric_is_found() {
        let found = complaints(
            are_known_and_shown,
            &[
                METRICS,
                DASHBOARD,
                (
                    "deploy/rules.yaml",
                    "a: 1\nexpr: netanom_packet_total > 0\n",
                ),
            ],
        );
        assert_eq!(
            found,
            [
                "deploy/rules.yaml:2: there is no metric `netanom_packet_total`: netanom/src/metrics.rs has the names"
            ]
        );
    }

    #[test]
    fn a_metric_that_nobody_sees_is_found() {
        let found = complaints(
            are_known_and_shown,
            &[METRICS, ("docs/metrics.md", "`netanom_packets_total`")],
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("netanom/src/metrics.rs:2: `netanom_score` is on no dashboard"),
            "{found:?}"
        );
    }

    #[test]
    fn documents_may_name_programs() {
        let files = [
            METRICS,
            DASHBOARD,
            ("docs/a.md", "netanom_xdp"),
            ("deploy/README.md", "netanom_egress"),
        ];
        assert_eq!(complaints(are_known_and_shown, &files), [""; 0]);
    }
}
