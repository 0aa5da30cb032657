//! Reading: jobs, previews, ids, the registry, and the limits of a query.

use axum::http::StatusCode;
use cooperage::config::RegistryConfig;
use serde_json::{Value, json};

use crate::harness::{Server, steady};

const PREVIEW: &str = "query($input: ImageSpecInput!) { previewImageSpec(input: $input) {
    problems { code message field line column } dockerfile revision } }";

#[tokio::test]
async fn a_preview_shows_what_would_be_built() {
    let server = Server::start().await;
    let input = json!({ "name": "a", "baseImage": "debian:12", "packages": { "apt": ["jq", "# no", "it's"], "pip": ["requests"] } });
    let bad = server.data(PREVIEW, json!({ "input": input })).await;
    let input = json!({ "name": "a", "baseImage": "debian:12", "packages": { "apt": ["jq"], "pip": ["requests>=2"] } });
    let good = server.data(PREVIEW, json!({ "input": input })).await;
    insta::assert_json_snapshot!(json!([bad, good]));
    let listed = server.data("{ imageSpecs { totalCount } }", Value::Null).await;
    assert_eq!(listed["imageSpecs"]["totalCount"], 0);
}

#[tokio::test]
async fn a_preview_takes_three_full_lists_and_not_a_line_more() {
    let server = Server::start().await;
    let lines = |count: usize| (0..count).map(|n| format!("a{n:0>89}")).collect::<Vec<_>>();
    let input = json!({ "name": "a", "baseImage": "debian", "packages": { "apt": lines(1000), "pip": lines(1000) } });
    let data = server.data(PREVIEW, json!({ "input": input })).await;
    assert_eq!(data["previewImageSpec"]["problems"], json!([]));
    let input = json!({ "name": "a", "baseImage": "debian", "packages": { "apt": lines(1001) } });
    let data = server.data(PREVIEW, json!({ "input": input })).await;
    assert_eq!(data["previewImageSpec"]["problems"][0]["code"], "TOO_MANY");
    assert_eq!(data["previewImageSpec"]["problems"][0]["line"], 1001);
}

#[tokio::test]
async fn a_job_tells_its_whole_life() {
    let server = Server::start().await;
    let id = server.create("a").await;
    let query =
        "query($id: ID!) { buildJob(id: $id) { id number status phase queuePosition revision revisionName baseImage
        baseImageDigest pullSecret packages { apt conda pip } image digest sizeBytes dockerfile reusedFrom { id }
        failure { code message logLine field requirement } createdAt startedAt finishedAt updatedAt
        imageSpec { name status image digest latestJob { number } latestSuccessfulJob { number } jobs { totalCount } }
        log { firstLine lines totalLines finished } logUrl } }";
    let waiting = server.data(query, json!({ "id": id })).await;
    let job = server.claim().await;
    let running = server.data(query, json!({ "id": id })).await;
    server.succeed(&job, "a").await;
    let done = server.data(query, json!({ "id": id })).await;
    insta::assert_json_snapshot!(steady(json!([waiting, running, done])));
}

