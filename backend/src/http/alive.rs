//! WebSockets stay open while nothing happens, and end when nobody is there any more.
//!
//! A build may print nothing for many minutes. Proxies close what is silent for long, and of a browser whose machine went
//! to sleep or lost its network no end is ever heard: so the server pings, and every WebSocket client answers by itself
//! (RFC 6455, section 5.5.2).

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::Message;
use futures_util::{Sink, SinkExt as _, Stream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;

/// How long things may take between a server and its clients.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// How often the client is pinged.
    ping: Duration,
    /// How long nothing may be heard of a client, and how long it may take to accept a message.
    silence: Duration,
}

/// That of every WebSocket.
pub(super) const PATIENCE: Patience = Patience { ping: Duration::from_secs(20), silence: Duration::from_secs(60) };

impl Patience {
    /// What the client sends, until it closes, fails, or is silent for too long.
    pub(super) fn heard(
        self,
        stream: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
    ) -> impl Stream<Item = Result<Message, axum::Error>> + Unpin {
        Box::pin(stream.timeout(self.silence).map_while(Result::ok))
    }

    /// Sends the messages, and pings in between, until there are no more or the client does not take them.
    pub(super) async fn send(self, mut sink: impl Sink<Message> + Unpin, mut messages: mpsc::Receiver<Message>) {
        let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + self.ping, self.ping);
        loop {
            let message = tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => message,
                    None => break,
                },
                _ = pings.tick() => Message::Ping(Bytes::new()),
            };
            if !matches!(timeout(self.silence, sink.send(message)).await, Ok(Ok(()))) {
                return;
            }
        }
        // The other side may be gone already, which is what closing is for.
        let _ = timeout(self.silence, sink.close()).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio_util::sync::PollSender;

    use super::*;

    const SOON: Patience = Patience { ping: Duration::from_millis(10), silence: Duration::from_millis(100) };

    #[tokio::test]
    async fn a_client_that_is_silent_is_given_up() {
        let pong = || Ok(Message::Pong(Bytes::new()));
        let mut heard = SOON.heard(stream::iter([pong()]).chain(stream::pending()));
        assert!(heard.next().await.is_some());
        assert!(heard.next().await.is_none());
    }

    #[tokio::test]
    async fn pings_go_out_while_there_is_nothing_to_say() {
        let (to_client, mut client) = mpsc::channel(100);
        let (replies, messages) = mpsc::channel(1);
        let sending = tokio::spawn(SOON.send(PollSender::new(to_client), messages));
        for _ in 0..3 {
            assert_eq!(client.recv().await, Some(Message::Ping(Bytes::new())));
        }
        replies.send(Message::Text("news".into())).await.unwrap();
        drop(replies);
        sending.await.unwrap();
        let mut rest = Vec::new();
        while let Some(message) = client.recv().await {
            rest.push(message);
        }
        assert_eq!(rest.last(), Some(&Message::Text("news".into())));
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (to_client, _client) = mpsc::channel(1);
        let (_replies, messages) = mpsc::channel(1);
        SOON.send(PollSender::new(to_client), messages).await;
    }
}
