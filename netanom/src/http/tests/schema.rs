//! Real answers, held against what `/openapi.json` says of them.

use super::*;

/// Every answer as JSON that there is, with what was asked for it.
#[test]
fn every_answer_is_as_the_description_says() {
    let server = Server::start();
    server.put(&alert(1));
    let document = server.ask("GET /openapi.json").json();
    assert_eq!(
        document["openapi"].as_str().unwrap().split('.').next(),
        Some("3")
    );
    let paths = document["paths"].as_object().unwrap();
    let examples = [
        ("get", "/alerts", "/alerts?limit=1", ""),
        ("get", "/alerts", "/alerts?colour=red", ""),
        ("get", "/alerts/{id}", "/alerts/a1", ""),
        ("get", "/alerts/{id}", "/alerts/none", ""),
        ("get", "/summary", "/summary", ""),
        ("get", "/flows", "/flows", ""),
        ("get", "/flows", "/flows?port=x", ""),
        ("get", "/normal_traffic", "/normal_traffic", ""),
        ("get", "/hosts/{ip}", "/hosts/192.0.2.1", ""),
        ("get", "/evidence/{ip}", "/evidence/192.0.2.1", ""),
        ("get", "/evidence/{ip}", "/evidence/none", ""),
        ("get", "/model", "/model", ""),
        ("get", "/livez", "/livez", ""),
        ("get", "/readyz", "/readyz", ""),
        ("post", "/predict", "/predict", "{\"features\":{}}"),
    ];
    // Those that are no JSON, or any JSON.
    let others = [
        "/",
        "/page/{name}",
        "/metrics",
        "/events",
        "/config",
        "/openapi.json",
    ];
    for path in paths.keys() {
        let is_held = examples.iter().any(|(_, held, _, _)| held == path);
        assert!(
            is_held || others.contains(&path.as_str()),
            "{path} is not held against anything"
        );
    }
    for (method, path, asked, body) in examples {
        let answer = if body.is_empty() {
            server.ask(&format!("GET {asked}"))
        } else {
            server.post(asked, body)
        };
        let answers = &document["paths"][path][method]["responses"];
        let described = &answers[answer.status.to_string()];
        let schema = &described["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{asked}: {} is not described",
            answer.status
        );
        let whole = serde_json::json!({ "components": document["components"], "allOf": [schema] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&answer.json())
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{asked}: {wrong:#?}");
    }
}
