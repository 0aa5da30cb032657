//! The web app's files, its pages, and the playground's page.

use axum::http::StatusCode;

use crate::harness::Server;

#[tokio::test]
async fn a_deep_link_is_a_page_and_a_missing_file_is_not() {
    let server = Server::start().await;
    let pages = [server.get("/").await, server.get("/image-specs/v1.2/jobs").await, server.get("/sign-in").await];
    for page in &pages {
        // Built or not, it is the same page, and where it was not built it says so.
        assert_eq!(page.body, pages[0].body);
        assert!(page.header("content-type").starts_with("text/html"));
        let is_built = page.status == StatusCode::OK;
        assert!(is_built || (page.status == StatusCode::SERVICE_UNAVAILABLE && page.text().contains("was not built")));
    }
    for path in
        ["/missing.js", "/assets/missing.wasm", "/favicon.missing.ico", "/playground/missing.js", "/../Cargo.toml"]
    {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "NOT_FOUND"), "{path}");
    }
    for path in ["/graphql/ws/more", "/session"] {
        assert!(server.get(path).await.status.is_client_error(), "{path}");
    }
}

#[tokio::test]
async fn the_playground_is_a_page_without_inline_scripts() {
    let server = Server::start().await;
    let answer = server.get("/graphql").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.text().replace("<script type=\"module\" src=", "").contains("<script"), "{}", answer.text());
    assert!(!answer.text().contains("https://"), "nothing comes from elsewhere");
}
