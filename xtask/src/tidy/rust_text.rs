//! Rust source reduced to its code: comments, strings and test modules blanked, lines kept.

/// The source with comments and the insides of strings replaced by spaces. Lines stay where they are.
pub(crate) fn code_only(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < letters.len() {
        let end = match skipped(&letters, at) {
            Some(end) => end,
            None => {
                out.push(letters[at]);
                at += 1;
                continue;
            }
        };
        out.extend(
            letters[at..end]
                .iter()
                .map(|letter| if *letter == '\n' { '\n' } else { ' ' }),
        );
        at = end;
    }
    out
}

/// The code without what is compiled for tests only: items that follow `#[cfg(test)]`, up to their closing brace.
pub(crate) fn shipped_code(source: &str) -> String {
    let code = code_only(source);
    let mut out = String::with_capacity(code.len());
    let mut rest = code.as_str();
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, item) = rest.split_at(start);
        out.push_str(before);
        let end = item_end(item);
        out.extend(
            item[..end]
                .chars()
                .map(|letter| if letter == '\n' { '\n' } else { ' ' }),
        );
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Where the item ends that begins here: after its first `;` outside braces, or after its braces close.
fn item_end(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in item.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// Where a comment, string or character that begins here ends, if one begins here.
fn skipped(letters: &[char], at: usize) -> Option<usize> {
    let next = |ahead: usize| letters.get(at + ahead).copied().unwrap_or(' ');
    let word_before = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
    match letters[at] {
        '/' if next(1) == '/' => {
            Some(find(letters, at, |letter, _| letter == '\n').unwrap_or(letters.len()))
        }
        '/' if next(1) == '*' => {
            let closed = find(letters, at + 2, |letter, position| {
                letter == '*' && letters.get(position + 1) == Some(&'/')
            });
            Some(closed.map_or(letters.len(), |end| end + 2))
        }
        'r' if !word_before && (next(1) == '"' || next(1) == '#') => raw_string(letters, at),
        '"' => Some(quoted(letters, at, '"')),
        // A character, not a lifetime: it closes after one letter or an escape.
        '\'' if next(1) == '\\' || next(2) == '\'' => Some(quoted(letters, at, '\'')),
        _ => None,
    }
}

fn find(letters: &[char], from: usize, wanted: impl Fn(char, usize) -> bool) -> Option<usize> {
    (from..letters.len()).find(|position| wanted(letters[*position], *position))
}

fn quoted(letters: &[char], at: usize, quote: char) -> usize {
    let mut position = at + 1;
    while position < letters.len() && letters[position] != quote {
        position += if letters[position] == '\\' { 2 } else { 1 };
    }
    (position + 1).min(letters.len())
}

fn raw_string(letters: &[char], at: usize) -> Option<usize> {
    let hashes = letters[at + 1..]
        .iter()
        .take_while(|letter| **letter == '#')
        .count();
    if letters.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let body = at + 2 + hashes;
    let closes = |letter: char, position: usize| {
        letter == '"' && (1..=hashes).all(|ahead| letters.get(position + ahead) == Some(&'#'))
    };
    Some(find(letters, body, closes).map_or(letters.len(), |end| end + 1 + hashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left_and_lines_stay() {
        let source =
            "a // std::x\nb /* 1.5\n */ c \"f64 \\\" \" d r#\"std\" \"# e 'x' '\\'' &'static f";
        let code = code_only(source);
        assert_eq!(code.lines().count(), source.lines().count());
        assert_eq!(
            code.split_whitespace().collect::<String>(),
            "abcde&'staticf"
        );
    }

    #[test]
    fn what_is_for_tests_only_is_not_shipped() {
        let source = "one\n#[cfg(test)]\nmod tests { fn a() { std::x } }\ntwo\n#[cfg(test)]\nuse std::y;\nthree";
        let words: Vec<String> = shipped_code(source)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert_eq!(words, ["one", "two", "three"]);
    }
}
