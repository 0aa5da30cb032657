//! "Who may call": each way in that must be closed, and each that must be open.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::harness::{HOST, Server, TOKEN, bearer, body, post, request};

const QUERY: &str = "{ registry { configured } }";

async fn status(server: &Server, request: Request<Body>) -> (StatusCode, String) {
    let answer = server.send(request).await;
    let code = if answer.status.is_success() { String::new() } else { answer.code() };
    (answer.status, code)
}

fn query() -> Body {
    body(QUERY, &Value::Null)
}

#[tokio::test]
async fn without_the_token_nothing_is_answered() {
    let server = Server::start().await;
    let unauthenticated = (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED".to_owned());
    assert_eq!(status(&server, post().body(query()).unwrap()).await, unauthenticated);
    for wrong in ["Bearer wrong", "Bearer ", "Basic dXNlcjpwYXNz", &format!("Bearer {TOKEN}0"), TOKEN] {
        let sent = post().header(header::AUTHORIZATION, wrong).body(query()).unwrap();
        assert_eq!(status(&server, sent).await, unauthenticated, "{wrong}");
    }
    let wrong_cookie = post().header(header::COOKIE, "cooperage_8080=wrong").body(query()).unwrap();
    assert_eq!(status(&server, wrong_cookie).await, unauthenticated);
    let log = request("GET", "/jobs/job_00000000000000000000000000000000/log").body(Body::empty()).unwrap();
    assert_eq!(status(&server, log).await, unauthenticated);
}

#[tokio::test]
async fn the_token_is_taken_as_bearer_or_in_the_cookie() {
    let server = Server::start().await;
    let with = [(header::AUTHORIZATION, bearer()), (header::COOKIE, format!("a=b; cooperage_8080={TOKEN}; c=d"))];
    for (name, value) in with {
        let answer = server.send(post().header(name, value).body(query()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json(), json!({"data": {"registry": {"configured": false}}}));
    }
    // A wrong header is not made good by a right cookie, nor is the cookie of a server on another port taken.
    let both =
        post().header(header::AUTHORIZATION, "Bearer wrong").header(header::COOKIE, format!("cooperage_8080={TOKEN}"));
    assert_eq!(status(&server, both.body(query()).unwrap()).await.0, StatusCode::UNAUTHORIZED);
    let other = post().header(header::COOKIE, format!("cooperage_9090={TOKEN}"));
    assert_eq!(status(&server, other.body(query()).unwrap()).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_even_with_the_token() {
    let server = Server::start().await;
    let forbidden = (StatusCode::FORBIDDEN, "FORBIDDEN".to_owned());
    for origin in
        ["https://evil.example", "http://localhost:9090", "null", "http://localhost:8080.evil.example", "file://"]
    {
        let sent = post().header(header::AUTHORIZATION, bearer()).header(header::ORIGIN, origin).body(query()).unwrap();
        assert_eq!(status(&server, sent).await, forbidden, "{origin}");
    }
    let ours = post().header(header::AUTHORIZATION, bearer()).header(header::ORIGIN, "http://localhost:8080");
    assert_eq!(status(&server, ours.body(query()).unwrap()).await.0, StatusCode::OK);
    let two = post().header(header::AUTHORIZATION, bearer()).header(header::ORIGIN, "http://localhost:8080");
    let two = two.header(header::ORIGIN, "https://evil.example").body(query()).unwrap();
    assert_eq!(status(&server, two).await, forbidden);
}

#[tokio::test]
async fn a_foreign_site_is_refused_but_may_link_to_a_page() {
    let server = Server::start().await;
    for site in ["cross-site", "same-site"] {
        let sent = post().header(header::AUTHORIZATION, bearer()).header("sec-fetch-site", site).body(query()).unwrap();
        assert_eq!(status(&server, sent).await.0, StatusCode::FORBIDDEN, "{site}");
        let log = request("GET", "/jobs/x/log").header(header::AUTHORIZATION, bearer()).header("sec-fetch-site", site);
        let log = log.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        assert_eq!(status(&server, log.body(Body::empty()).unwrap()).await.0, StatusCode::FORBIDDEN);
        let framed = request("GET", "/image-specs").header("sec-fetch-site", site).header("sec-fetch-dest", "iframe");
        let framed = framed.header("sec-fetch-mode", "navigate").body(Body::empty()).unwrap();
        assert_eq!(status(&server, framed).await.0, StatusCode::FORBIDDEN);
        let link = request("GET", "/image-specs").header("sec-fetch-site", site).header("sec-fetch-mode", "navigate");
        let link = link.header("sec-fetch-dest", "document").body(Body::empty()).unwrap();
        assert_ne!(server.send(link).await.status, StatusCode::FORBIDDEN);
    }
    for site in ["same-origin", "none"] {
        let sent = post().header(header::AUTHORIZATION, bearer()).header("sec-fetch-site", site).body(query()).unwrap();
        assert_eq!(status(&server, sent).await.0, StatusCode::OK, "{site}");
    }
}

fn to_host(host: &str) -> Request<Body> {
    let sent = Request::builder().method("POST").uri("/graphql").header(header::HOST, host);
    sent.header(header::CONTENT_TYPE, "application/json").header(header::AUTHORIZATION, bearer()).body(query()).unwrap()
}

#[tokio::test]
async fn a_name_that_was_bound_anew_to_this_address_is_refused() {
    let server = Server::start().await;
    for host in
        ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1:8080", "", "a@localhost", "[::2]"]
    {
        assert_eq!(status(&server, to_host(host)).await, (StatusCode::FORBIDDEN, "FORBIDDEN".to_owned()), "{host}");
    }
    for host in [HOST, "127.0.0.1", "127.0.0.1:9", "[::1]:8080", "LOCALHOST:8080", "app.localhost:8080"] {
        assert_eq!(status(&server, to_host(host)).await.0, StatusCode::OK, "{host}");
    }
    let none = Request::builder().method("POST").uri("/graphql").header(header::CONTENT_TYPE, "application/json");
    let none = none.header(header::AUTHORIZATION, bearer()).body(query()).unwrap();
    assert_eq!(status(&server, none).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_public_url_is_a_host_and_an_origin_of_ours() {
    let server = Server::with(Some("https://images.example.com"), Default::default()).await;
    assert_eq!(status(&server, to_host("images.example.com")).await.0, StatusCode::OK);
    assert_eq!(status(&server, to_host("other.example.com")).await.0, StatusCode::FORBIDDEN);
    // A proxy may name the inner host and leave the outer origin.
    let proxied = post().header(header::AUTHORIZATION, bearer()).header(header::ORIGIN, "https://images.example.com");
    assert_eq!(status(&server, proxied.body(query()).unwrap()).await.0, StatusCode::OK);
    let sign_in = Request::builder().uri(format!("/?token={TOKEN}")).header(header::HOST, "images.example.com");
    let answer = server.send(sign_in.body(Body::empty()).unwrap()).await;
    assert!(answer.header("set-cookie").ends_with("; Secure"), "{:?}", answer.headers);
}

#[tokio::test]
async fn an_operation_by_get_is_refused_mutation_or_not() {
    let server = Server::start().await;
    for query in [
        "query=%7B__typename%7D",
        "query=mutation%7BdeleteImageSpec(input:%7Bname:%22a%22%7D)%7Bname%7D%7D",
        "operationName=a",
    ] {
        let answer = server.get(&format!("/graphql?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"));
        assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        let sent = request(method, "/graphql").header(header::AUTHORIZATION, bearer()).body(Body::empty()).unwrap();
        assert_eq!(status(&server, sent).await.0, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn only_json_is_taken_and_one_operation_at_a_time() {
    let server = Server::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
    ] {
        let sent =
            request("POST", "/graphql").header(header::AUTHORIZATION, bearer()).header(header::CONTENT_TYPE, kind);
        assert_eq!(status(&server, sent.body(query()).unwrap()).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let batch = post()
        .header(header::AUTHORIZATION, bearer())
        .body(Body::from(format!("[{{\"query\":\"{QUERY}\"}}]")))
        .unwrap();
    let answer = server.send(batch).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "BAD_REQUEST"));
    assert!(answer.text().contains("Batches"), "{}", answer.text());
    for body in ["", "{", "null", "{\"query\": 1}", "\u{0}"] {
        let sent = post().header(header::AUTHORIZATION, bearer()).body(Body::from(body)).unwrap();
        assert_eq!(status(&server, sent).await, (StatusCode::BAD_REQUEST, "BAD_REQUEST".to_owned()), "{body:?}");
    }
    let huge = post().header(header::AUTHORIZATION, bearer()).body(Body::from(vec![b' '; 17 * 1024 * 1024])).unwrap();
    assert_eq!(status(&server, huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn probes_and_metrics_need_neither_token_nor_host() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let sent = Request::builder().uri(path).header(header::HOST, "10.1.2.3:8080").body(Body::empty()).unwrap();
        assert_eq!(server.send(sent).await.status, StatusCode::OK, "{path}");
    }
    server.create("a").await;
    let metrics = server.get("/metrics").await;
    assert!(metrics.text().contains("cooperage_jobs{status=\"QUEUED\"} 1\n"), "{}", metrics.text());
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let milliseconds: Option<f64> =
        metrics.header("server-timing").strip_prefix("server;dur=").and_then(|text| text.parse().ok());
    assert!(milliseconds.is_some_and(|milliseconds| milliseconds > 0.0), "{}", metrics.header("server-timing"));
}

#[tokio::test]
async fn readiness_says_that_the_database_does_not_answer() {
    let server = Server::start().await;
    server.services.store.clone().close().await.unwrap();
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["ready"], false);
    assert_eq!(server.get("/healthz").await.status, StatusCode::OK);
    // What went wrong is for the server's log; the client gets a number.
    let failed = server.operation("{ pullSecrets { name } }", Value::Null).await;
    assert_eq!(failed.code(), "UNAVAILABLE");
    assert!(!failed.text().to_lowercase().contains("sql"), "{}", failed.text());
}

#[tokio::test]
async fn the_token_in_the_address_becomes_a_cookie_and_leaves_the_address() {
    let server = Server::start().await;
    let open = |path: String| server.send(request("GET", &path).body(Body::empty()).unwrap());
    let answer = open(format!("/image-specs/a?tab=jobs&token={TOKEN}&x=1")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), "/image-specs/a?tab=jobs&x=1");
    let cookie = format!("cooperage_8080={TOKEN}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000");
    assert_eq!(answer.header("set-cookie"), cookie);
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(open(format!("/?token={TOKEN}")).await.header("location"), "/");
    assert_eq!(open(format!("//evil.example/?token={TOKEN}")).await.header("location"), "/evil.example/");
    let wrong = open("/?token=wrong".to_owned()).await;
    assert_eq!((wrong.header("location"), wrong.header("set-cookie")), ("/sign-in", ""));
}

#[tokio::test]
async fn signing_in_and_out_sets_and_clears_the_cookie() {
    let server = Server::start().await;
    let sign_in = |token: &str| {
        let sent = request("POST", "/session").header(header::CONTENT_TYPE, "application/json");
        server.send(sent.body(Body::from(json!({ "token": token }).to_string())).unwrap())
    };
    let answer = sign_in(TOKEN).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").contains("HttpOnly; SameSite=Strict"));
    let wrong = sign_in("wrong").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    let out = server.send(request("DELETE", "/session").body(Body::empty()).unwrap()).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(
        out.header("set-cookie").starts_with("cooperage_8080=; ") && out.header("set-cookie").contains("Max-Age=0")
    );
    let foreign = request("POST", "/session").header(header::CONTENT_TYPE, "application/json");
    let foreign = foreign.header(header::ORIGIN, "https://evil.example").body(Body::from("{\"token\":\"x\"}")).unwrap();
    assert_eq!(server.send(foreign).await.status, StatusCode::FORBIDDEN);
    let malformed =
        request("POST", "/session").header(header::CONTENT_TYPE, "application/json").body(Body::from("{")).unwrap();
    assert_eq!(status(&server, malformed).await.1, "BAD_REQUEST");
}

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let server = Server::start().await;
    for path in ["/", "/graphql", "/healthz", "/jobs/x/log"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}
