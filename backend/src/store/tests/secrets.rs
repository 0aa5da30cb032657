//! Pull secrets and the catalogue of base images.

use super::*;

#[tokio::test]
async fn base_images_and_pull_secrets_are_kept_by_name() {
    let store = TestStore::new().await;
    let mut secret = NewPullSecret {
        name: "hub".to_owned(),
        host: "docker.io".to_owned(),
        username: "me".to_owned(),
        sealed: Some(vec![1, 2, 3]),
    };
    store.create_pull_secret(&secret).await.unwrap();
    assert!(matches!(store.create_pull_secret(&secret).await, Err(StoreError::NameTaken)));
    (secret.username, secret.sealed) = ("you".to_owned(), None);
    let changed = store.update_pull_secret(&secret).await.unwrap();
    assert_eq!((changed.username.as_str(), changed.sealed.as_slice()), ("you", [1, 2, 3].as_slice()));
    assert!(!format!("{changed:?}").contains("sealed"));
    let mut base = NewBaseImage {
        name: "py".to_owned(),
        display_name: "Python 100%".to_owned(),
        description: String::new(),
        kind: BaseImageKind::Universal,
        url: "python:3.12".to_owned(),
        url_for_gpu: None,
        pull_secret: Some("hub".to_owned()),
    };
    store.create_base_image(&base).await.unwrap();
    assert!(matches!(store.create_base_image(&base).await, Err(StoreError::NameTaken)));
    assert_eq!(store.pull_secret_users("hub").await.unwrap(), (vec![], vec!["py".to_owned()]));
    for (search, hits) in [("100%", 1), ("PYTHON:3", 1), ("python_", 0), ("", 1)] {
        let page = store.list_base_images(Some(search), &PageArgs::default()).await.unwrap();
        assert_eq!(page.total, hits, "{search}");
    }
    base.pull_secret = Some("none".to_owned());
    assert!(matches!(store.update_base_image(&base).await, Err(StoreError::PullSecretUnknown(_))));
    store.delete_pull_secret("hub").await.unwrap();
    assert!(matches!(store.delete_pull_secret("hub").await, Err(StoreError::NotFound)));
    store.delete_base_image("py").await.unwrap();
    assert!(matches!(store.delete_base_image("py").await, Err(StoreError::NotFound)));
}
