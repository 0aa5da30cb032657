//! Which lines are shown: one run without a gap.

/// A run of lines, `first` to `next` exclusive, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first: u64,
    pub(super) next: u64,
}

/// How lines fit to the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The first so many are there already; the rest follows on.
    Skip(usize),
    /// Lines between the run and these are missing.
    Gap,
}

impl Extent {
    /// An empty run before the first line.
    pub(super) const EMPTY: Self = Self { first: 1, next: 1 };

    /// The run of so many lines.
    pub(super) fn new(first: u64, count: usize) -> Self {
        Self { first, next: first + count as u64 }
    }

    /// How many lines it has.
    pub(super) fn len(self) -> u64 {
        self.next - self.first
    }

    /// Whether a line is in it.
    pub(super) fn contains(self, line: u64) -> bool {
        (self.first..self.next).contains(&line)
    }

    /// How `count` lines from `first` on fit to its end.
    pub(super) fn fit(self, first: u64, count: usize) -> Fit {
        if first > self.next {
            Fit::Gap
        } else {
            Fit::Skip(usize::try_from(self.next - first).map_or(count, |skip| skip.min(count)))
        }
    }

    /// How many of `count` lines from `first` on stand before its start, provided that they reach up to it.
    pub(super) fn missing_before(self, first: u64, count: usize) -> Option<usize> {
        let end = first + count as u64;
        (first < self.first && end >= self.first)
            .then(|| usize::try_from(self.first - first).map_or(count, |lines| lines.min(count)))
    }
}

/// The line that an address part such as `#L123` names.
pub(super) fn line_of_hash(hash: &str) -> Option<u64> {
    hash.strip_prefix("#L")?.parse().ok().filter(|line| *line > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_join_without_gap_or_repeat() {
        let run = Extent::new(101, 100);
        assert_eq!(run.fit(201, 5), Fit::Skip(0));
        assert_eq!(run.fit(199, 5), Fit::Skip(2));
        assert_eq!(run.fit(150, 10), Fit::Skip(10));
        assert_eq!(run.fit(202, 1), Fit::Gap);
        assert_eq!(Extent::EMPTY.fit(1, 3), Fit::Skip(0));
    }

    #[test]
    fn earlier_lines_join_where_they_reach_the_start() {
        let run = Extent::new(101, 100);
        assert_eq!(run.missing_before(1, 100), Some(100));
        assert_eq!(run.missing_before(51, 60), Some(50));
        assert_eq!(run.missing_before(1, 99), None);
        assert_eq!(run.missing_before(101, 10), None);
    }

    #[test]
    fn only_line_numbers_are_places_in_the_log() {
        assert_eq!(line_of_hash("#L12"), Some(12));
        for other in ["", "#L", "#L0", "#12", "#L-1", "#Lx", "#L99999999999999999999"] {
            assert_eq!(line_of_hash(other), None, "{other}");
        }
    }
}
