//! Pages for addresses that lead nowhere, and for the sign-in address.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::routes;
use crate::session::{self, SignInPage};
use crate::ui::PageHeading;

/// There is no such page.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <PageHeading text="Page not found" />
        <div class="prose">
            <p>"There is nothing at this address. What was here may have been deleted."</p>
            <p><A href=routes::IMAGE_SPECS>"Go to the image specs"</A></p>
        </div>
    }
}

/// The sign-in page as an address of its own.
#[component]
pub fn SignInRoute() -> impl IntoView {
    // While the session is over, the page that covers everything asks already.
    view! {
        <Show when=|| !session::signed_out()>
            <SignInPage on_success=|()| session::started() />
        </Show>
    }
}
