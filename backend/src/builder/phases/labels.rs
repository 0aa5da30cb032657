//! What an image says about itself.

use std::collections::BTreeMap;

use chrono::{SecondsFormat, Utc};

use crate::delivery::protocol::BuildPlan;

/// The labels and annotations that name an image's origin, in the words of the OCI image specification.
pub(super) fn of(plan: &BuildPlan, base_digest: &str) -> BTreeMap<String, String> {
    let version = plan.target.tag().map_or_else(|| plan.revision.to_string(), ToOwned::to_owned);
    BTreeMap::from([
        ("org.opencontainers.image.base.digest".to_owned(), base_digest.to_owned()),
        ("org.opencontainers.image.base.name".to_owned(), plan.base_image.canonical()),
        ("org.opencontainers.image.created".to_owned(), Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)),
        ("org.opencontainers.image.revision".to_owned(), plan.revision.to_string()),
        ("org.opencontainers.image.title".to_owned(), plan.spec_name.to_string()),
        ("org.opencontainers.image.version".to_owned(), version),
    ])
}

/// Puts the labels into an image's configuration; all else in it stays as it is.
pub(super) fn add(config: &mut serde_json::Value, labels: &BTreeMap<String, String>) {
    let Some(section) =
        config.as_object_mut().map(|config| config.entry("config").or_insert_with(|| serde_json::json!({})))
    else {
        return;
    };
    if !section["Labels"].is_object() {
        section["Labels"] = serde_json::json!({});
    }
    for (name, value) in labels {
        section["Labels"][name.as_str()] = serde_json::Value::from(value.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_join_those_of_the_base() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let mut config =
            serde_json::json!({ "config": { "Labels": { "a": "0", "b": "2" }, "User": "app" }, "os": "linux" });
        add(&mut config, &labels);
        let expected =
            serde_json::json!({ "config": { "Labels": { "a": "1", "b": "2" }, "User": "app" }, "os": "linux" });
        assert_eq!(config, expected);
        let mut bare = serde_json::json!({ "config": { "Labels": null } });
        add(&mut bare, &labels);
        assert_eq!(bare["config"]["Labels"]["a"], "1");
    }
}
