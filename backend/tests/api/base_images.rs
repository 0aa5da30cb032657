//! The catalogue of base images.

use serde_json::{Value, json};

use crate::harness::{Server, steady};

const FIELDS: &str = "baseImage { id name displayName description type url urlForGpu pullSecret createdAt updatedAt }
    userErrors { code message field line column }";

fn mutation(name: &str) -> String {
    format!("mutation($input: BaseImageInput!) {{ {name}(input: $input) {{ {FIELDS} }} }}")
}

#[tokio::test]
async fn an_entry_is_created_changed_and_removed() {
    let server = Server::start().await;
    let (create, update) = (mutation("createBaseImage"), mutation("updateBaseImage"));
    let input = json!({ "input": { "name": "python", "url": "python:3.12" } });
    let created = server.data(&create, input.clone()).await;
    let taken = server.data(&create, input).await;
    let change = json!({ "input": { "name": "python", "displayName": "Python 3.13", "description": "For all.", "type": "GPU",
        "url": "python:3.13", "urlForGpu": "cuda:12" } });
    let changed = server.data(&update, change).await;
    let missing = server.data(&update, json!({ "input": { "name": "gone", "url": "debian" } })).await;
    let delete = "mutation { deleteBaseImage(input: { name: \"python\" }) { name userErrors { code message field } } }";
    let removed = server.data(delete, Value::Null).await;
    let again = server.data(delete, Value::Null).await;
    insta::assert_json_snapshot!(steady(json!([created, taken, changed, missing, removed, again])));
}

#[tokio::test]
async fn everything_wrong_with_an_entry_is_told_at_once() {
    let server = Server::start().await;
    let input = json!({ "input": { "name": "Up", "displayName": "a\u{7}", "description": "x".repeat(2001), "url": "",
        "urlForGpu": "A B", "pullSecret": "gone" } });
    insta::assert_json_snapshot!(server.data(&mutation("createBaseImage"), input).await);
}

#[tokio::test]
async fn the_catalogue_is_searched_in_all_that_a_person_sees() {
    let server = Server::start().await;
    for (name, display, url) in
        [("a", "Ubuntu", "ubuntu:24.04"), ("b", "Debian", "debian:12"), ("c", "CUDA", "nvidia/cuda:12")]
    {
        let input = json!({ "input": { "name": name, "displayName": display, "url": url } });
        server.data(&mutation("createBaseImage"), input).await;
    }
    let query = "query($search: String) { baseImages(search: $search, first: 10) { totalCount nodes { name } } }";
    for (search, names) in [("nvidia", vec!["c"]), ("DEB", vec!["b"]), ("", vec!["a", "b", "c"]), ("_", vec![])] {
        let found = server.data(query, json!({ "search": search })).await;
        let nodes = found["baseImages"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.iter().map(|node| node["name"].as_str().unwrap()).collect::<Vec<_>>(), names, "{search}");
    }
}
