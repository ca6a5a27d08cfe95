//! In which words an alert is told to other tools.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{eve, ocsf};
use crate::alert::Alert;

/// The format of what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The alert as HTTP shows it.
    #[default]
    Own,
    /// Suricata's EVE, `event_type` alert.
    Eve,
    /// OCSF Detection Finding.
    Ocsf,
}

impl Format {
    /// The alert in this format; `is_first` when it was not told before.
    #[must_use]
    pub fn of(self, alert: &Alert, is_first: bool) -> Value {
        match self {
            Self::Own => json!(alert),
            Self::Eve => eve::event(alert),
            Self::Ocsf => ocsf::finding(alert, ocsf::Activity::of(alert, is_first)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::alert::{Class, ExampleFlow, Severity, State};
    use crate::sink::store::tests::alert;

    /// A flood from one, a carpet, a scan, guessing that has ended, slow requests.
    pub(in crate::sink) fn five() -> [Alert; 5] {
        let flow = ExampleFlow {
            protocol: "tcp".to_owned(),
            initiator_ip: IpAddr::from([203, 0, 113, 7]),
            initiator_port: 40_000,
            responder_ip: IpAddr::from([198, 51, 100, 1]),
            responder_port: 443,
            first_seen: alert(1).first_seen,
            last_seen: alert(1).last_seen,
            packets: 1,
            bytes: 74,
            community_id: Some("1:lWOTJwBjzASkHgo+w0kukpG9z0M=".to_owned()),
        };
        let mut flood = Alert {
            class: Class::SynFlood,
            severity: Severity::High,
            attack: vec!["T1499.001".to_owned()],
            example_flows: vec![flow],
            ..alert(1)
        };
        flood.source.ip = None;
        flood.source.count = 4096;
        let mut carpet = Alert {
            class: Class::UdpFlood,
            protocol: "udp".to_owned(),
            attack: vec!["T1498.001".to_owned()],
            ..alert(2)
        };
        carpet.source.ip = None;
        carpet.target.ip = None;
        carpet.target.prefix = "198.51.0.0/16".parse().ok();
        let guessing = Alert {
            class: Class::BruteForce,
            state: State::Ended,
            attack: vec!["T1110".to_owned()],
            ..alert(4)
        };
        let slow = Alert {
            class: Class::SlowHttp,
            severity: Severity::Low,
            interface: String::new(),
            attack: Vec::new(),
            ..alert(5)
        };
        [flood, carpet, alert(3), guessing, slow]
    }

    /// Every field is one of these, with the type that it has to have.
    #[track_caller]
    pub(in crate::sink) fn keys(object: &Value, allowed: &[(&str, &str)]) {
        for (name, value) in object.as_object().unwrap() {
            let allowed = allowed.iter().find(|(allowed, _)| allowed == name);
            let (_, kind) = allowed.unwrap_or_else(|| panic!("`{name}` is not in the schema"));
            let found = match value {
                Value::Object(_) => "object",
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Bool(_) => "boolean",
                Value::Number(number) if number.is_u64() => "integer",
                Value::Number(_) => "number",
                Value::Null => "null",
            };
            assert_eq!(found, *kind, "{name}");
        }
    }

    #[test]
    fn our_own_is_what_http_shows() {
        let [alert, ..] = five();
        let own = Format::Own.of(&alert, true);
        let again: Alert = serde_json::from_value(own).unwrap();
        assert_eq!(again, alert);
    }
}
