//! Whether this browser is signed in. The session itself is a cookie that scripts cannot read: the first answer of the
//! server tells.

mod sign_in;

use std::sync::LazyLock;

use leptos::prelude::*;

pub use sign_in::SignInPage;

use crate::api::socket;
use crate::live;

static SIGNED_OUT: LazyLock<ArcRwSignal<bool>> = LazyLock::new(|| ArcRwSignal::new(false));

/// Whether the server has said that it knows no session of this browser.
pub fn signed_out() -> bool {
    SIGNED_OUT.get()
}

/// The server takes this browser's session no more: the sign-in page comes up, what was typed stays behind it.
pub fn ended() {
    SIGNED_OUT.set(true);
}

/// The server has accepted a token: whatever is on the page is fetched again.
pub fn started() {
    SIGNED_OUT.set(false);
    live::catch_up();
    socket::reconnect_now();
}
