//! Whether this browser is signed in. The session itself is a cookie that scripts cannot read: the first answer of the
//! server tells.

mod sign_in;

use std::sync::LazyLock;

use leptos::prelude::*;
use web_sys::{Url, UrlSearchParams};

pub use sign_in::SignInPage;

use crate::api::socket;
use crate::{live, routes};

static SIGNED_OUT: LazyLock<ArcRwSignal<bool>> = LazyLock::new(|| ArcRwSignal::new(false));

/// Whether the server has said that it knows no session of this browser.
pub fn signed_out() -> bool {
    SIGNED_OUT.get()
}

/// The server takes this browser's session no more: the sign-in page comes up, what was typed stays behind it.
pub fn ended() {
    SIGNED_OUT.set(true);
}

/// The server has accepted a token: whatever is on the page is fetched again, or the page comes up that sent the person here.
pub fn started() {
    if let Some(next) = next_page() {
        // Where the browser refuses to go, the list is still a click away.
        let _ = window().location().replace(&next);
        return;
    }
    SIGNED_OUT.set(false);
    live::catch_up();
    socket::reconnect_now();
}

/// Where the page for signing in leads, by `?next=` or to the list; a page of this server in any case, and not always one of
/// the app (the playground is none). None on every other page.
fn next_page() -> Option<String> {
    let location = window().location();
    if location.pathname().ok()? != routes::SIGN_IN {
        return None;
    }
    let origin = location.origin().ok()?;
    let wanted = UrlSearchParams::new_with_str(&location.search().ok()?).ok()?.get("next");
    let url = wanted.and_then(|next| Url::new_with_base(&next, &origin).ok()).filter(|url| url.origin() == origin);
    Some(url.map_or_else(|| routes::IMAGE_SPECS.to_owned(), |url| url.href()))
}
