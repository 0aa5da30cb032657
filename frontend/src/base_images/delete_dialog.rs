//! The question before an entry of the catalogue is removed.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::graphql::delete;
use crate::ui::{ConfirmDialog, toast};

/// Asks, removes, tells.
#[component]
pub(super) fn DeleteDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The entry's name.
    #[prop(into)]
    name: Signal<String>,
    /// Called once it is gone.
    #[prop(into)]
    on_deleted: Callback<()>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if open.get() {
            problem.set(None);
        }
    });
    let confirm = move |()| {
        let name = name.get_untracked();
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            let answer = delete(name.clone()).await;
            busy.set(false);
            match answer {
                Ok(errors) if errors.is_empty() => {
                    open.set(false);
                    toast::done(format!("{name} is deleted."));
                    on_deleted.run(());
                }
                Ok(errors) => problem.set(errors.into_iter().next().map(|error| error.message)),
                Err(error) => problem.set(Some(error.to_string())),
            }
        });
    };
    view! {
        <ConfirmDialog
            open=open
            title=move || format!("Delete {}?", name.get())
            confirm="Delete"
            busy=busy
            problem=problem
            on_confirm=confirm
        >
            <p>"It is suggested no more. Image specs that are built on it keep it."</p>
        </ConfirmDialog>
    }
}
