//! The features of an access log's rows: the one table that gives order, names, units and meaning.

use super::minute::Minute;
use super::past::Before;

/// What a feature is computed from.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) minute: &'a Minute,
    pub(super) before: Before,
}

/// One number that a model sees of a client's minute.
#[derive(Debug)]
pub struct AccessFeature {
    /// Its name everywhere: export, model file, explanation.
    pub name: &'static str,
    /// Unit of the value; empty for shares.
    pub unit: &'static str,
    /// What it means, for the documentation.
    pub meaning: &'static str,
    compute: fn(&Subject<'_>) -> f64,
}

impl AccessFeature {
    /// The value for one row, always finite.
    pub(super) fn of(&self, subject: &Subject<'_>) -> f32 {
        let value = (self.compute)(subject) as f32;
        if value.is_finite() { value } else { 0.0 }
    }
}

/// A part of the minute's requests.
fn share(subject: &Subject<'_>, part: f64) -> f64 {
    part / subject.minute.requests
}

/// A part of a number that may be none.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

macro_rules! column {
    ($name:literal, $unit:literal, $meaning:literal, $compute:expr) => {
        AccessFeature {
            name: $name,
            unit: $unit,
            meaning: $meaning,
            compute: $compute,
        }
    };
}

/// Every feature, in the order of a row.
#[rustfmt::skip]
pub static ACCESS_FEATURES: [AccessFeature; 62] = [
    column!("requests", "requests", "requests in the minute", |s| s.minute.requests),
    column!("active_seconds", "s", "seconds of the minute with a request", |s| s.minute.seconds.active()),
    column!("busiest_second", "requests", "requests in the busiest second", |s| s.minute.seconds.busiest()),
    column!("informed_share", "", "answers with a status of 1xx, or with none", |s| share(s, s.minute.status[0] + s.minute.status[1])),
    column!("success_share", "", "answers of 2xx", |s| share(s, s.minute.status[2])),
    column!("redirect_share", "", "answers of 3xx", |s| share(s, s.minute.status[3])),
    column!("refused_share", "", "answers of 4xx", |s| share(s, s.minute.status[4])),
    column!("server_error_share", "", "answers of 5xx", |s| share(s, s.minute.status[5])),
    column!("refused", "requests", "answers of 4xx", |s| s.minute.status[4]),
    column!("server_errors", "requests", "answers of 5xx", |s| s.minute.status[5]),
    column!("denied", "requests", "answers of 401, 403 and 407", |s| s.minute.denied),
    column!("denied_share", "", "the same as a share", |s| share(s, s.minute.denied)),
    column!("missing", "requests", "answers of 404 and 410", |s| s.minute.missing),
    column!("missing_share", "", "the same as a share", |s| share(s, s.minute.missing)),
    column!("failed_paths", "paths", "distinct paths answered from 400 on", |s| s.minute.failed_paths.count()),
    column!("get_share", "", "requests by GET", |s| share(s, s.minute.gets)),
    column!("head_share", "", "requests by HEAD", |s| share(s, s.minute.heads)),
    column!("post_share", "", "requests by POST", |s| share(s, s.minute.posts)),
    column!("posts", "requests", "requests by POST", |s| s.minute.posts),
    column!("other_method_share", "", "requests by any other method", |s| share(s, s.minute.other_methods)),
    column!("methods", "methods", "distinct methods", |s| s.minute.methods.count()),
    column!("garbled", "requests", "lines that hold no request, such as a TLS handshake on a plain port", |s| s.minute.garbled),
    column!("posts_to_one_path", "requests", "requests by POST to the busiest of 32 groups of paths", |s| s.minute.posts_by_path.busiest()),
    column!("post_answers_share", "", "distinct pairs of status and size among the answers to POST, by request", |s| ratio(s.minute.post_answers.count(), s.minute.posts)),
    column!("paths", "paths", "distinct paths", |s| s.minute.paths.count()),
    column!("paths_share", "", "distinct paths by request", |s| share(s, s.minute.paths.count())),
    column!("path_entropy", "bits", "entropy of the requests over 64 groups of paths", |s| s.minute.by_path.entropy()),
    column!("busiest_path_share", "", "requests for the busiest of 64 groups of paths", |s| share(s, s.minute.by_path.busiest())),
    column!("path_length_mean", "bytes", "length of the path, mean", |s| share(s, s.minute.path_length.sum)),
    column!("path_length_max", "bytes", "length of the path, most", |s| s.minute.path_length.most),
    column!("depth_mean", "", "slashes in the path, mean", |s| share(s, s.minute.depth.sum)),
    column!("depth_max", "", "slashes in the path, most", |s| s.minute.depth.most),
    column!("endings", "endings", "distinct endings of file names", |s| s.minute.endings.count()),
    column!("asset_share", "", "requests for styles, scripts, pictures, fonts and films, by the ending", |s| share(s, s.minute.assets)),
    column!("query_share", "", "requests with a query", |s| share(s, s.minute.with_query)),
    column!("queries", "queries", "distinct queries", |s| s.minute.queries.count()),
    column!("query_length_mean", "bytes", "length of the query, mean of those with one", |s| ratio(s.minute.query_length.sum, s.minute.with_query)),
    column!("query_length_max", "bytes", "length of the query, most", |s| s.minute.query_length.most),
    column!("parameters_max", "", "parameters in a query, most", |s| s.minute.parameters.most),
    column!("encoded_mean", "characters", "encoded characters in a request, mean", |s| share(s, s.minute.encoded.sum)),
    column!("encoded_max", "characters", "encoded characters in a request, most", |s| s.minute.encoded.most),
    column!("special_mean", "characters", "characters that no ordinary address has, in a request, mean", |s| share(s, s.minute.special.sum)),
    column!("special_max", "characters", "the same, most", |s| s.minute.special.most),
    column!("steps_up_max", "", "pairs of dots in a request, most", |s| s.minute.steps_up.most),
    column!("digits_mean", "characters", "digits in a request, mean", |s| share(s, s.minute.digits.sum)),
    column!("run_max", "characters", "longest run of one character in a request", |s| s.minute.run.most),
    column!("text_entropy_mean", "bits", "entropy of a request's characters, mean", |s| share(s, s.minute.entropy.sum)),
    column!("text_entropy_max", "bits", "the same, most", |s| s.minute.entropy.most),
    column!("odd", "requests", "requests with a special character or a pair of dots in address or referrer", |s| s.minute.odd),
    column!("odd_share", "", "the same as a share", |s| share(s, s.minute.odd)),
    column!("header_odd_max", "characters", "such characters in a referrer, most", |s| s.minute.header_odd.most),
    column!("bytes_mean", "bytes", "size of an answer, mean", |s| share(s, s.minute.bytes.sum)),
    column!("bytes_variation", "", "standard deviation of the sizes by their mean", |s| {
        let mean = share(s, s.minute.bytes.sum);
        ratio((share(s, s.minute.bytes_squared) - mean * mean).max(0.0).sqrt(), mean)
    }),
    column!("empty_share", "", "answers without a byte", |s| share(s, s.minute.empty)),
    column!("agents", "agents", "distinct names that the client gives itself", |s| s.minute.agents.count()),
    column!("agentless_share", "", "requests without such a name", |s| share(s, s.minute.without_agent)),
    column!("referrers", "pages", "distinct referrers", |s| s.minute.referrers.count()),
    column!("referrerless_share", "", "requests without a referrer", |s| share(s, s.minute.without_referrer)),
    column!("old_share", "", "requests by HTTP/1.0 or older", |s| share(s, s.minute.old)),
    column!("past_requests", "requests", "requests of the client in the ten minutes before", |s| s.before.requests.into()),
    column!("past_error_share", "", "of these, answered from 400 on", |s| ratio(s.before.errors.into(), s.before.requests.into())),
    column!("past_odd", "requests", "of these, with such a character", |s| s.before.odd.into()),
];
