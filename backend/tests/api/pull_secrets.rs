//! Pull secrets: their passwords go in and never come out.

use serde_json::{Value, json};

use crate::harness::{Server, steady};

fn mutation(name: &str) -> String {
    format!(
        "mutation($input: PullSecretInput!) {{ {name}(input: $input) {{ pullSecret {{ id name host username createdAt }}
         userErrors {{ code message field }} }} }}"
    )
}

async fn password(server: &Server) -> Option<String> {
    let row = server.services.store.pull_secret("hub").await.unwrap().unwrap();
    server.services.key.open("hub", &row.host, &row.sealed).ok().map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn a_password_is_kept_encrypted_and_stays_unless_it_is_changed() {
    let server = Server::start().await;
    let (create, update) = (mutation("createPullSecret"), mutation("updatePullSecret"));
    let input = json!({ "input": { "name": "hub", "host": "Registry.Example:5000", "username": "me", "password": "hunter2-☂" } });
    let created = server.data(&create, input.clone()).await;
    assert_eq!(password(&server).await.as_deref(), Some("hunter2-☂"));
    for entry in std::fs::read_dir(server.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "the password is on disk");
    }
    let taken = server.data(&create, input).await;
    let kept = json!({ "input": { "name": "hub", "host": "registry.example:5000", "username": "you" } });
    let kept = server.data(&update, kept).await;
    assert_eq!(password(&server).await.as_deref(), Some("hunter2-☂"));
    let moved = json!({ "input": { "name": "hub", "host": "evil.example", "username": "you" } });
    let moved = server.data(&update, moved).await;
    let changed = json!({ "input": { "name": "hub", "host": "other.example", "username": "you", "password": "new" } });
    server.data(&update, changed).await;
    assert_eq!(password(&server).await.as_deref(), Some("new"));
    let missing = json!({ "input": { "name": "gone", "host": "h.example", "username": "u", "password": "p" } });
    let missing = server.data(&update, missing).await;
    insta::assert_json_snapshot!(steady(json!([created, taken, kept, moved, missing])));
}

#[tokio::test]
async fn the_hub_is_one_host_by_whichever_name() {
    let server = Server::start().await;
    let input = json!({ "input": { "name": "hub", "host": "Registry-1.Docker.io", "username": "u", "password": "p" } });
    let created = server.data(&mutation("createPullSecret"), input).await;
    assert_eq!(created["createPullSecret"]["pullSecret"]["host"], "docker.io");
    let spec = "mutation { createImageSpec(input: { name: \"a\", baseImage: \"python\", pullSecret: \"hub\" }) {
        userErrors { message } } }";
    assert_eq!(server.data(spec, Value::Null).await["createImageSpec"]["userErrors"], json!([]));
}

#[tokio::test]
async fn everything_wrong_with_a_pull_secret_is_told_at_once() {
    let server = Server::start().await;
    let input = json!({ "input": { "name": "No Name", "host": "http://x/y", "username": "a:b\n", "password": "" } });
    insta::assert_json_snapshot!(server.data(&mutation("createPullSecret"), input).await);
}

#[tokio::test]
async fn a_pull_secret_in_use_stays_and_its_users_are_named() {
    let server = Server::start().await;
    let input = json!({ "input": { "name": "hub", "host": "h.example", "username": "u", "password": "p" } });
    server.data(&mutation("createPullSecret"), input).await;
    let users = "mutation {
        createImageSpec(input: { name: \"spec\", baseImage: \"h.example/a\", pullSecret: \"hub\" }) { userErrors { message } }
        createBaseImage(input: { name: \"base\", url: \"h.example/a\", pullSecret: \"hub\" }) { userErrors { message } } }";
    server.data(users, Value::Null).await;
    let delete = "mutation { deletePullSecret(input: { name: \"hub\" }) { name userErrors { code message field } } }";
    let refused = server.data(delete, Value::Null).await;
    let freed = "mutation { deleteImageSpec(input: { name: \"spec\" }) { name } deleteBaseImage(input: { name: \"base\" }) { name } }";
    server.data(freed, Value::Null).await;
    let done = server.data(delete, Value::Null).await;
    let again = server.data(delete, Value::Null).await;
    insta::assert_json_snapshot!(json!([refused, done, again]));
}
