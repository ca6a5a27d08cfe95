//! An alert as a Detection Finding of OCSF (Open Cybersecurity Schema Framework, version 1.3, class 2004), which SIEMs and
//! security lakes take.
//!
//! A finding is created when its alert begins, updated while it goes on and closed when it ends, under the same `uid`.

use serde_json::{Value, json};

use crate::alert::{Alert, ExampleFlow, Party, Severity, State};
use crate::flow::Timestamp;

/// `category_uid` Findings, `class_uid` Detection Finding.
const CATEGORY: u64 = 2;
const CLASS: u64 = 2004;
const VERSION: &str = "1.3.0";

/// What happens to the finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It is new.
    Create,
    /// More is known of it.
    Update,
    /// It has ended.
    Close,
}

impl Activity {
    /// What an update of an alert is, told for the first time or again.
    #[must_use]
    pub fn of(alert: &Alert, is_first: bool) -> Self {
        match alert.state {
            State::Ended => Self::Close,
            State::Active if is_first => Self::Create,
            State::Active => Self::Update,
        }
    }

    const fn number(self) -> u64 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Close => 3,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Close => "Close",
        }
    }
}

/// The finding.
#[must_use]
pub fn finding(alert: &Alert, activity: Activity) -> Value {
    let (severity, severity_name) = match alert.severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
    };
    let (status, status_name) = match (&alert.suppressed_by, activity) {
        (Some(_), _) => (3, "Suppressed"),
        (None, Activity::Close) => (4, "Resolved"),
        (None, _) => (1, "New"),
    };
    let evidences: Vec<Value> = match alert.example_flows.as_slice() {
        [] => vec![evidence_of_parties(alert)],
        flows => flows.iter().map(|flow| evidence(alert, flow)).collect(),
    };
    json!({
        "activity_id": activity.number(),
        "activity_name": activity.name(),
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity.number(),
        "type_name": format!("Detection Finding: {}", activity.name()),
        "time": millis(alert.last_seen),
        "start_time": millis(alert.first_seen),
        "end_time": millis(alert.last_seen),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "confidence_score": (alert.score * 100.0).round().clamp(0.0, 100.0) as u64,
        "is_alert": activity != Activity::Close,
        "count": alert.flows,
        "message": alert.summary,
        "metadata": {
            "version": VERSION,
            "product": {
                "name": "netanom",
                "vendor_name": "netanom",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "finding_info": {
            "uid": alert.id,
            "title": format!("{} ({})", alert.class, alert.severity.name()),
            "desc": alert.summary,
            "types": [alert.class.name()],
            "first_seen_time": millis(alert.first_seen),
            "last_seen_time": millis(alert.last_seen),
            "analytic": analytic(&alert.detector),
            "attacks": alert.attack.iter().map(|technique| attack(technique)).collect::<Vec<_>>(),
        },
        "evidences": evidences,
    })
}

/// What found it: the forest has learnt, detectors have rules.
fn analytic(detector: &str) -> Value {
    let (number, name) = match detector {
        "forest" => (4, "Learning (ML/DL)"),
        _ => (1, "Rule"),
    };
    json!({ "name": detector, "type_id": number, "type": name })
}

fn millis(at: Timestamp) -> u64 {
    at.as_nanos() / 1_000_000
}

/// A technique, or a sub-technique under its technique.
fn attack(technique: &str) -> Value {
    match technique.split_once('.') {
        Some((of, _)) => json!({
            "technique": { "uid": of },
            "sub_technique": { "uid": technique },
        }),
        None => json!({ "technique": { "uid": technique } }),
    }
}

fn evidence(alert: &Alert, flow: &ExampleFlow) -> Value {
    let mut connection = connection(alert);
    if let (Some(id), Some(connection)) = (&flow.community_id, connection.as_object_mut()) {
        connection.insert("community_uid".to_owned(), json!(id));
    }
    json!({
        "src_endpoint": { "ip": flow.initiator_ip, "port": flow.initiator_port },
        "dst_endpoint": { "ip": flow.responder_ip, "port": flow.responder_port },
        "connection_info": connection,
        "data": { "packets": flow.packets, "bytes": flow.bytes },
    })
}

fn evidence_of_parties(alert: &Alert) -> Value {
    json!({
        "src_endpoint": endpoint(&alert.source),
        "dst_endpoint": endpoint(&alert.target),
        "connection_info": connection(alert),
        "data": { "packets": alert.packets, "bytes": alert.bytes },
    })
}

fn connection(alert: &Alert) -> Value {
    json!({
        "direction_id": 0,
        "direction": "Unknown",
        "protocol_name": alert.protocol,
    })
}

/// An endpoint has to have one of some names; hosts without one in common have their number as its name.
fn endpoint(party: &Party) -> Value {
    let mut endpoint = match (party.ip, party.prefix) {
        (Some(ip), _) => json!({ "ip": ip }),
        (None, Some(prefix)) => json!({ "name": prefix.to_string() }),
        (None, None) => json!({ "name": format!("{} hosts", party.count) }),
    };
    if let (Some(port), Some(endpoint)) = (party.port, endpoint.as_object_mut()) {
        endpoint.insert("port".to_owned(), json!(port));
    }
    endpoint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::format::tests::{five, keys};

    /// What a Detection Finding has to have, with types (`events/findings/detection_finding.json`, `finding.json` and
    /// `base_event.json` of ocsf/ocsf-schema at 1.3), and what else we write of it.
    const FINDING: [(&str, &str); 22] = [
        ("activity_id", "integer"),
        ("activity_name", "string"),
        ("category_name", "string"),
        ("category_uid", "integer"),
        ("class_name", "string"),
        ("class_uid", "integer"),
        ("confidence_score", "integer"),
        ("count", "integer"),
        ("end_time", "integer"),
        ("evidences", "array"),
        ("finding_info", "object"),
        ("is_alert", "boolean"),
        ("message", "string"),
        ("metadata", "object"),
        ("severity", "string"),
        ("severity_id", "integer"),
        ("start_time", "integer"),
        ("status", "string"),
        ("status_id", "integer"),
        ("time", "integer"),
        ("type_name", "string"),
        ("type_uid", "integer"),
    ];
    const REQUIRED: [&str; 8] = [
        "activity_id",
        "category_uid",
        "class_uid",
        "finding_info",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
    ];

    #[test]
    fn alerts_of_five_classes_have_what_the_class_requires() {
        for alert in five() {
            for activity in [Activity::Create, Activity::Update, Activity::Close] {
                let finding = finding(&alert, activity);
                keys(&finding, &FINDING);
                for name in REQUIRED {
                    assert!(!finding[name].is_null(), "{name}: {finding}");
                }
                let number = finding["activity_id"].as_u64().unwrap();
                assert_eq!(finding["type_uid"], CLASS * 100 + number);
                // Required of these objects.
                assert!(finding["finding_info"]["uid"].is_string());
                assert!(finding["metadata"]["version"].is_string());
                assert!(finding["metadata"]["product"]["vendor_name"].is_string());
                for evidence in finding["evidences"].as_array().unwrap() {
                    let has_name = |at: &str| {
                        let endpoint = &evidence[at];
                        endpoint["ip"].is_string() || endpoint["name"].is_string()
                    };
                    assert!(
                        has_name("src_endpoint") && has_name("dst_endpoint"),
                        "{evidence}"
                    );
                    assert_eq!(evidence["connection_info"]["direction_id"], 0);
                }
            }
        }
    }

    #[test]
    fn a_finding_is_created_updated_and_closed() {
        let [mut alert, ..] = five();
        assert_eq!(Activity::of(&alert, true), Activity::Create);
        assert_eq!(Activity::of(&alert, false), Activity::Update);
        alert.state = State::Ended;
        assert_eq!(Activity::of(&alert, false), Activity::Close);
        assert_eq!(finding(&alert, Activity::Close)["status"], "Resolved");
        alert.suppressed_by = Some("scanner".to_owned());
        assert_eq!(finding(&alert, Activity::Close)["status_id"], 3);
    }

    #[test]
    fn a_sub_technique_stands_under_its_technique() {
        let [alert, ..] = five();
        let finding = finding(&alert, Activity::Create);
        let attack = &finding["finding_info"]["attacks"][0];
        assert_eq!(attack["technique"]["uid"], "T1499");
        assert_eq!(attack["sub_technique"]["uid"], "T1499.001");
    }
}
