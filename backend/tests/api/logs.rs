//! `/jobs/{id}/log` and pages of a log.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::harness::Server;

#[tokio::test]
async fn the_download_is_byte_for_byte_also_while_the_job_runs() {
    let server = Server::start().await;
    let id = server.create("a").await;
    let job = server.claim().await;
    let url = format!("/jobs/{id}/log");
    let empty = server.get(&url).await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::OK, 0));
    let first = b"one\r\n\xff\xfe not UTF-8\n\xe2\x80\xa8 no line break\n\n".to_vec();
    server.services.logs.append(job.id, 1, &first).await.unwrap();
    let running = server.get(&url).await;
    assert_eq!(running.body, first);
    assert_eq!(running.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(running.header("content-disposition"), "inline; filename=\"a-1.log\"");
    server.services.logs.append(job.id, 5, b"five\n").await.unwrap();
    server.succeed(&job, "a").await;
    let done = server.get(&format!("{url}?download")).await;
    assert_eq!(done.body, [first.as_slice(), b"five\n"].concat());
    assert_eq!(done.header("content-disposition"), "attachment; filename=\"a-1.log\"");
}

#[tokio::test]
async fn a_job_that_there_is_not_has_no_log() {
    let server = Server::start().await;
    for id in ["x", "job_00000000000000000000000000000000", "..%2F..%2Fetc%2Fpasswd", "job_%00"] {
        let answer = server.get(&format!("/jobs/{id}/log")).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "NOT_FOUND"), "{id}");
    }
    for path in ["/jobs/", "/jobs/x", "/jobs/x/log/more"] {
        assert_eq!(server.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_page_is_the_latest_lines_or_those_before_one() {
    let server = Server::start().await;
    let id = server.create("a").await;
    let job = server.claim().await;
    let text: String = (1..=2500).map(|n| format!("line {n}\n")).collect();
    server.services.logs.append(job.id, 1, text.as_bytes()).await.unwrap();
    let page = async |arguments: &str| {
        let query = format!(
            "query($id: ID!) {{ buildJob(id: $id) {{ log{arguments} {{ firstLine lines totalLines finished }} }} }}"
        );
        server.data(&query, json!({ "id": id })).await["buildJob"]["log"].clone()
    };
    let latest = page("").await;
    assert_eq!((&latest["firstLine"], &latest["totalLines"]), (&json!(501), &json!(2500)));
    assert_eq!(latest["lines"].as_array().unwrap().len(), 2000);
    let earlier = page("(last: 2, before: 501)").await;
    assert_eq!(earlier["lines"], json!(["line 499", "line 500"]));
    assert_eq!(page("(last: 5, before: 2)").await["lines"], json!(["line 1"]));
    for arguments in ["last: -1", "last: 10001", "before: 0"] {
        let query = format!("query($id: ID!) {{ buildJob(id: $id) {{ log({arguments}) {{ firstLine }} }} }}");
        assert_eq!(server.operation(&query, json!({ "id": id })).await.code(), "BAD_USER_INPUT", "{arguments}");
    }
    assert_eq!(server.operation("{ registry { host } }", Value::Null).await.status, StatusCode::OK);
}
