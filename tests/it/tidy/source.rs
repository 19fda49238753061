//! Rust source as the checks read it: without comments, without the text of literals, and, if asked, without tests.
//!
//! Whatever is left out is blanked, not removed, so that lines keep their numbers.

/// `text` with comments and the insides of strings and characters blanked.
pub(super) fn code(text: &str) -> String {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, out: Vec::with_capacity(text.len()) };
    while scan.at < scan.bytes.len() {
        scan.step();
    }
    String::from_utf8(scan.out).expect("only whole characters are blanked")
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl Scan<'_> {
    fn step(&mut self) {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"//") {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            self.blank(end);
        } else if rest.starts_with(b"/*") {
            self.block_comment();
        } else if let Some(hashes) = self.raw_string() {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            // The r, the hashes and the quote.
            self.keep(hashes + 2);
            let inside = &self.bytes[self.at..];
            let end = inside.windows(close.len()).position(|it| it == close).unwrap_or(inside.len());
            self.blank(end);
            self.keep(close.len());
        } else if rest[0] == b'"' {
            self.keep(1);
            self.quoted(b'"');
        } else if rest[0] == b'\'' && self.is_character() {
            self.keep(1);
            self.quoted(b'\'');
        } else {
            self.keep(1);
        }
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        self.out.extend_from_slice(&self.bytes[self.at..end]);
        self.at = end;
    }

    fn blank(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        let blanks = self.bytes[self.at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' });
        self.out.extend(blanks);
        self.at = end;
    }

    /// The inside and the end of a literal, whose escapes may hide its end.
    fn quoted(&mut self, close: u8) {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.blank(2),
                _ if byte == close => return self.keep(1),
                _ => self.blank(1),
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            if rest.starts_with(b"/*") {
                depth += 1;
                self.blank(2);
            } else if rest.starts_with(b"*/") {
                depth -= 1;
                self.blank(2);
            } else {
                self.blank(1);
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// The hashes of the raw string that begins here, if one does.
    fn raw_string(&self) -> Option<usize> {
        let before = |back: usize| self.at.checked_sub(back).map(|at| self.bytes[at]);
        let inside_word = match before(1) {
            Some(b'b' | b'c') => before(2).is_some_and(is_word),
            byte => byte.is_some_and(is_word),
        };
        let rest = self.bytes[self.at..].strip_prefix(b"r")?;
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        (!inside_word && rest.get(hashes) == Some(&b'"')).then_some(hashes)
    }

    /// Whether the quote here begins a character, not a lifetime.
    fn is_character(&self) -> bool {
        let rest = &self.bytes[self.at + 1..];
        let width = match rest.first() {
            None => return false,
            Some(b'\\') => return true,
            Some(byte) => byte.leading_ones().max(1) as usize,
        };
        rest.get(width) == Some(&b'\'')
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `word` stands in `code` as a word of its own, each with its line.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    code.match_indices(word).filter_map(move |(at, _)| {
        let alone = |byte: Option<&u8>| byte.is_none_or(|byte| !is_word(*byte));
        let bytes = code.as_bytes();
        let before = at.checked_sub(1).map(|at| &bytes[at]);
        (alone(before) && alone(bytes.get(at + word.len()))).then(|| (at, line_of(code, at)))
    })
}

/// The number of the line that holds byte `at`.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count()
}

/// The word that begins at the start of `text`.
pub(super) fn word_at(text: &str) -> &str {
    let end = text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len());
    &text[..end]
}

const TEST: &str = "#[cfg(test)]";

/// `code` (see [`code`]) with every item under `#[cfg(test)]` blanked, and the names of the modules among them that
/// are files of their own.
pub(super) fn without_tests(code: &str) -> (String, Vec<String>) {
    let mut left = String::with_capacity(code.len());
    let mut modules = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(TEST) {
        left.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = item_end(&item[TEST.len()..]) + TEST.len();
        let item = &item[..end];
        if item.ends_with(';')
            && let Some((at, _)) = words(item, "mod").next()
        {
            modules.push(word_at(item[at + 3..].trim_start()).to_owned());
        }
        left.extend(item.chars().map(|it| if it == '\n' { '\n' } else { ' ' }));
        rest = &rest[at + end..];
    }
    left.push_str(rest);
    (left, modules)
}

/// Where the item ends that `code` begins with: behind its body, or its semicolon.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The functions of `code` that have a body: name, first line, number of lines.
pub(super) fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let mut found = Vec::new();
    for (at, line) in words(code, "fn") {
        let name = word_at(code[at + 2..].trim_start());
        // The type of a function has no name.
        if !name.is_empty() {
            let end = at + item_end(&code[at..]);
            if code.as_bytes()[end - 1] == b'}' {
                found.push((name, line, 1 + line_of(code, end) - line));
            }
        }
    }
    found
}

#[test]
fn comments_and_literals_are_not_code() {
    let text = "a /* b /* c */ d */ \"e\\\"f\" 'g' '\\'' 'h r#\"i\"j\"# br\"k\" // l\nm r#mod 'é'";
    let blank = code(text);
    let left: String = blank.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(left, "a \" \" ' ' ' ' 'h r#\" \"# br\" \" m r#mod ' '");
    assert_eq!((blank.len(), blank.lines().count()), (text.len(), 2));
}

#[test]
fn tests_are_left_out_and_their_files_named() {
    let text =
        "fn a() {}\n#[cfg(test)]\n#[x(y)]\nmod b;\nfn c() {}\n#[cfg(test)]\nmod d { fn e() {} }\nfn f() {}";
    let (left, modules) = without_tests(text);
    let names: Vec<_> = functions(&left).into_iter().map(|(name, line, _)| (name, line)).collect();
    assert_eq!(names, [("a", 1), ("c", 5), ("f", 8)]);
    assert_eq!(modules, ["b"]);
}

#[test]
fn a_function_is_as_long_as_from_its_name_to_its_last_brace() {
    let text = "trait T { fn a(&self); fn b(f: fn(u8) -> u8) where T: X {\n  if x {\n }\n}\n}";
    assert_eq!(functions(text), [("b", 1, 4)]);
}
