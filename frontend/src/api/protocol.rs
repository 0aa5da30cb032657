//! The messages of `graphql-transport-ws` (the subprotocol of npm's graphql-ws), as far as a client needs them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name under which the subprotocol is asked for.
pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// What the client says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientMessage {
    /// Opens the conversation; the session cookie has already told who we are.
    ConnectionInit,
    /// Asks for a sign of life.
    Ping,
    /// Gives one.
    Pong,
    /// Starts a subscription.
    Subscribe {
        /// Ours, unique among the open subscriptions.
        id: String,
        /// `{ query, variables, operationName }`
        payload: Value,
    },
    /// Ends a subscription.
    Complete {
        /// Which.
        id: String,
    },
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage {
    /// The conversation is open.
    ConnectionAck,
    /// Asks for a sign of life.
    Ping,
    /// Gives one.
    Pong,
    /// One result of a subscription.
    Next {
        /// Of which.
        id: String,
        /// `{ data, errors }`
        payload: Value,
    },
    /// The subscription could not be started.
    Error {
        /// Which.
        id: String,
        /// GraphQL errors.
        #[serde(default)]
        payload: Vec<ErrorMessage>,
    },
    /// The subscription has ended.
    Complete {
        /// Which.
        id: String,
    },
}

/// A GraphQL error, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct ErrorMessage {
    /// For people.
    pub(super) message: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_client_says_is_the_protocols_json() {
        let text = |message: ClientMessage| serde_json::to_value(message).unwrap();
        assert_eq!(text(ClientMessage::ConnectionInit), json!({ "type": "connection_init" }));
        assert_eq!(text(ClientMessage::Pong), json!({ "type": "pong" }));
        assert_eq!(
            text(ClientMessage::Subscribe { id: "1".into(), payload: json!({ "query": "subscription { a }" }) }),
            json!({ "type": "subscribe", "id": "1", "payload": { "query": "subscription { a }" } })
        );
        assert_eq!(text(ClientMessage::Complete { id: "1".into() }), json!({ "type": "complete", "id": "1" }));
    }

    #[test]
    fn what_the_server_says_is_understood_with_fields_we_do_not_know() {
        let read = |value| serde_json::from_value::<ServerMessage>(value).unwrap();
        assert_eq!(read(json!({ "type": "connection_ack", "payload": {} })), ServerMessage::ConnectionAck);
        assert_eq!(read(json!({ "type": "ping", "payload": null })), ServerMessage::Ping);
        assert_eq!(
            read(json!({ "type": "next", "id": "7", "payload": { "data": { "a": 1 } } })),
            ServerMessage::Next { id: "7".into(), payload: json!({ "data": { "a": 1 } }) }
        );
        assert_eq!(
            read(json!({ "type": "error", "id": "7", "payload": [{ "message": "no", "path": [] }] })),
            ServerMessage::Error { id: "7".into(), payload: vec![ErrorMessage { message: "no".into() }] }
        );
        assert!(serde_json::from_value::<ServerMessage>(json!({ "type": "unheard_of" })).is_err());
    }
}
