//! Terminal codes in a line of a log: colours are kept as style classes, all else is dropped.

/// A piece of a line in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) style: Style,
}

/// How a terminal would draw a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    colour: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

impl Style {
    /// Its classes in the style sheet; empty for plain text.
    pub(super) fn classes(self) -> String {
        let mut classes = Vec::new();
        if let Some(colour) = self.colour {
            classes.push(format!("ansi-{colour}"));
        }
        for (on, class) in [
            (self.bold, "ansi-bold"),
            (self.dim, "ansi-dim"),
            (self.italic, "ansi-italic"),
            (self.underline, "ansi-underline"),
        ] {
            if on {
                classes.push(class.to_owned());
            }
        }
        classes.join(" ")
    }

    fn apply(&mut self, parameters: &str) {
        let mut codes =
            parameters.split([';', ':']).map(|code| if code.is_empty() { Some(0) } else { code.parse::<u16>().ok() });
        while let Some(code) = codes.next() {
            match code {
                Some(0) => *self = Self::default(),
                Some(1) => self.bold = true,
                Some(2) => self.dim = true,
                Some(3) => self.italic = true,
                Some(4) => self.underline = true,
                Some(22) => (self.bold, self.dim) = (false, false),
                Some(23) => self.italic = false,
                Some(24) => self.underline = false,
                Some(code @ 30..=37) => self.colour = Some((code - 30) as u8),
                Some(code @ 90..=97) => self.colour = Some((code - 90 + 8) as u8),
                Some(39) => self.colour = None,
                Some(kind @ (38 | 48)) => match codes.next().flatten() {
                    Some(5) => {
                        let index = codes.next().flatten();
                        if kind == 38 {
                            self.colour = index.filter(|index| *index < 16).map(|index| index as u8);
                        }
                    }
                    Some(2) => {
                        codes.by_ref().take(3).for_each(drop);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
}

/// The pieces of a line. Of a line that was drawn over (carriage returns: progress bars), the last state is kept, as a
/// terminal would show it.
pub(super) fn pieces(line: &str) -> Vec<Piece> {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut style = Style::default();
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        text.push_str(&rest[..at]);
        let (parameters, after) = skip_code(&rest[at..]);
        rest = after;
        if let Some(parameters) = parameters {
            let mut next = style;
            next.apply(parameters);
            if next != style {
                flush(&mut pieces, &mut text, style);
                style = next;
            }
        }
    }
    text.push_str(rest);
    flush(&mut pieces, &mut text, style);
    pieces
}

fn flush(pieces: &mut Vec<Piece>, text: &mut String, style: Style) {
    if !text.is_empty() {
        pieces.push(Piece { text: std::mem::take(text), style });
    }
}

/// Of a text that begins with a control character: the parameters, where it is a code that sets the style, and what comes
/// after it.
fn skip_code(text: &str) -> (Option<&str>, &str) {
    if let Some(body) = text.strip_prefix("\u{1b}[") {
        let Some(end) = body.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)) else { return (None, "") };
        let after = &body[end + 1..];
        let sets_style = body[end..].starts_with('m') && !body.starts_with(['<', '=', '>', '?']);
        return (sets_style.then(|| &body[..end]), after);
    }
    if let Some(body) = text.strip_prefix("\u{1b}]") {
        // A title or a link: up to BEL or ESC \.
        let end = body.find('\u{7}').map(|at| at + 1).into_iter().chain(body.find("\u{1b}\\").map(|at| at + 2)).min();
        return (None, end.map_or("", |end| &body[end..]));
    }
    let mut characters = text.chars();
    if characters.next() == Some('\u{1b}') {
        characters.next();
    }
    (None, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> String {
        pieces(line).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn colours_become_classes() {
        let all = pieces("a \u{1b}[1;31merror\u{1b}[0m b");
        assert_eq!(all.len(), 3);
        assert_eq!((all[1].text.as_str(), all[1].style.classes().as_str()), ("error", "ansi-1 ansi-bold"));
        assert_eq!(all[2].style.classes(), "");
        assert_eq!(pieces("\u{1b}[38;5;12mx")[0].style.classes(), "ansi-12");
        assert_eq!(pieces("\u{1b}[38;2;1;2;3;4mx")[0].style.classes(), "ansi-underline");
    }

    #[test]
    fn other_codes_leave_no_trace() {
        assert_eq!(plain("\u{1b}[2K\u{1b}[?25lx\u{1b}]0;title\u{7}y\u{1b}(Bz\u{8}"), "xyBz");
        assert_eq!(plain("\u{1b}[31"), "");
        assert_eq!(plain("\u{1b}"), "");
        assert_eq!(plain("\u{1b}]never ends"), "");
        assert_eq!(plain("tab\tstays"), "tab\tstays");
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        assert_eq!(plain("10%\r50%\r100%\r"), "100%");
        assert_eq!(plain(""), "");
    }
}
