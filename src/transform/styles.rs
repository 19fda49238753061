//! The transformations that always work.

/// All in lower case (the Cummingsifier of Part 10).
pub(super) fn cummingsify(poem: &str) -> String {
    poem.to_lowercase()
}

/// All in upper case.
pub(super) fn shout(poem: &str) -> String {
    poem.to_uppercase()
}

/// The last line first. A poem that ends with a newline still does.
pub(super) fn reverse_lines(poem: &str) -> String {
    let (lines, end) = match poem.strip_suffix('\n') {
        Some(lines) => (lines, "\n"),
        None => (poem, ""),
    };
    let mut reversed = String::with_capacity(poem.len());
    for (n, line) in lines.rsplit('\n').enumerate() {
        if n > 0 {
            reversed.push('\n');
        }
        reversed.push_str(line);
    }
    reversed.push_str(end);
    reversed
}

/// Each ASCII letter thirteen further round the alphabet; twice is none.
pub(super) fn rot13(poem: &str) -> String {
    let turned = |c: char, a: u8| char::from((c as u8 - a + 13) % 26 + a);
    poem.chars()
        .map(|c| match c {
            'a'..='z' => turned(c, b'a'),
            'A'..='Z' => turned(c, b'A'),
            _ => c,
        })
        .collect()
}

/// Each word, which is what stands between white space, in lower case but for its first letter.
pub(super) fn title(poem: &str) -> String {
    let mut titled = String::with_capacity(poem.len());
    for piece in poem.split_inclusive(char::is_whitespace) {
        let word = piece.to_lowercase();
        match word.char_indices().find(|(_, c)| c.is_alphanumeric()) {
            Some((at, first)) => {
                titled.push_str(&word[..at]);
                // A letter whose capital is more than one ("ß": "SS") begins with the first of them only.
                let mut capital = first.to_uppercase();
                titled.extend(capital.next());
                titled.extend(capital.flat_map(char::to_lowercase));
                titled.push_str(&word[at + first.len_utf8()..]);
            }
            None => titled.push_str(&word),
        }
    }
    titled
}
