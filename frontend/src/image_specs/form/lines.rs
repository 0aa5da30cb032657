//! A box of text as a list of lines, and back.

/// The lines of a box. Blank lines and comments are lines; those at the end are not kept.
pub(super) fn to_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

/// The text of a list of lines.
pub(super) fn to_text(lines: &[String]) -> String {
    lines.join("\n")
}

/// Where a line is in a text, in UTF-16 units as the browser counts, its end exclusive; `line` counts from 1.
pub(super) fn line_span(text: &str, line: u32) -> Option<(u32, u32)> {
    let mut start = 0;
    for (index, content) in text.split('\n').enumerate() {
        let length = content.encode_utf16().count() as u32;
        if index as u32 + 1 == line {
            return Some((start, start + length));
        }
        start += length + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_inside_are_kept_and_those_at_the_end_are_not() {
        assert_eq!(to_lines("jq\n\n# tools\r\ngit\n\n  \n"), ["jq", "", "# tools", "git"]);
        assert_eq!(to_lines(""), Vec::<String>::new());
        assert_eq!(to_text(&to_lines("a\n\nb\n")), "a\n\nb");
    }

    #[test]
    fn a_line_is_found_where_the_browser_counts_it() {
        assert_eq!(line_span("ab\nc", 2), Some((3, 4)));
        assert_eq!(line_span("😀\nc", 2), Some((3, 4)));
        assert_eq!(line_span("ab", 2), None);
    }
}
