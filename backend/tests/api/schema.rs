//! The schema is what is checked in, and every part of it says what it is.

use serde_json::Value;

use crate::harness::Server;

#[test]
fn schema_graphql_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql");
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == cooperage::graphql::sdl(),
        "schema.graphql is not what the code says: run `cargo run -p cooperage -- schema > schema.graphql` and look at the \
         difference"
    );
}

#[tokio::test]
async fn every_type_field_argument_and_value_is_documented() {
    let server = Server::start().await;
    let query = "{ __schema { types { kind name description
        fields(includeDeprecated: true) { name description args { name description } }
        inputFields { name description } enumValues { name description } } } }";
    let data = server.data(query, Value::Null).await;
    let mut missing = Vec::new();
    let mut look = |place: String, item: &Value| {
        if item["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            missing.push(place);
        }
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for kind in list(&data["__schema"]["types"]) {
        let name = kind["name"].as_str().unwrap().to_owned();
        // What GraphQL itself defines, the library describes or not.
        if name.starts_with("__") || name == "ID" {
            continue;
        }
        look(name.clone(), &kind);
        for field in list(&kind["fields"]) {
            let place = format!("{name}.{}", field["name"].as_str().unwrap());
            look(place.clone(), &field);
            list(&field["args"]).iter().for_each(|argument| look(format!("{place}({})", argument["name"]), argument));
        }
        for part in ["inputFields", "enumValues"] {
            list(&kind[part]).iter().for_each(|item| look(format!("{name}.{}", item["name"]), item));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// The playground's example operations are kept in a file of the bundle; each must fit the schema.
#[tokio::test]
async fn the_playgrounds_examples_fit_the_schema() {
    let server = Server::start().await;
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../playground/src/examples.js")).unwrap();
    let examples: Vec<&str> = text.split("query: `").skip(1).map(|rest| rest.split('`').next().unwrap()).collect();
    assert!(examples.len() >= 4);
    for example in examples {
        // Without its variables, each gets as far as they are missed, or as a subscription by POST.
        let answer = server.operation(example, Value::Null).await.json();
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
        let fits =
            message.is_empty() || message.contains("Variable") || message.contains("not supported on this transport");
        assert!(fits, "{example}: {message}");
    }
}
