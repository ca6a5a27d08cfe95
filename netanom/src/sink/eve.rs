//! An alert as Suricata writes its own: an event `alert` of EVE JSON, so that tools made for Suricata take it.
//!
//! Fields, types and the pattern of times are those of Suricata's `etc/schema.json`, in which nothing else may stand: what has no
//! field of its own is in the summary (`signature`) or a tag. Severity 1 is the highest there.

use serde_json::{Value, json};

use crate::alert::{Alert, Class, Severity};
use crate::flow::Timestamp;

/// Signature ids of our classes: far above those of a site's own rules (from 1,000,000) and of public rule sets (Emerging
/// Threats: from 2,000,000).
const FIRST_SIGNATURE: u64 = 9_710_000;

/// The event.
#[must_use]
pub fn event(alert: &Alert) -> Value {
    let example = alert.example_flows.first();
    let mut event = json!({
        "timestamp": time(alert.last_seen),
        "flow_id": flow_id(&alert.id),
        "event_type": "alert",
        "proto": proto(&alert.protocol),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": FIRST_SIGNATURE + alert.class as u64,
            "rev": 1,
            "signature": format!("netanom {}", alert.summary),
            "category": category(alert.class),
            "severity": match alert.severity {
                Severity::High => 1,
                Severity::Medium => 2,
                Severity::Low => 3,
            },
            "metadata": {
                "created_at": [alert.first_seen.to_string()],
                "updated_at": [alert.last_seen.to_string()],
                "signature_severity": [alert.severity.name()],
                "tag": tags(alert),
            },
        },
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let (Some(value), Some(event)) = (value, event.as_object_mut()) {
            event.insert(name.to_owned(), value);
        }
    };
    let (source, target) = (&alert.source, &alert.target);
    let source_ip = source.ip.or_else(|| example.map(|flow| flow.initiator_ip));
    let target_ip = target.ip.or_else(|| example.map(|flow| flow.responder_ip));
    set("src_ip", source_ip.map(|ip| json!(ip)));
    set("dest_ip", target_ip.map(|ip| json!(ip)));
    let source_port = source
        .port
        .or_else(|| example.map(|flow| flow.initiator_port));
    let target_port = target
        .port
        .or_else(|| example.map(|flow| flow.responder_port));
    set("src_port", source_port.map(|port| json!(port)));
    set("dest_port", target_port.map(|port| json!(port)));
    let community = example.and_then(|flow| flow.community_id.as_ref());
    set("community_id", community.map(|id| json!(id)));
    let interface = Some(&alert.interface).filter(|name| !name.is_empty());
    set("in_iface", interface.map(|name| json!(name)));
    event
}

/// As `2026-11-28T12:00:00.000000+0000`.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}+0000", text.strip_suffix('Z').unwrap_or(&text))
}

/// A number for the alert, the same in each of its events; of 53 bits, as numbers of JSON are exact up to there.
fn flow_id(id: &str) -> u64 {
    // FNV-1a.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 11
}

fn proto(protocol: &str) -> String {
    match protocol {
        "icmpv6" => "IPv6-ICMP".to_owned(),
        other => other.to_uppercase(),
    }
}

/// The words of Suricata's `classification.config`.
fn category(class: Class) -> &'static str {
    match class {
        Class::SynFlood | Class::UdpFlood | Class::IcmpFlood | Class::Flood => {
            "Detection of a Denial of Service Attack"
        }
        Class::SlowHttp | Class::HttpFlood => "Attempted Denial of Service",
        Class::PortScan => "Detection of a Network Scan",
        Class::WebScan => "Web Application Attack",
        Class::BruteForce => "Attempted User Privilege Gain",
        Class::Normal | Class::Anomaly => "Misc activity",
    }
}

fn tags(alert: &Alert) -> Vec<String> {
    let mut tags = vec![
        "netanom".to_owned(),
        format!("alert:{}", alert.id),
        format!("class:{}", alert.class),
        format!("state:{}", alert.state.name()),
        format!("sources:{}", alert.source.count),
        format!("targets:{}", alert.target.count),
        format!("flows:{}", alert.flows),
    ];
    tags.extend(
        alert
            .attack
            .iter()
            .map(|technique| format!("attack:{technique}")),
    );
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::format::tests::{five, keys};

    /// Fields of an event and of its `alert` and `metadata` that Suricata's schema has and we write, with their types
    /// (`etc/schema.json` of OISF/suricata at 0035673; the schema allows no others).
    const EVENT: [(&str, &str); 11] = [
        ("alert", "object"),
        ("community_id", "string"),
        ("dest_ip", "string"),
        ("dest_port", "integer"),
        ("event_type", "string"),
        ("flow_id", "integer"),
        ("in_iface", "string"),
        ("proto", "string"),
        ("src_ip", "string"),
        ("src_port", "integer"),
        ("timestamp", "string"),
    ];
    const ALERT: [(&str, &str); 8] = [
        ("action", "string"),
        ("category", "string"),
        ("gid", "integer"),
        ("metadata", "object"),
        ("rev", "integer"),
        ("severity", "integer"),
        ("signature", "string"),
        ("signature_id", "integer"),
    ];
    const METADATA: [(&str, &str); 4] = [
        ("created_at", "array"),
        ("signature_severity", "array"),
        ("tag", "array"),
        ("updated_at", "array"),
    ];

    #[test]
    fn alerts_of_five_classes_have_the_fields_of_suricata_s_schema_and_no_others() {
        for alert in five() {
            let event = event(&alert);
            keys(&event, &EVENT);
            keys(&event["alert"], &ALERT);
            keys(&event["alert"]["metadata"], &METADATA);
            assert_eq!(event["event_type"], "alert");
            // The schema's pattern: ^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d+[+\\-]\\d+$
            let time = event["timestamp"].as_str().unwrap();
            let (moment, zone) = time.split_once('+').unwrap();
            assert_eq!((moment.len(), zone), (26, "0000"), "{time}");
            assert!(event["flow_id"].as_u64().unwrap() < 1 << 53);
        }
    }

    #[test]
    fn severity_and_class_are_told_in_suricata_s_numbers() {
        let [flood, ..] = five();
        let event = event(&flood);
        assert_eq!(event["alert"]["severity"], 1);
        assert_eq!(event["alert"]["signature_id"], 9_710_001);
        assert_eq!(
            event["alert"]["category"],
            "Detection of a Denial of Service Attack"
        );
        assert_eq!(event["src_ip"], "203.0.113.7");
    }
}
