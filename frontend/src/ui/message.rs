//! Messages whose quotes are set in the code face.

use leptos::prelude::*;

/// A message: what stands between backticks is shown as code. One with a lonely backtick is shown as it is.
pub fn message(text: &str) -> AnyView {
    parts(text)
        .into_iter()
        .map(|(part, is_code)| {
            let part = part.to_owned();
            if is_code { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
        })
        .collect_view()
        .into_any()
}

fn parts(text: &str) -> Vec<(&str, bool)> {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return vec![(text, false)];
    }
    parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (part, index % 2 == 1))
        .filter(|(part, _)| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn what_is_quoted_is_code() {
        assert_eq!(
            parts("write `b` for `B`."),
            [("write ", false), ("b", true), (" for ", false), ("B", true), (".", false)]
        );
        assert_eq!(parts("a lonely ` stays"), [("a lonely ` stays", false)]);
        assert_eq!(parts("plain"), [("plain", false)]);
    }
}
