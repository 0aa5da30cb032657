//! Subscriptions over `graphql-transport-ws`, on a socket of their own.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{PORT, Server, TOKEN};

const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listen(server: &Server) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Opens a WebSocket; the status where the upgrade is refused.
async fn open(address: SocketAddr, headers: &[(&'static str, String)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{address}/graphql/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-transport-ws");
            Ok(socket)
        }
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// The next message that is not a ping; the close code where the other side hangs up.
async fn hear(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("no message came");
        match message.unwrap().unwrap() {
            Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => return Err(frame.map_or(0, |frame| frame.code.into())),
            _ => {}
        }
    }
}

async fn subscribe(server: &Server, query: &str, variables: Value) -> Socket {
    let mut socket = open(listen(server).await, &[("cookie", format!("cooperage_{PORT}={TOKEN}"))]).await.unwrap();
    say(&mut socket, json!({ "type": "connection_init" })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "connection_ack");
    let payload = json!({ "query": query, "variables": variables });
    say(&mut socket, json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    socket
}

async fn next(socket: &mut Socket) -> Value {
    let message = hear(socket).await.unwrap();
    assert_eq!(message["type"], "next", "{message}");
    assert!(message["payload"].get("errors").is_none(), "{message}");
    message["payload"]["data"].clone()
}

#[tokio::test]
async fn a_foreign_websocket_is_refused_before_the_upgrade() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let cookie = ("cookie", format!("cooperage_{PORT}={TOKEN}"));
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:1"),
        ("host", "evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(
            open(address, &[cookie.clone(), (name, value.to_owned())]).await.err(),
            Some(403),
            "{name}: {value}"
        );
    }
    assert_eq!(open(address, &[("authorization", "Bearer wrong".to_owned())]).await.err(), Some(401));
    assert!(open(address, &[cookie, ("origin", format!("http://{address}"))]).await.is_ok());
}

#[tokio::test]
async fn a_websocket_brings_its_token_by_cookie_or_in_connection_init() {
    let server = Server::start().await;
    let address = listen(&server).await;
    let bearer = format!("Bearer {TOKEN}");
    for payload in [json!({ "token": TOKEN }), json!({ "Authorization": bearer }), json!({ "authorization": bearer })] {
        let mut socket = open(address, &[]).await.unwrap();
        say(&mut socket, json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(hear(&mut socket).await.unwrap()["type"], "connection_ack");
    }
    let wrong = [
        json!({ "type": "connection_init" }),
        json!({ "type": "connection_init", "payload": { "token": "wrong" } }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ registry { host } }", "token": TOKEN } }),
        json!([]),
    ];
    for message in wrong {
        let mut socket = open(address, &[]).await.unwrap();
        say(&mut socket, message).await;
        assert_eq!(hear(&mut socket).await, Err(4401));
    }
}

#[tokio::test]
async fn a_log_is_told_from_its_history_to_its_end() {
    let server = Server::start().await;
    let id = server.create("a").await;
    let job = server.claim().await;
    server.services.logs.append(job.id, 1, b"one\ntwo\n").await.unwrap();
    let query = "subscription($id: ID!, $from: Int, $last: Int) { buildLog(jobId: $id, fromLine: $from, last: $last) {
        firstLine lines finished } }";
    let mut socket = subscribe(&server, query, json!({ "id": id })).await;
    let chunk = json!({ "buildLog": { "firstLine": 1, "lines": ["one", "two"], "finished": false } });
    assert_eq!(next(&mut socket).await, chunk);
    server.services.logs.append(job.id, 3, b"three\n").await.unwrap();
    let chunk = json!({ "buildLog": { "firstLine": 3, "lines": ["three"], "finished": false } });
    assert_eq!(next(&mut socket).await, chunk);
    server.succeed(&job, "a").await;
    let chunk = json!({ "buildLog": { "firstLine": 4, "lines": [], "finished": true } });
    assert_eq!(next(&mut socket).await, chunk);
    assert_eq!(hear(&mut socket).await.unwrap(), json!({ "type": "complete", "id": "1" }));

    // After a reconnect, from the line that is wanted next; or only the latest.
    for (variables, lines) in
        [(json!({ "id": id, "from": 2 }), json!(["two", "three"])), (json!({ "id": id, "last": 1 }), json!(["three"]))]
    {
        let mut socket = subscribe(&server, query, variables).await;
        let chunk = next(&mut socket).await;
        assert_eq!((&chunk["buildLog"]["lines"], &chunk["buildLog"]["finished"]), (&lines, &json!(true)));
    }
    for variables in [
        json!({ "id": "job_1" }),
        json!({ "id": id, "from": 0 }),
        json!({ "id": id, "last": -1 }),
        json!({ "id": id, "from": 1, "last": 1 }),
    ] {
        let mut socket = subscribe(&server, query, variables).await;
        let error = hear(&mut socket).await.unwrap();
        assert!(error.to_string().contains("BAD_USER_INPUT"), "{error}");
    }
}

