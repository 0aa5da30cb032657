//! The sign-in page.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::api::{ApiError, sign_in};
use crate::ui::page_title;

/// Asks for the access token and exchanges it for a session.
#[component]
pub fn SignInPage(
    /// Called once the server has accepted the token.
    #[prop(into)]
    on_success: Callback<()>,
) -> impl IntoView {
    let token = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let input = NodeRef::<html::Input>::new();
    let title_before = document().title();
    page_title(|| "Sign in".to_owned());
    on_cleanup(move || document().set_title(&title_before));

    Effect::new(move |_| {
        if let Some(input) = input.get() {
            // Focus is a comfort: where the browser refuses it, the field is still there.
            let _ = input.focus();
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let value = token.get_untracked().trim().to_owned();
        if value.is_empty() {
            problem.set(Some("Paste the access token first.".to_owned()));
            return;
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            let answer = sign_in(&value).await;
            busy.set(false);
            match answer {
                Ok(()) => {
                    token.set(String::new());
                    on_success.run(());
                }
                Err(ApiError::SignedOut) => {
                    problem.set(Some("This token is not valid. Copy it again, whole, and try once more.".to_owned()));
                }
                Err(error) => problem.set(Some(error.to_string())),
            }
        });
    };
    view! {
        <div class="sign-in">
            <form class="card sign-in-card" on:submit=submit novalidate>
                <img class="sign-in-mark" src="/favicon.svg" alt="" width="56" height="56" />
                <h1>"Sign in to Cooperage"</h1>
                <p id="token-help" class="hint">
                    "Paste the access token. Whoever runs this server has it: it is in the address that "
                    <code>"make run"</code> " prints, in the file " <code>"token"</code>
                    " of the data folder, or what the server was given as " <code>"COOPERAGE_TOKEN"</code> "."
                </p>
                <label class="field-label" for="token">"Access token"</label>
                <input
                    id="token"
                    node_ref=input
                    class="input"
                    type="password"
                    autocomplete="current-password"
                    spellcheck="false"
                    bind:value=token
                    aria-describedby="token-help token-problem"
                    aria-invalid=move || problem.with(Option::is_some).to_string()
                />
                <p id="token-problem" class="field-problem" role="alert">{problem}</p>
                <button class="button primary" type="submit" aria-disabled=move || busy.get().to_string()>
                    {move || if busy.get() { "Signing in…" } else { "Sign in" }}
                </button>
            </form>
        </div>
    }
}
