//! Markers, as tokens: their canonical form depends on no library's.

/// The tokens of a marker that the grammar took: strings, operators, parentheses and words.
pub(super) fn tokens(marker: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = marker.trim();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => {
                let inside = rest[1..].find(first).map_or(rest.len() - 1, |end| end);
                let value = &rest[1..=inside];
                let quote = if value.contains('"') { '\'' } else { '"' };
                tokens.push(format!("{quote}{value}{quote}"));
                rest = rest.get(inside + 2..).unwrap_or_default().trim_start();
                continue;
            }
            '(' | ')' => 1,
            c if is_operator(c) => rest.find(|c| !is_operator(c)).unwrap_or(rest.len()),
            _ => rest
                .find(|c: char| c.is_whitespace() || is_operator(c) || matches!(c, '(' | ')' | '\'' | '"'))
                .unwrap_or(rest.len()),
        };
        tokens.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    tokens
}

const fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '~')
}
