//! The web app: state an image spec, watch its build, find its image.
//!
//! Rendered in the browser, by feature folder. Data comes from [`api`], stays true through [`live`], is shown with [`ui`].

#![expect(unreachable_pub, reason = "a program exports nothing: pub says that other features use it")]

mod api;
mod app;
mod base_images;
mod image_specs;
mod jobs;
mod live;
mod log_viewer;
mod pull_secrets;
mod routes;
mod session;
mod shell;
mod ui;

fn main() {
    console_error_panic_hook::set_once();
    if let Some(waiting) = leptos::prelude::document().get_element_by_id("boot") {
        waiting.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
