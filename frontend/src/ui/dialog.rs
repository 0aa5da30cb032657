//! Modal dialogs: the browser's own `<dialog>`, which traps the focus, closes on Escape and gives the focus back.

use leptos::html;
use leptos::prelude::*;

use super::unique_id;

/// A modal dialog. Its content is made anew each time it opens.
#[component]
pub fn Dialog(
    /// Whether it is open; the dialog sets it to false when the person closes it.
    open: RwSignal<bool>,
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// Its content.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    let title_id = unique_id("dialog");
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if !open.get() {
            dialog.close();
        } else if !dialog.open() {
            // In the next frame, when the content is there: the first field then gets the focus.
            request_animation_frame(move || {
                if open.try_get_untracked() == Some(true) && dialog.is_connected() && !dialog.open() {
                    // It is connected and not open, the only reasons to refuse.
                    let _ = dialog.show_modal();
                }
            });
        }
    });
    view! {
        <dialog node_ref=node class="dialog" aria-labelledby=title_id.clone() on:close=move |_| open.set(false)>
            <h2 id=title_id.clone() class="dialog-title">{title}</h2>
            {move || open.get().then(|| children())}
        </dialog>
    }
}

/// A question with two answers. The safe one comes first, and so has the focus.
#[component]
pub fn ConfirmDialog(
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
    /// Whether it is under way.
    #[prop(into, default = Signal::from(false))]
    busy: Signal<bool>,
    /// Why it could not be done.
    #[prop(into, default = Signal::from(None))]
    problem: Signal<Option<String>>,
    /// Called for the answer that does it; closing is up to the caller.
    #[prop(into)]
    on_confirm: Callback<()>,
    /// What will happen.
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    view! {
        <Dialog open=open title=title>
            <div class="dialog-body">{move || children.with_value(|children| children())}</div>
            <p class="field-problem" role="alert">{problem}</p>
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| open.set(false)>{dismiss}</button>
                <button
                    type="button"
                    class="button danger"
                    aria-disabled=move || busy.get().to_string()
                    on:click=move |_| {
                        if !busy.get_untracked() {
                            on_confirm.run(());
                        }
                    }
                >
                    {confirm}
                </button>
            </div>
        </Dialog>
    }
}