#[tokio::test]
async fn each_change_of_a_job_is_told_and_its_end_always() {
    let server = Server::start().await;
    server.create("old").await;
    let query = "subscription($spec: String) { buildJobs(specName: $spec) { number status image imageSpec { name } } }";
    let mut all = subscribe(&server, query, json!({})).await;
    let mut one = subscribe(&server, query, json!({ "spec": "old" })).await;
    // A subscription is at work once it was answered or has told something: ask something behind it.
    for socket in [&mut all, &mut one] {
        say(socket, json!({ "type": "subscribe", "id": "2", "payload": { "query": "{ registry { configured } }" } }))
            .await;
        assert_eq!(hear(socket).await.unwrap()["id"], "2");
        assert_eq!(hear(socket).await.unwrap(), json!({ "type": "complete", "id": "2" }));
    }
    let old = server.claim().await;
    let told = next(&mut all).await["buildJobs"].clone();
    assert_eq!(told, json!({ "number": 1, "status": "RUNNING", "image": null, "imageSpec": { "name": "old" } }));
    assert_eq!(next(&mut one).await["buildJobs"]["status"], "RUNNING");
    server.create("new").await;
    assert_eq!(next(&mut all).await["buildJobs"]["imageSpec"]["name"], "new");
    // No hint is given of this end: the database is asked all the same.
    let failure = serde_json::from_value(json!({ "code": "LOST", "message": "It is gone." })).unwrap();
    server.services.store.finish(old.id, &cooperage::store::Terminal::Failed(failure)).await.unwrap();
    assert_eq!(next(&mut all).await["buildJobs"]["status"], "FAILED");
    assert_eq!(next(&mut one).await["buildJobs"]["status"], "FAILED");
    server.data("mutation { deleteImageSpec(input: { name: \"old\" }) { name } }", Value::Null).await;
    assert_eq!(hear(&mut one).await.unwrap(), json!({ "type": "complete", "id": "1" }));
}

#[tokio::test]
async fn who_asks_hears_of_each_spec_that_is_deleted() {
    let server = Server::start().await;
    server.create("kept").await;
    server.create("doomed").await;
    let id = server.data("{ imageSpec(name: \"doomed\") { id } }", Value::Null).await["imageSpec"]["id"].clone();
    let mut socket = subscribe(&server, "subscription { imageSpecDeleted { id } }", Value::Null).await;
    // The subscription says nothing when it begins: another answer on the same socket shows that it has.
    say(&mut socket, json!({ "type": "subscribe", "id": "2", "payload": { "query": "{ __typename }" } })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["id"], "2");
    let delete = "mutation { deleteImageSpec(input: { name: \"doomed\" }) { name } }";
    server.data(delete, Value::Null).await;
    loop {
        let message = hear(&mut socket).await.unwrap();
        if message["id"] == "1" {
            assert_eq!(message["payload"]["data"]["imageSpecDeleted"]["id"], id);
            break;
        }
    }
}
