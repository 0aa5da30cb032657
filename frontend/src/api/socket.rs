//! The one WebSocket of the page, and the subscriptions on it.
//!
//! It opens with the first subscription, and as long as there is one it comes back by itself after every loss. A
//! subscription outlives the connection: on each new one its payload is asked for again, so that it can name the place at
//! which to resume.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_util::{FutureExt, SinkExt, StreamExt, select};
use gloo_net::websocket::{Message, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

use super::backoff::delay_ms;
use super::http::still_signed_in;
use super::protocol::{ClientMessage, SUBPROTOCOL, ServerMessage};

/// After so much silence a ping is sent; after twice as much the connection counts as lost.
const SILENCE_MS: f64 = 15_000.0;

/// What a subscription hears.
pub enum Event<T> {
    /// It was (again) sent to the server: what happened between is to be fetched.
    Subscribed,
    /// A result.
    Next(T),
    /// A result that could not be given; the text is for people.
    Failed(String),
    /// The server has no more to say.
    Ended,
}

enum RawEvent {
    Subscribed,
    Next(Value),
    Failed(String),
    Ended,
}

struct Subscriber {
    payload: Box<dyn Fn() -> Value>,
    hear: Rc<dyn Fn(RawEvent)>,
}

#[derive(Default)]
struct Socket {
    next_id: u64,
    subscribers: BTreeMap<u64, Subscriber>,
    /// To the open connection; none while there is none.
    outbox: Option<UnboundedSender<ClientMessage>>,
    /// Ends the wait for the next attempt.
    wake: Option<UnboundedSender<()>>,
    running: bool,
}

thread_local! {
    static SOCKET: RefCell<Socket> = RefCell::default();
}

static CONNECTED: LazyLock<ArcRwSignal<Option<bool>>> = LazyLock::new(|| ArcRwSignal::new(None));

/// Whether the live connection stands; none before the first attempt has come to an end.
pub fn connected() -> Option<bool> {
    CONNECTED.get()
}

/// An open subscription; dropping it ends it.
pub struct Subscription(u64);

impl Drop for Subscription {
    fn drop(&mut self) {
        let removed = SOCKET.with_borrow_mut(|socket| {
            if let Some(outbox) = &socket.outbox {
                // A closed outbox means a lost connection: the server has forgotten the subscription with it.
                let _ = outbox.unbounded_send(ClientMessage::Complete { id: self.0.to_string() });
            }
            socket.subscribers.remove(&self.0)
        });
        // Outside of the borrow: what its closures own may be a subscription too.
        drop(removed);
    }
}

/// Subscribes. `operation` is called for each new connection; `hear` gets everything that comes.
pub fn subscribe<T, V>(
    operation: impl Fn() -> cynic::StreamingOperation<T, V> + 'static,
    hear: impl Fn(Event<T>) + 'static,
) -> Subscription
where
    T: DeserializeOwned + 'static,
    V: Serialize + 'static,
{
    let payload = move || serde_json::to_value(operation()).expect("an operation is plain JSON");
    let hear = move |event| {
        hear(match event {
            RawEvent::Subscribed => Event::Subscribed,
            RawEvent::Ended => Event::Ended,
            RawEvent::Failed(message) => Event::Failed(message),
            RawEvent::Next(payload) => match serde_json::from_value::<cynic::GraphQlResponse<T>>(payload) {
                Ok(cynic::GraphQlResponse { data: Some(data), errors: None }) => Event::Next(data),
                Ok(answer) => Event::Failed(
                    answer
                        .errors
                        .into_iter()
                        .flatten()
                        .next()
                        .map_or_else(|| "no data".to_owned(), |error| error.message),
                ),
                Err(error) => Event::Failed(error.to_string()),
            },
        });
    };
    SOCKET.with_borrow_mut(|socket| {
        socket.next_id += 1;
        let id = socket.next_id;
        let subscriber = Subscriber { payload: Box::new(payload), hear: Rc::new(hear) };
        if let Some(outbox) = &socket.outbox {
            let message = ClientMessage::Subscribe { id: id.to_string(), payload: (subscriber.payload)() };
            if outbox.unbounded_send(message).is_ok() {
                let hear = Rc::clone(&subscriber.hear);
                spawn_local(async move { hear(RawEvent::Subscribed) });
            }
        }
        socket.subscribers.insert(id, subscriber);
        if !socket.running {
            socket.running = true;
            spawn_local(keep_connected());
        }
        Subscription(id)
    })
}

/// Connects now where the connection is lost: the person signed in, or came back to the page.
pub fn reconnect_now() {
    SOCKET.with_borrow_mut(|socket| {
        if let Some(wake) = &socket.wake {
            // Nobody waits: an attempt is under way.
            let _ = wake.unbounded_send(());
        }
        if !socket.running && !socket.subscribers.is_empty() {
            socket.running = true;
            spawn_local(keep_connected());
        }
    });
}

async fn keep_connected() {
    let (wake, mut woken) = unbounded();
    SOCKET.with_borrow_mut(|socket| socket.wake = Some(wake));
    let mut failures = 0;
    while SOCKET.with_borrow(|socket| !socket.subscribers.is_empty()) {
        let was_open = converse().await;
        SOCKET.with_borrow_mut(|socket| socket.outbox = None);
        CONNECTED.set(Some(false));
        if was_open {
            failures = 0;
        } else if !still_signed_in().await {
            break;
        }
        let mut pause = TimeoutFuture::new(delay_ms(failures, js_sys::Math::random())).fuse();
        select! { () = pause => {}, _ = woken.next() => {} }
        failures = failures.saturating_add(1);
    }
    SOCKET.with_borrow_mut(|socket| {
        socket.running = false;
        socket.wake = None;
    });
}

/// Holds one connection until it ends. Returns whether the server had opened the conversation.
async fn converse() -> bool {
    let Ok(connection) = WebSocket::open_with_protocol(&address(), SUBPROTOCOL) else { return false };
    let (mut send, receive) = connection.split();
    let mut receive = receive.fuse();
    let (outbox, mut outgoing) = unbounded();
    if outbox.unbounded_send(ClientMessage::ConnectionInit).is_err() {
        return false;
    }
    let mut opened = false;
    let mut heard_at = js_sys::Date::now();
    loop {
        let mut tick = TimeoutFuture::new(5_000).fuse();
        select! {
            message = outgoing.next() => {
                let Some(message) = message else { return opened };
                let text = serde_json::to_string(&message).expect("a message is plain JSON");
                if send.send(Message::Text(text)).await.is_err() {
                    return opened;
                }
            }
            incoming = receive.next() => {
                let Some(Ok(Message::Text(text))) = incoming else { return opened };
                heard_at = js_sys::Date::now();
                match serde_json::from_str(&text) {
                    Ok(ServerMessage::ConnectionAck) => {
                        opened = true;
                        open(&outbox);
                    }
                    Ok(message) => hear(message, &outbox),
                    // Not the protocol: a new connection may speak it.
                    Err(_) => return opened,
                }
            }
            () = tick => {
                let silence = js_sys::Date::now() - heard_at;
                if silence > 2.0 * SILENCE_MS || (!opened && silence > SILENCE_MS) {
                    return opened;
                }
                if silence > SILENCE_MS && outbox.unbounded_send(ClientMessage::Ping).is_err() {
                    return opened;
                }
            }
        }
    }
}

fn open(outbox: &UnboundedSender<ClientMessage>) {
    CONNECTED.set(Some(true));
    let all = SOCKET.with_borrow_mut(|socket| {
        socket.outbox = Some(outbox.clone());
        socket.subscribers.iter().map(|(id, subscriber)| (*id, Rc::clone(&subscriber.hear))).collect::<Vec<_>>()
    });
    for (id, hear) in all {
        let payload = SOCKET.with_borrow(|socket| socket.subscribers.get(&id).map(|subscriber| (subscriber.payload)()));
        if let Some(payload) = payload {
            // The outbox is open: its other end is in the loop that called this.
            let _ = outbox.unbounded_send(ClientMessage::Subscribe { id: id.to_string(), payload });
            hear(RawEvent::Subscribed);
        }
    }
}

fn hear(message: ServerMessage, outbox: &UnboundedSender<ClientMessage>) {
    let (id, event) = match message {
        ServerMessage::Ping => {
            // The outbox is open: its other end is in the loop that called this.
            let _ = outbox.unbounded_send(ClientMessage::Pong);
            return;
        }
        ServerMessage::Pong | ServerMessage::ConnectionAck => return,
        ServerMessage::Next { id, payload } => (id, RawEvent::Next(payload)),
        ServerMessage::Error { id, payload } => {
            let message = payload.into_iter().next().map_or_else(|| "refused".to_owned(), |error| error.message);
            (id, RawEvent::Failed(message))
        }
        ServerMessage::Complete { id } => (id, RawEvent::Ended),
    };
    let subscriber = id.parse::<u64>().ok().and_then(|id| {
        SOCKET.with_borrow(|socket| socket.subscribers.get(&id).map(|subscriber| Rc::clone(&subscriber.hear)))
    });
    // One that was ended in the meantime: what comes late is for nobody.
    if let Some(hear) = subscriber {
        hear(event);
    }
}

fn address() -> String {
    let location = window().location();
    let secure = location.protocol().is_ok_and(|protocol| protocol == "https:");
    let scheme = if secure { "wss" } else { "ws" };
    format!("{scheme}://{}/graphql/ws", location.host().unwrap_or_default())
}
