//! The body of a webhook in the words of its receiver: text with fields of the alert in double braces.
//!
//! Fields are put in as JSON strings have them, without the quotes, since most receivers take JSON: `{"text": "{{summary}}"}`.

use std::net::IpAddr;

use crate::alert::{Alert, Party};

/// A body, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(&'static str),
}

/// A field's name, and what it is of an alert.
type Field = (&'static str, fn(&Alert) -> String);

/// Fields by name, with what they are.
const FIELDS: [Field; 14] = [
    ("id", |alert| alert.id.clone()),
    ("class", |alert| alert.class.to_string()),
    ("severity", |alert| alert.severity.name().to_owned()),
    ("state", |alert| alert.state.name().to_owned()),
    ("summary", |alert| alert.summary.clone()),
    ("source", |alert| who(&alert.source)),
    ("target", |alert| who(&alert.target)),
    ("protocol", |alert| alert.protocol.clone()),
    ("interface", |alert| alert.interface.clone()),
    ("first_seen", |alert| alert.first_seen.to_string()),
    ("last_seen", |alert| alert.last_seen.to_string()),
    ("flows", |alert| alert.flows.to_string()),
    ("packets", |alert| alert.packets.to_string()),
    ("attack", |alert| alert.attack.join(" ")),
];

impl Template {
    /// From its text.
    ///
    /// # Errors
    /// The first field that alerts do not have, or the brace that is not closed.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, then) = after
                .split_once("}}")
                .ok_or_else(|| "a `{{` without its `}}`".to_owned())?;
            let known = FIELDS.iter().find(|(field, _)| *field == name.trim());
            let (field, _) = known.ok_or_else(|| format!("the unknown field `{}`", name.trim()))?;
            parts.extend([Part::Text(before.to_owned()), Part::Field(field)]);
            rest = then;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The body for an alert.
    #[must_use]
    pub fn fill(&self, alert: &Alert) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Field(name) => {
                let field = FIELDS.iter().find(|(field, _)| field == name);
                in_json(&field.map(|(_, value)| value(alert)).unwrap_or_default())
            }
        };
        self.0.iter().map(part).collect()
    }
}

/// As a JSON string has it, without its quotes.
fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

fn who(party: &Party) -> String {
    let prefix = party.prefix.map(|prefix| prefix.to_string());
    let one = party.ip.as_ref().map(IpAddr::to_string).or(prefix);
    one.unwrap_or_else(|| format!("{} hosts", party.count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::store::tests::alert;

    #[test]
    fn fields_are_put_in_as_json_has_them() {
        let template = Template::new(r#"{"text": "{{severity}}: {{ summary }} ({{source}})"}"#);
        let mut alert = alert(1);
        alert.summary = "say \"no\"\n".to_owned();
        let body = template.unwrap().fill(&alert);
        assert_eq!(body, r#"{"text": "medium: say \"no\"\n (192.0.2.1)"}"#);
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["text"], "medium: say \"no\"\n (192.0.2.1)");
    }

    #[test]
    fn an_unknown_field_and_an_open_brace_are_told() {
        let error = |text: &str| Template::new(text).unwrap_err();
        assert_eq!(error("{{sumary}}"), "the unknown field `sumary`");
        assert_eq!(error("a {{id"), "a `{{` without its `}}`");
        assert!(Template::new("{\"a\": {}}").is_ok());
    }
}
