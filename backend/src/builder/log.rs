//! The job's log: masked, numbered, capped, hashed and spooled.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::mask::Mask;
use crate::delivery::client::Length;

/// How many of the latest lines are kept in memory, to explain a failure by.
const KEPT_LINES: usize = 600;
/// The most of a line that is kept in memory.
const KEPT_BYTES: usize = 2_000;

/// A numbered line of the log, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// From 1.
    pub(super) number: u64,
    /// Without its line end.
    pub(super) text: String,
}

/// The log of one job. Clones write to the same log.
#[derive(Clone)]
pub(super) struct Log {
    state: Arc<Mutex<State>>,
    /// How much there is.
    length: watch::Sender<Length>,
}

struct State {
    spool: File,
    mask: Mask,
    length: Length,
    hash: Sha256,
    limit_bytes: u64,
    line_limit: usize,
    full: bool,
    /// Why the spool could not be written, once it could not.
    broken: Option<String>,
    /// Nothing is added any more.
    closed: bool,
    recent: VecDeque<LogLine>,
}

impl Log {
    /// Begins an empty log at `path`.
    pub(super) fn create(path: &Path, mask: Mask, limit_bytes: u64, line_limit_bytes: u64) -> io::Result<Self> {
        Ok(Self::of(State::new(File::create(path)?, mask, limit_bytes, line_limit_bytes)))
    }

    /// Goes on with the log at `path`, or begins it.
    pub(super) fn resume(path: &Path, mask: Mask, limit_bytes: u64, line_limit_bytes: u64) -> io::Result<Self> {
        let spool = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut state = State::new(spool, mask, limit_bytes, line_limit_bytes);
        state.read_again()?;
        Ok(Self::of(state))
    }

    fn of(state: State) -> Self {
        let length = watch::Sender::new(state.length);
        Self { state: Arc::new(Mutex::new(state)), length }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whenever lines were added.
    pub(super) fn watch(&self) -> watch::Receiver<Length> {
        self.length.subscribe()
    }

    /// A line of the builder's own, which is written even when the log is full. Its text may hold line breaks.
    pub(super) fn say(&self, text: &str) {
        let length = {
            let mut state = self.state();
            for line in text.lines() {
                let masked = state.mask.apply(line.as_bytes());
                state.store(masked);
            }
            state.length
        };
        self.length.send_replace(length);
    }

    /// A splitter for one stream of output.
    pub(super) fn stream(&self) -> LineStream {
        LineStream { log: self.clone(), pending: Vec::new(), cut: false }
    }

    /// Ends the log, for the last word counts its lines: what is said later is not taken. Lines and SHA-256 (hexadecimal)
    /// of all that was written.
    pub(super) fn close(&self) -> (u64, String) {
        let mut state = self.state();
        state.closed = true;
        (state.length.lines, hex::encode(state.hash.clone().finalize()))
    }

    /// The latest lines from number `from` on, oldest first.
    pub(super) fn recent(&self, from: u64) -> Vec<LogLine> {
        self.state().recent.iter().filter(|line| line.number >= from).cloned().collect()
    }

    /// The number that the next line gets.
    pub(super) fn next_number(&self) -> u64 {
        self.state().length.lines + 1
    }

    /// Why the spool could not be written, if it could not: its disk is full, most likely.
    pub(super) fn broken(&self) -> Option<String> {
        self.state().broken.clone()
    }
}

impl State {
    fn new(spool: File, mask: Mask, limit_bytes: u64, line_limit_bytes: u64) -> Self {
        Self {
            spool,
            mask,
            length: Length::default(),
            hash: Sha256::new(),
            limit_bytes,
            line_limit: usize::try_from(line_limit_bytes).unwrap_or(usize::MAX).max(1),
            full: false,
            broken: None,
            closed: false,
            recent: VecDeque::new(),
        }
    }

    /// Counts and hashes what an earlier process has spooled.
    fn read_again(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(self.spool.try_clone()?);
        let full = full_marker(self.limit_bytes);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if line.pop() != Some(b'\n') {
                // It died within a line, which nobody has been told of: the spool holds whole lines only.
                self.spool.set_len(self.length.bytes)?;
                break;
            }
            self.full |= line == full.as_bytes();
            line.push(b'\n');
            self.count(&line);
            line.clear();
        }
        Ok(())
    }

    fn count(&mut self, line: &[u8]) {
        self.hash.update(line);
        self.length.lines += 1;
        self.length.bytes += line.len() as u64;
    }

    /// Writes one masked line of a program.
    fn program_line(&mut self, line: Vec<u8>) {
        if self.full {
            return;
        }
        if self.length.bytes + line.len() as u64 + 1 > self.limit_bytes {
            self.full = true;
            self.store(full_marker(self.limit_bytes).into_bytes());
            return;
        }
        self.store(line);
    }

