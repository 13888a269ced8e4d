//! Finds the fenced blocks of a Markdown text and what their first line says about running them.

/// A fenced block: where it starts, the words after its fence, and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Line of the opening fence, counted from 1.
    pub(crate) line: usize,
    /// The words after the opening fence: the language, then what to do with it.
    pub(crate) info: Vec<String>,
    pub(crate) text: String,
}

/// Not run: it would run itself, or it takes too long; the text beside it says which.
pub(crate) const NO_RUN: &str = "no-run";
/// Runs until stopped: it must print an address that answers, and end when interrupted.
pub(crate) const SERVES: &str = "serves";
/// Runs in the clone and not in the empty folder of its document.
pub(crate) const IN_CLONE: &str = "in-clone";

impl Block {
    /// True if the block is shell and is to be run.
    pub(crate) fn runs(&self) -> bool {
        self.info.first().is_some_and(|language| language == "sh") && !self.says(NO_RUN)
    }

    /// True if its first line has this word after the language.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.info.iter().skip(1).any(|given| given == word)
    }
}

/// The fenced blocks of a Markdown text, in order.
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(Block, String)> = None;
    for (index, line) in markdown.lines().enumerate() {
        let trimmed = line.trim_start();
        let ticks: String = trimmed
            .chars()
            .take_while(|letter| *letter == '`')
            .collect();
        open = match open.take() {
            None if ticks.len() >= 3 => {
                let info = trimmed[ticks.len()..]
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect();
                Some((
                    Block {
                        line: index + 1,
                        info,
                        text: String::new(),
                    },
                    ticks,
                ))
            }
            None => None,
            Some((block, fence)) if ticks.len() >= fence.len() && trimmed.len() == ticks.len() => {
                found.push(block);
                None
            }
            Some((mut block, fence)) => {
                block.text.push_str(line);
                block.text.push('\n');
                Some((block, fence))
            }
        };
    }
    // A block that is never closed runs to the end of the text.
    found.extend(open.map(|(block, _)| block));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_line_words_and_text() {
        let found =
            blocks("a\n```sh serves in-clone\nrun it\n```\n\n````toml\n```\n````\n```sh no-run\n");
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].line, found[0].text.as_str()), (2, "run it\n"));
        assert!(found[0].runs() && found[0].says(SERVES) && found[0].says(IN_CLONE));
        assert_eq!((found[1].line, found[1].text.as_str()), (6, "```\n"));
        assert!(!found[1].runs(), "toml is not run");
        assert!(!found[2].runs(), "no-run is not run");
    }
}
