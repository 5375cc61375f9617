//! What JavaScript writes to its console, within bounds.

use domain::limits::MAX_CONSOLE_BYTES;

/// What a line costs beside its text: empty ones are not for nothing.
const LINE: usize = 8;

/// Lines, as many as are kept of a step.
#[derive(Debug, Default)]
pub(in crate::expr) struct Console {
    lines: Vec<String>,
    bytes: usize,
    full: bool,
}

impl Console {
    /// Lines from elsewhere.
    pub(super) fn of(lines: Vec<String>) -> Self {
        let mut console = Self::default();
        lines.into_iter().for_each(|line| console.push(line));
        console
    }

    /// Adds a line, or what fits of it; then the last line says that more was left out.
    pub(super) fn push(&mut self, mut line: String) {
        if self.full {
            return;
        }
        let room = MAX_CONSOLE_BYTES.saturating_sub(self.bytes + LINE);
        self.full = self.bytes + LINE + line.len() > MAX_CONSOLE_BYTES;
        if self.full {
            line.truncate(line.floor_char_boundary(room));
        }
        self.bytes += line.len() + LINE;
        if !(self.full && line.is_empty()) {
            self.lines.push(line);
        }
        if self.full {
            self.lines
                .push(format!("… more than {MAX_CONSOLE_BYTES} bytes (MAX_CONSOLE_BYTES) are left out"));
        }
    }

    /// The lines, and none are left here.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(self).into_lines()
    }

    pub(in crate::expr) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_and_the_last_line_says_so() {
        let mut console = Console::default();
        console.push("one".to_owned());
        console.push("ü".repeat(MAX_CONSOLE_BYTES));
        console.push("lost".to_owned());
        let lines = console.take();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "one");
        assert!(lines[1].len() <= MAX_CONSOLE_BYTES && lines[1].ends_with('ü'));
        assert!(lines[2].contains("MAX_CONSOLE_BYTES"), "{}", lines[2]);
        let empty = Console::of(vec![String::new(); MAX_CONSOLE_BYTES]).into_lines();
        assert!(
            empty.len() <= MAX_CONSOLE_BYTES / LINE + 1 && empty.last() != Some(&String::new()),
            "lines without text are bounded too"
        );
    }
}
