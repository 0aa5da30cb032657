//! The bar on top: where one can go, whether the page is live, theme, sign-out.

use leptos::prelude::*;
use leptos_router::components::A;
use wasm_bindgen_futures::spawn_local;

use super::theme::ThemeToggle;
use crate::api::{self, socket};
use crate::routes;
use crate::session;
use crate::ui::toast;

/// The bar on top.
#[component]
pub fn Header() -> impl IntoView {
    let sign_out = move |_| {
        spawn_local(async {
            match api::sign_out().await {
                Ok(()) | Err(api::ApiError::SignedOut) => session::ended(),
                Err(error) => toast::failed(error.to_string()),
            }
        });
    };
    let lost = Memo::new(|_| socket::connected() == Some(false));
    view! {
        <header class="header">
            <div class="header-row">
                <A href=routes::IMAGE_SPECS attr:class="brand">
                    <img src="/favicon.svg" alt="" width="26" height="26" />
                    <span>"Cooperage"</span>
                </A>
                <nav class="nav" aria-label="Main">
                    <A href=routes::IMAGE_SPECS attr:class="nav-link">"Image specs"</A>
                    <A href=routes::BASE_IMAGES attr:class="nav-link">"Base images"</A>
                    <A href=routes::PULL_SECRETS attr:class="nav-link">"Pull secrets"</A>
                </nav>
                <div class="header-end">
                    <ThemeToggle />
                    <button type="button" class="button small quiet" on:click=sign_out>"Sign out"</button>
                </div>
            </div>
            <div class="connection" role="status">
                {move || {
                    lost.get()
                        .then_some("The live connection is interrupted. This page updates again as soon as it is back.")
                }}
            </div>
        </header>
    }
}
