//! Posts an alert to a URL, when it begins, worsens and ends: as JSON in one of the formats, or as a body of the receiver's own;
//! signed, where there is a secret.

use std::io;
use std::time::Duration;

use ureq::Agent;

use super::format::Format;
use super::news::{News, Told};
use super::signature::{HEADER, Secret};
use super::template::Template;
use super::{Sink, SinkError};
use crate::alert::Alert;

/// For one try, from the name to the answer; the outbox tries again.
const LIMIT: Duration = Duration::from_secs(10);

/// Where to, and what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where to.
    pub url: String,
    /// In which format.
    pub format: Format,
    /// The body, in place of a format.
    pub body: Option<Template>,
    /// By which the body is signed.
    pub secret: Option<Secret>,
}

/// Posts alerts.
#[derive(Debug)]
pub struct Webhook {
    settings: WebhookSettings,
    agent: Agent,
    told: Told,
}

impl Webhook {
    /// One that posts there.
    #[must_use]
    pub fn new(settings: WebhookSettings) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(LIMIT))
            // An alert goes where the configuration says, and nowhere else.
            .max_redirects(0)
            .user_agent(concat!("netanom/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            settings,
            agent: agent.into(),
            told: Told::default(),
        }
    }

    fn post(&self, alert: &Alert, news: News) -> Result<(), ureq::Error> {
        let WebhookSettings {
            url,
            format,
            body,
            secret,
        } = &self.settings;
        let body = match body {
            Some(body) => body.fill(alert),
            None => format.of(alert, news == News::Begins).to_string(),
        };
        let mut request = self.agent.post(url).content_type("application/json");
        if let Some(secret) = secret {
            request = request.header(HEADER, secret.sign(body.as_bytes()));
        }
        let answer = request.send(body)?;
        if answer.status().is_redirection() {
            return Err(ureq::Error::StatusCode(answer.status().as_u16()));
        }
        Ok(())
    }
}

impl Sink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn emit(&mut self, alert: &Alert) -> Result<(), SinkError> {
        let Some(news) = self.told.news(alert) else {
            return Ok(());
        };
        self.post(alert, news).map_err(|error| {
            // So that the next try is news again.
            self.told.forget(alert);
            SinkError::Write {
                target: format!("the webhook at {}", without_secrets(&self.settings.url)),
                source: io::Error::other(error),
            }
        })
    }
}

/// The scheme and the host of a URL: what comes after them is often a secret.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/…")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::alert::{Severity, State};
    use crate::sink::store::tests::alert;

    /// A receiver that answers with these statuses, one after the other, and what was posted to it.
    fn receiver(statuses: &'static [u16]) -> (String, Receiver<serde_json::Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?key=secret", listener.local_addr().unwrap());
        let (posted, received) = channel();
        std::thread::spawn(move || {
            for status in statuses {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(&stream);
                let (mut line, mut length) = (String::new(), 0);
                while line != "\r\n" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                    if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = given.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                posted.send(serde_json::from_slice(&body).unwrap()).unwrap();
                let answer =
                    "Connection: close\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/";
                write!(&stream, "HTTP/1.1 {status} x\r\n{answer}\r\n\r\n").unwrap();
            }
        });
        (url, received)
    }

    #[test]
    fn an_alert_is_posted_when_it_begins_worsens_and_ends() {
        let (url, received) = receiver(&[200, 200, 204]);
        let mut webhook = Webhook::new(WebhookSettings {
            url,
            ..WebhookSettings::default()
        });
        let mut alert = alert(1);
        webhook.emit(&alert).unwrap();
        webhook.emit(&alert).unwrap();
        alert.severity = Severity::High;
        webhook.emit(&alert).unwrap();
        alert.state = State::Ended;
        webhook.emit(&alert).unwrap();
        let told: Vec<_> = received.iter().collect();
        let states = told
            .iter()
            .map(|alert| (alert["severity"].clone(), alert["state"].clone()));
        let expected = [("medium", "active"), ("high", "active"), ("high", "ended")];
        assert!(states.eq(expected.map(|(severity, state)| (severity.into(), state.into()))));
    }

    #[test]
    fn what_is_refused_or_led_elsewhere_fails_and_is_tried_again() {
        let (url, received) = receiver(&[500, 302, 200]);
        let mut webhook = Webhook::new(WebhookSettings {
            url,
            ..WebhookSettings::default()
        });
        for _ in 0..2 {
            let error = webhook.emit(&alert(1)).unwrap_err().to_string();
            assert!(
                error.starts_with("cannot write to the webhook at http://127.0.0.1:"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
        webhook.emit(&alert(1)).unwrap();
        assert_eq!(received.iter().count(), 3);
    }

    #[test]
    fn a_body_of_the_receiver_s_own_is_signed_with_the_secret() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let posting = std::thread::spawn(move || {
            let mut webhook = Webhook::new(WebhookSettings {
                url,
                body: Template::new("{\"text\": \"{{id}} {{state}}\"}").ok(),
                secret: Some(Secret::new(b"known to both")),
                ..WebhookSettings::default()
            });
            webhook.emit(&alert(1))
        });
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let (mut line, mut signature) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("x-netanom-signature: ") {
                signature = value.trim().to_owned();
            }
        }
        let expected = "{\"text\": \"a1 active\"}";
        let mut body = vec![0; expected.len()];
        reader.read_exact(&mut body).unwrap();
        write!(
            &stream,
            "HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        .unwrap();
        posting.join().unwrap().unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        assert_eq!(
            signature,
            Secret::new(b"known to both").sign(expected.as_bytes())
        );
    }
}