    fn store(&mut self, mut line: Vec<u8>) {
        if self.broken.is_some() || self.closed {
            return;
        }
        line.push(b'\n');
        if let Err(error) = self.spool.write_all(&line) {
            // Half a line may be on disk now; the spool holds whole lines only.
            let _ = self.spool.set_len(self.length.bytes);
            self.broken = Some(error.to_string());
            self.full = true;
            return;
        }
        self.count(&line);
        // The engine keeps the standard output; nobody may be reading it, and that is no failure.
        let _ = io::stdout().write_all(&line);
        line.pop();
        line.truncate(KEPT_BYTES);
        if self.recent.len() == KEPT_LINES {
            self.recent.pop_front();
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        self.recent.push_back(LogLine { number: self.length.lines, text });
    }
}

fn full_marker(limit_bytes: u64) -> String {
    format!(
        "[cooperage] The log has reached its limit of {limit_bytes} bytes. What programs print from here on is left out."
    )
}

/// Splits what a program prints into lines, within the limits of a line and of memory.
pub(super) struct LineStream {
    log: Log,
    pending: Vec<u8>,
    /// The rest of the present line is left out.
    cut: bool,
}

impl LineStream {
    /// Takes the next bytes of output.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        let length = {
            let log = self.log.clone();
            let mut state = log.state();
            while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                self.take(&mut state, &bytes[..end]);
                self.end_line(&mut state);
                bytes = &bytes[end + 1..];
            }
            self.take(&mut state, bytes);
            state.length
        };
        self.log.length.send_replace(length);
    }

    /// Ends the stream: a last line without a line end is a line too.
    pub(super) fn finish(mut self) {
        if !self.pending.is_empty() || self.cut {
            self.feed(b"\n");
        }
    }

    fn take(&mut self, state: &mut State, bytes: &[u8]) {
        // So much is kept that a secret which begins within the limit is seen whole and masked before the line is cut.
        let room = (state.line_limit + state.mask.longest()).saturating_sub(self.pending.len());
        self.cut |= bytes.len() > room;
        self.pending.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self, state: &mut State) {
        let mut line = state.mask.apply(&std::mem::take(&mut self.pending));
        let cut = std::mem::take(&mut self.cut) || line.len() > state.line_limit;
        line.truncate(state.line_limit);
        state.program_line(line);
        if cut {
            let marker = format!(
                "[cooperage] The line above is longer than {} bytes. The rest of it is left out.",
                state.line_limit
            );
            state.program_line(marker.into_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::delivery::protocol::{BuildSettings, Credentials};

    fn log(folder: &Path, limit: u64, line_limit: u64) -> Log {
        let credentials =
            Credentials { pull: None, push: None, delivery_token: Some(Secret::new("sesame-open".to_owned())) };
        Log::create(&folder.join("log"), Mask::new(&credentials, &BuildSettings::default()), limit, line_limit).unwrap()
    }

    fn written(folder: &Path) -> String {
        std::fs::read_to_string(folder.join("log")).unwrap()
    }

    #[test]
    fn output_becomes_lines_however_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), 10_000, 1_000);
        let mut stream = log.stream();
        for byte in b"one\ntwo sesame-open\r\n\nlast" {
            stream.feed(&[*byte]);
        }
        stream.finish();
        assert_eq!(written(folder.path()), "one\ntwo ***\r\n\nlast\n");
        let (lines, sha256) = log.close();
        assert_eq!((lines, sha256), (4, hex::encode(Sha256::digest(written(folder.path())))));
        log.say("too late");
        assert_eq!(log.close().0, 4);
        assert_eq!(written(folder.path()).lines().count(), 4);
        assert_eq!(log.recent(4), [LogLine { number: 4, text: "last".to_owned() }]);
    }

    #[test]
    fn long_lines_are_cut_and_marked_and_a_secret_across_the_cut_is_masked() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), 10_000, 10);
        let mut stream = log.stream();
        stream.feed(b"12345678sesame-open and more\nshort\n");
        stream.finish();
        let text = written(folder.path());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "12345678**");
        assert!(lines[1].contains("longer than 10 bytes"), "{text}");
        assert_eq!(lines[2], "short");
    }

    #[test]
    fn a_full_log_says_so_once_and_still_takes_the_builders_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), 30, 1_000);
        let mut stream = log.stream();
        stream.feed(b"0123456789\n0123456789\n0123456789\n0123456789\n");
        stream.finish();
        log.say("the end");
        let text = written(folder.path());
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!(text.matches("reached its limit").count(), 1);
        assert!(text.ends_with("the end\n"));

        let log = resumed(folder.path(), 30);
        log.stream().feed(b"more\n");
        assert_eq!(written(folder.path()), text, "a full log stays full");
    }

    fn resumed(folder: &Path, limit: u64) -> Log {
        let credentials = Credentials { pull: None, push: None, delivery_token: None };
        Log::resume(&folder.join("log"), Mask::new(&credentials, &BuildSettings::default()), limit, 1_000).unwrap()
    }

    #[test]
    fn a_log_goes_on_where_an_earlier_process_ended() {
        let folder = tempfile::tempdir().unwrap();
        log(folder.path(), 10_000, 1_000).say("one\ntwo");
        let path = folder.path().join("log");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half a li").unwrap();
        let log = resumed(folder.path(), 10_000);
        assert_eq!((log.next_number(), log.watch().borrow().bytes), (3, 8));
        log.say("three");
        assert_eq!(written(folder.path()), "one\ntwo\nthree\n");
        assert_eq!(log.close(), (3, hex::encode(Sha256::digest("one\ntwo\nthree\n"))));
    }
}