#[tokio::test]
async fn every_object_is_found_again_by_its_id() {
    let server = Server::start().await;
    server.create("a").await;
    let make = "mutation { createBaseImage(input: { name: \"b\", url: \"debian\" }) { baseImage { id } }
        createPullSecret(input: { name: \"s\", host: \"h.example\", username: \"u\", password: \"p\" }) { pullSecret { id } } }";
    let made = server.data(make, Value::Null).await;
    let spec = server.data("{ imageSpec(name: \"a\") { id latestJob { id } } }", Value::Null).await;
    let ids = [
        ("ImageSpec", &spec["imageSpec"]["id"]),
        ("BuildJob", &spec["imageSpec"]["latestJob"]["id"]),
        ("BaseImage", &made["createBaseImage"]["baseImage"]["id"]),
        ("PullSecret", &made["createPullSecret"]["pullSecret"]["id"]),
    ];
    for (kind, id) in ids {
        let found = server.data("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id })).await;
        assert_eq!(found["node"], json!({ "__typename": kind, "id": id }));
    }
    for id in ["", "x", "spec_00000000000000000000000000000000", "pod_1"] {
        let none = server.data("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(none["node"], Value::Null, "{id}");
    }
}

#[tokio::test]
async fn the_registry_says_whether_images_can_go_there() {
    let query = "{ registry { configured reachable host repositoryPrefix message } }";
    let none = Server::start().await.data(query, Value::Null).await;
    // A port that was free a moment ago: nobody answers there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let config = RegistryConfig {
        host: Some(host.clone()),
        repository_prefix: Some("team".to_owned()),
        insecure: true,
        ..RegistryConfig::default()
    };
    let down = Server::with(None, config).await.data(query, Value::Null).await;
    insta::assert_json_snapshot!(none);
    assert_eq!(down["registry"]["configured"], true);
    assert_eq!(down["registry"]["reachable"], false);
    assert_eq!(down["registry"]["repositoryPrefix"], "team");
    assert!(down["registry"]["message"].as_str().unwrap().contains(&host), "{down}");
}

#[tokio::test]
async fn a_query_that_asks_for_too_much_is_refused() {
    let server = Server::start().await;
    let broad =
        "{ imageSpecs(first: 100) { nodes { jobs(first: 100) { nodes { id number status log { lines } } } } } }";
    let deep =
        format!("{{ imageSpecs {{ nodes {{ {} id {} }} }} }}", "latestJob { imageSpec { ".repeat(20), "} }".repeat(20));
    let logs = "{ imageSpecs(first: 100) { nodes { latestJob { log { lines } } } } }";
    for query in [broad, &deep, logs] {
        let answer = server.operation(query, Value::Null).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::OK, "BAD_USER_INPUT"), "{}", answer.text());
    }
    // What a page of the web app asks for, and what a tool asks about the schema, are far from it.
    let page =
        "{ imageSpecs(first: 100) { nodes { id name status image latestJob { id number status phase queuePosition
        failure { code message } createdAt finishedAt imageSpec { name } } } } }";
    server.data(page, Value::Null).await;
}

#[tokio::test]
async fn a_query_that_does_not_fit_the_schema_has_a_code() {
    let server = Server::start().await;
    for query in ["{ nonsense }", "{ imageSpec }", "{", "query($x: Nope) { registry { host } }"] {
        assert_eq!(server.operation(query, Value::Null).await.code(), "BAD_USER_INPUT", "{query}");
    }
    let answer = server.operation("subscription { buildJobs { id } }", Value::Null).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_list_takes_as_many_statements_as_one_item() {
    let server = Server::start().await;
    let query =
        "{ imageSpecs { nodes { name baseImage status latestJob { number queuePosition } latestSuccessfulJob { id }
        jobs(first: 2) { totalCount pageInfo { hasNextPage endCursor } nodes { number revision baseImage } } } } }";
    let count = || server.statements.load(std::sync::atomic::Ordering::Relaxed);
    let asked = async || {
        let before = count();
        let data = server.data(query, Value::Null).await;
        (data, count() - before)
    };
    server.create("spec-0").await;
    let (_, for_one) = asked().await;
    for n in 1..8 {
        server.create(&format!("spec-{n}")).await;
    }
    for _ in 0..3 {
        let rebuild = "mutation { rebuildImageSpec(input: { name: \"spec-3\" }) { userErrors { message } } }";
        server.data(rebuild, Value::Null).await;
    }
    let (data, for_all) = asked().await;
    assert!(for_one > 0);
    assert_eq!(for_all, for_one);

    // What is read for all at once is what is read for one, and its cursor goes on from there.
    let nodes = data["imageSpecs"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 8);
    let busy = nodes.iter().find(|node| node["name"] == "spec-3").unwrap();
    assert_eq!(busy["jobs"]["totalCount"], 4);
    let numbers = |jobs: &Value| -> Vec<u64> {
        jobs["nodes"].as_array().unwrap().iter().map(|job| job["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&busy["jobs"]), [4, 3]);
    assert_eq!(busy["jobs"]["pageInfo"]["hasNextPage"], true);
    let rest = "query($after: String) { imageSpec(name: \"spec-3\") { jobs(first: 2, after: $after) {
        pageInfo { hasNextPage } nodes { number } } } }";
    let rest = server.data(rest, json!({ "after": busy["jobs"]["pageInfo"]["endCursor"] })).await;
    assert_eq!(numbers(&rest["imageSpec"]["jobs"]), [2, 1]);
    assert_eq!(rest["imageSpec"]["jobs"]["pageInfo"]["hasNextPage"], false);
    let quiet = nodes.iter().find(|node| node["name"] == "spec-1").unwrap();
    assert_eq!((quiet["jobs"]["totalCount"].as_u64(), numbers(&quiet["jobs"])), (Some(1), vec![1]));
}
