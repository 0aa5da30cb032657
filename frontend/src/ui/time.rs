//! Moments, durations and sizes as people read them.

use std::sync::LazyLock;

use gloo_timers::callback::Interval;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::api::DateTime;

/// Milliseconds since the epoch, renewed each second.
static NOW: LazyLock<ArcRwSignal<f64>> = LazyLock::new(|| {
    let now = ArcRwSignal::new(js_sys::Date::now());
    let ticking = now.clone();
    Interval::new(1_000, move || ticking.set(js_sys::Date::now())).forget();
    now
});

/// How long ago a moment was, with the exact time on hover.
#[component]
pub fn RelativeTime(
    /// The moment; nothing is shown for none.
    #[prop(into)]
    at: Signal<Option<DateTime>>,
) -> impl IntoView {
    let text = Memo::new(move |_| {
        at.with(|at| at.as_ref().and_then(millis)).map_or_else(String::new, |at| ago_text((NOW.get() - at) / 1_000.0))
    });
    let exact = move || at.with(|at| at.as_ref().map(exact_text));
    view! { <time datetime=move || at.with(|at| at.as_ref().map(|at| at.0.clone())) title=exact>{text}</time> }
}

/// How long something took; up to now while it has no end. Empty before its start. Tracks the clock.
pub fn duration_text(start: Option<&DateTime>, end: Option<&DateTime>) -> String {
    let Some(start) = start.and_then(millis) else { return String::new() };
    let end = match end {
        Some(end) => millis(end),
        None => Some(NOW.get()),
    };
    end.map_or_else(String::new, |end| seconds_text((end - start) / 1_000.0))
}

/// A number of bytes, in decimal units.
pub fn size_text(bytes: f64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000.0 {
        return format!("{bytes:.0} B");
    }
    let mut value = bytes / 1_000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if value < 10.0 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

fn millis(at: &DateTime) -> Option<f64> {
    Some(js_sys::Date::parse(&at.0)).filter(|millis| millis.is_finite())
}

fn exact_text(at: &DateTime) -> String {
    js_sys::Date::new(&JsValue::from_str(&at.0)).to_locale_string("en-GB", &JsValue::UNDEFINED).into()
}

/// How long ago, in one unit. Clocks of browser and server may differ: a moment ahead is "just now".
fn ago_text(seconds: f64) -> String {
    let plural = |count: f64, unit: &str| format!("{count:.0} {unit}{} ago", if count < 2.0 { "" } else { "s" });
    match seconds {
        s if s < 10.0 => "just now".to_owned(),
        s if s < 60.0 => format!("{:.0} s ago", s.floor()),
        s if s < 3_600.0 => format!("{:.0} min ago", (s / 60.0).floor()),
        s if s < 86_400.0 => plural((s / 3_600.0).floor(), "hour"),
        s if s < 30.0 * 86_400.0 => plural((s / 86_400.0).floor(), "day"),
        s if s < 365.0 * 86_400.0 => plural((s / (30.0 * 86_400.0)).floor(), "month"),
        s => plural((s / (365.0 * 86_400.0)).floor(), "year"),
    }
}

fn seconds_text(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let whole = seconds as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_in_one_unit() {
        let cases = [
            (-30.0, "just now"),
            (9.9, "just now"),
            (59.9, "59 s ago"),
            (60.0, "1 min ago"),
            (3_599.0, "59 min ago"),
            (3_600.0, "1 hour ago"),
            (7_300.0, "2 hours ago"),
            (90_000.0, "1 day ago"),
            (86_400.0 * 31.0, "1 month ago"),
            (86_400.0 * 800.0, "2 years ago"),
        ];
        for (seconds, text) in cases {
            assert_eq!(ago_text(seconds), text);
        }
    }

    #[test]
    fn a_duration_gets_coarser_as_it_grows() {
        assert_eq!(seconds_text(-1.0), "0.0 s");
        assert_eq!(seconds_text(5.84), "5.8 s");
        assert_eq!(seconds_text(59.9), "59 s");
        assert_eq!(seconds_text(83.0), "1 min 23 s");
        assert_eq!(seconds_text(7_260.0), "2 h 1 min");
    }

    #[test]
    fn a_size_has_at_most_three_digits() {
        assert_eq!(size_text(999.0), "999 B");
        assert_eq!(size_text(1_449.0), "1.4 kB");
        assert_eq!(size_text(85_200_000.0), "85 MB");
        assert_eq!(size_text(999_900_000.0), "1.0 GB");
    }
}
