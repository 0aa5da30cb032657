//! Keeping, changing, removing and listing specs.

use serde_json::{Value, json};

use crate::harness::{Server, steady};

const CREATE: &str = "mutation($input: CreateImageSpecInput!) { createImageSpec(input: $input) {
    imageSpec { id name version baseImage pullSecret packages { apt conda pip } status image digest revision createdAt }
    job { id number status phase queuePosition revision revisionName image failure { code } logUrl createdAt startedAt }
    userErrors { code message field line column } } }";
const UPDATE: &str = "mutation($input: UpdateImageSpecInput!) { updateImageSpec(input: $input) {
    imageSpec { name version baseImage packages { apt } } job { number status } userErrors { code message field } } }";

#[tokio::test]
async fn a_spec_is_kept_as_typed_and_its_first_job_waits() {
    let server = Server::start().await;
    let input = json!({ "name": "my-image", "baseImage": "python:3.12-slim", "packages": {
        "apt": ["# tools", "g++", "", "jq=1.6-2.1"],
        "conda": ["conda-forge::numpy==1.17*"],
        "pip": ["pandas>=1", "name[extra]", "pkg @ git+https://example.com/pkg.git@v1"] } });
    let data = server.data(CREATE, json!({ "input": input })).await;
    insta::assert_json_snapshot!(steady(data));
}

#[tokio::test]
async fn everything_wrong_with_a_spec_is_told_at_once_and_nothing_is_kept() {
    let server = Server::start().await;
    let input = json!({ "name": "My Image", "baseImage": "UPPER/case", "packages": {
        "apt": ["jq", "", "-o evil"], "conda": ["num py ["], "pip": ["requests >=", "ok"] } });
    let data = server.data(CREATE, json!({ "input": input })).await;
    insta::assert_json_snapshot!(steady(data));
    let list = server.data("{ imageSpecs { totalCount } }", Value::Null).await;
    assert_eq!(list["imageSpecs"]["totalCount"], 0);
}

#[tokio::test]
async fn a_taken_name_and_an_unknown_pull_secret_are_errors_of_their_fields() {
    let server = Server::start().await;
    server.create("taken").await;
    let taken = server.data(CREATE, json!({ "input": { "name": "taken", "baseImage": "debian" } })).await;
    let secret = json!({ "input": { "name": "free", "baseImage": "debian", "pullSecret": "gone" } });
    let secret = server.data(CREATE, secret).await;
    insta::assert_json_snapshot!(json!([taken, secret]));
}

#[tokio::test]
async fn the_same_idempotency_key_gets_the_same_answer() {
    let server = Server::start().await;
    let input = json!({ "input": { "name": "once", "baseImage": "debian", "idempotencyKey": "k1" } });
    let (first, again) = (server.data(CREATE, input.clone()).await, server.data(CREATE, input).await);
    assert_eq!(first["createImageSpec"]["job"]["id"], again["createImageSpec"]["job"]["id"]);
    assert_eq!(again["createImageSpec"]["userErrors"], json!([]));
    let other = json!({ "input": { "name": "other", "baseImage": "debian", "idempotencyKey": "k1" } });
    let other = server.data(CREATE, other).await;
    assert_eq!(other["createImageSpec"]["userErrors"][0]["field"], "idempotencyKey");
    // What a form sends for a field that was left empty is no key.
    for name in ["left", "empty"] {
        let input = json!({ "input": { "name": name, "baseImage": "debian", "idempotencyKey": "" } });
        let created = server.data(CREATE, input).await;
        assert_eq!(created["createImageSpec"]["userErrors"], json!([]), "{name}");
    }
}

#[tokio::test]
async fn an_update_starts_a_job_and_a_lost_update_is_a_conflict() {
    let server = Server::start().await;
    server.create("a").await;
    let update = |version: u64, apt: &str| json!({ "input": { "name": "a", "version": version, "baseImage": "debian:12", "packages": { "apt": [apt] } } });
    let done = server.data(UPDATE, update(1, "curl")).await;
    let lost = server.data(UPDATE, update(1, "wget")).await;
    let gone = json!({ "input": { "name": "gone", "version": 1, "baseImage": "debian", "packages": {} } });
    // A change that says nothing of the requirements would remove them all.
    let silent = json!({ "input": { "name": "a", "version": 1, "baseImage": "debian" } });
    assert!(server.operation(UPDATE, silent).await.text().contains("packages"));
    let gone = server.data(UPDATE, gone).await;
    insta::assert_json_snapshot!(json!([done, lost, gone]));
    let never = server.data(UPDATE, update(i64::MAX.unsigned_abs(), "wget")).await;
    assert_eq!(never["updateImageSpec"]["userErrors"], lost["updateImageSpec"]["userErrors"]);
    let now = server.data("{ imageSpec(name: \"a\") { version packages { apt } } }", Value::Null).await;
    assert_eq!(now["imageSpec"], json!({ "version": 2, "packages": { "apt": ["curl"] } }));
}

