//! Values of arguments that are checked where they are typed.

/// What ends in a port, so that a forgotten one is wrong usage; whether the rest is an address shows when it is taken.
pub(super) fn with_port(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err("needs a port, such as 127.0.0.1:9710, localhost:9710 or :9710".to_owned()),
    }
}

/// A bar of evidence, in flows that surely are an attack.
pub(super) fn bar_of_evidence(text: &str) -> Result<f64, String> {
    let bar: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=1e6).contains(&bar) {
        Ok(bar)
    } else {
        Err("between 0.1 and 1000000".to_owned())
    }
}

/// A share of anomalies that leaves something normal.
pub(super) fn share_of_anomalies(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=0.9).contains(&share) => Ok(share),
        _ => Err("give a share between 0 and 0.9, such as 0.05".to_owned()),
    }
}
