//! Questions before something is done on the server: they ask, do it, and say what stands against it.

use std::future::Future;
use std::pin::Pin;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{ConfirmDialog, toast};
use crate::api::{ApiError, UserError};

/// What an action comes to: nothing stands against it, or this.
pub type Answer = Pin<Box<dyn Future<Output = Result<Vec<UserError>, ApiError>>>>;

/// Asks, does it, and closes once it is done.
#[component]
pub fn ActionDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The question.
    #[prop(into)]
    title: Signal<String>,
    /// The answer that does it.
    confirm: &'static str,
    /// The answer that does not.
    #[prop(default = "Cancel")]
    dismiss: &'static str,
    /// Does it.
    #[prop(into)]
    act: Callback<(), Answer>,
    /// Called once it is done.
    #[prop(into)]
    on_done: Callback<()>,
    /// What will happen.
    children: ChildrenFn,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if open.get() {
            problem.set(None);
        }
    });
    let confirmed = move |()| {
        busy.set(true);
        problem.set(None);
        let answer = act.run(());
        spawn_local(async move {
            let answer = answer.await;
            // The page may have gone meanwhile, and the dialog with it.
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(errors) if errors.is_empty() => {
                    open.set(false);
                    on_done.run(());
                }
                Ok(errors) => problem.set(errors.into_iter().next().map(|error| error.message)),
                Err(error) => problem.set(Some(error.to_string())),
            }
        });
    };
    let children = StoredValue::new(children);
    view! {
        <ConfirmDialog
            open=open
            title=title
            confirm=confirm
            dismiss=dismiss
            busy=busy
            problem=problem
            on_confirm=confirmed
        >
            {move || children.with_value(|children| children())}
        </ConfirmDialog>
    }
}

/// The question before something with a name is deleted.
#[component]
pub fn DeleteDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// What is deleted.
    #[prop(into)]
    name: Signal<String>,
    /// Deletes what has this name.
    #[prop(into)]
    delete: Callback<String, Answer>,
    /// Called once it is gone.
    #[prop(into)]
    on_deleted: Callback<()>,
    /// What goes with it, and what stays.
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    let doomed = StoredValue::new(String::new());
    let act = move |()| {
        doomed.set_value(name.get_untracked());
        delete.run(doomed.get_value())
    };
    let done = move |()| {
        toast::done(format!("{} is deleted.", doomed.get_value()));
        on_deleted.run(());
    };
    view! {
        <ActionDialog open=open title=move || format!("Delete {}?", name.get()) confirm="Delete" act=act on_done=done>
            {move || children.with_value(|children| children())}
        </ActionDialog>
    }
}