#[tokio::test]
async fn a_deleted_spec_is_gone_and_its_name_free() {
    let server = Server::start().await;
    let job = server.create("a").await;
    let delete = "mutation { deleteImageSpec(input: { name: \"a\" }) { name userErrors { code message field } } }";
    let done = server.data(delete, Value::Null).await;
    let again = server.data(delete, Value::Null).await;
    insta::assert_json_snapshot!(json!([done, again]));
    let query = "query($id: ID!) { imageSpec(name: \"a\") { id } buildJob(id: $id) { id } node(id: $id) { id } }";
    let after = server.data(query, json!({ "id": job })).await;
    assert_eq!(after, json!({ "imageSpec": null, "buildJob": null, "node": null }));
    server.create("a").await;
}

#[tokio::test]
async fn rebuild_and_cancel_make_and_end_jobs() {
    let server = Server::start().await;
    let first = server.create("a").await;
    let rebuild = "mutation($name: String!) { rebuildImageSpec(input: { name: $name }) { job { number status } \
                   imageSpec { version } userErrors { code message field } } }";
    let rebuilt = server.data(rebuild, json!({ "name": "a" })).await;
    let missing = server.data(rebuild, json!({ "name": "gone" })).await;
    let cancel = "mutation($id: ID!) { cancelBuildJob(input: { id: $id }) { job { number status finishedAt } \
                  userErrors { code message field } } }";
    let cancelled = server.data(cancel, json!({ "id": first })).await;
    let again = server.data(cancel, json!({ "id": first })).await;
    let unknown = server.data(cancel, json!({ "id": "job_00000000000000000000000000000000" })).await;
    let nonsense = server.data(cancel, json!({ "id": "spec_1" })).await;
    insta::assert_json_snapshot!(steady(json!([rebuilt, missing, cancelled, again, unknown, nonsense])));
}

#[tokio::test]
async fn a_list_is_searched_sorted_and_paged_both_ways() {
    let server = Server::start().await;
    for name in ["delta", "alpha", "charlie", "bravo", "alpine"] {
        server.create(name).await;
    }
    let names = |data: &Value| {
        let nodes = data["imageSpecs"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let query =
        "query($search: String, $order: ImageSpecOrder, $first: Int, $after: String, $last: Int, $before: String) {
        imageSpecs(search: $search, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    assert_eq!(names(&server.data(query, json!({})).await), ["alpine", "bravo", "charlie", "alpha", "delta"]);
    let found = server.data(query, json!({ "search": "ALP" })).await;
    assert_eq!((names(&found), &found["imageSpecs"]["totalCount"]), (vec!["alpine".into(), "alpha".into()], &json!(2)));
    assert_eq!(names(&server.data(query, json!({ "search": "%" })).await), Vec::<String>::new());

    let order = json!({ "field": "NAME", "direction": "ASC" });
    let page = server.data(query, json!({ "order": order, "first": 2 })).await;
    assert_eq!(names(&page), ["alpha", "alpine"]);
    assert_eq!(page["imageSpecs"]["pageInfo"]["hasNextPage"], true);
    let after = &page["imageSpecs"]["pageInfo"]["endCursor"];
    let page = server.data(query, json!({ "order": order, "first": 2, "after": after })).await;
    assert_eq!(names(&page), ["bravo", "charlie"]);
    let before = &page["imageSpecs"]["pageInfo"]["startCursor"];
    let page = server.data(query, json!({ "order": order, "last": 1, "before": before })).await;
    assert_eq!(
        (names(&page), &page["imageSpecs"]["pageInfo"]["hasPreviousPage"]),
        (vec!["alpine".into()], &json!(true))
    );
}

#[tokio::test]
async fn paging_that_makes_no_sense_is_an_error_of_the_client() {
    let server = Server::start().await;
    for arguments in ["first: -1", "first: 101", "first: 1, last: 1", "after: \"nonsense\"", "first: 1, after: \"e30\""]
    {
        let answer = server.operation(&format!("{{ imageSpecs({arguments}) {{ totalCount }} }}"), Value::Null).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{arguments}: {}", answer.text());
    }
}
