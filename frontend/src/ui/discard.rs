//! The question before changes are lost: on links, on Back, on closing the tab.

use leptos::ev;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::ConfirmDialog;

/// Where the person was about to go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Leave {
    To(String),
    Back,
}

/// Holds the person on a page with unsaved changes until they have answered.
#[derive(Clone, Copy)]
pub struct LeaveGuard {
    /// The address of the page with unsaved changes; none while there are none.
    holding: RwSignal<Option<String>>,
    pending: RwSignal<Option<Leave>>,
}

impl LeaveGuard {
    /// Says whether the page has unsaved changes. To be released before a navigation of the app's own.
    pub fn set(self, dirty: bool) {
        let page = if dirty { window().location().href().ok() } else { None };
        self.holding.set(page);
    }

    /// Goes to a page of the app; asks first where there are unsaved changes.
    pub fn leave(self, path: &str, navigate: &impl Fn(&str, NavigateOptions)) {
        if self.holds() {
            self.pending.set(Some(Leave::To(path.to_owned())));
        } else {
            navigate(path, NavigateOptions::default());
        }
    }

    fn holds(self) -> bool {
        self.holding.with_untracked(Option::is_some)
    }
}

/// Installs the guard for the life of the page. Must come before the router, whose listeners it precedes.
pub fn install_leave_guard() -> LeaveGuard {
    let guard = LeaveGuard { holding: RwSignal::new(None), pending: RwSignal::new(None) };
    provide_context(guard);

    let unload = window_event_listener(ev::beforeunload, move |event| {
        if guard.holds() {
            event.prevent_default();
        }
    });
    on_cleanup(move || unload.remove());

    listen_first("click", move |event| {
        let Some(click) = event.dyn_ref::<web_sys::MouseEvent>() else { return };
        let plain =
            click.button() == 0 && !click.ctrl_key() && !click.meta_key() && !click.shift_key() && !click.alt_key();
        let Some(target) = link_target(event).filter(|_| plain && guard.holds()) else { return };
        event.prevent_default();
        event.stop_immediate_propagation();
        guard.pending.set(Some(Leave::To(target)));
    });
    listen_first("popstate", move |event| {
        let Some(page) = guard.holding.get_untracked() else { return };
        event.stop_immediate_propagation();
        // The browser has already gone: put the address back, and go again once the person has agreed.
        if let Ok(history) = window().history()
            && history.push_state_with_url(&JsValue::NULL, "", Some(&page)).is_ok()
        {
            guard.pending.set(Some(Leave::Back));
        }
    });
    guard
}

/// The question itself.
#[component]
pub fn DiscardDialog() -> impl IntoView {
    let guard = expect_context::<LeaveGuard>();
    let navigate = use_navigate();
    let open = RwSignal::new(false);
    let asks = Memo::new(move |_| guard.pending.with(Option::is_some));
    Effect::new(move |_| open.set(asks.get()));
    Effect::new(move |_| {
        if !open.get() && asks.get_untracked() {
            guard.pending.set(None);
        }
    });
    let leave = move |()| {
        let Some(leave) = guard.pending.get_untracked() else { return };
        guard.set(false);
        guard.pending.set(None);
        match leave {
            Leave::To(path) => navigate(&path, NavigateOptions::default()),
            Leave::Back => {
                if let Ok(history) = window().history() {
                    // Only refused for documents that are gone.
                    let _ = history.back();
                }
            }
        }
    };
    view! {
        <ConfirmDialog
            open=open
            title="Discard your changes?"
            confirm="Discard changes"
            dismiss="Keep editing"
            on_confirm=leave
        >
            <p>"This page has changes that are not saved. They are lost when you leave it."</p>
        </ConfirmDialog>
    }
}

/// Listens on the window before anything else hears the event, for the life of the page.
fn listen_first(name: &str, hear: impl Fn(&web_sys::Event) + 'static) {
    let closure = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| hear(&event));
    window()
        .add_event_listener_with_callback_and_bool(name, closure.as_ref().unchecked_ref(), true)
        .expect("a window takes listeners");
    closure.forget();
}

/// Where a click leads inside of the app; none where it does not leave the page.
fn link_target(event: &web_sys::Event) -> Option<String> {
    let element = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    let link = element.closest("a[href]").ok()??.dyn_into::<web_sys::HtmlAnchorElement>().ok()?;
    let here = window().location();
    let leaves_page = link.target().is_empty()
        && !link.has_attribute("download")
        && here.origin().ok()? == link.origin()
        && here.pathname().ok()? != link.pathname();
    leaves_page.then(|| format!("{}{}{}", link.pathname(), link.search(), link.hash()))
}
