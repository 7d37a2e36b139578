//! The command lines of this program in a Markdown document.

/// A command line of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DocCommand {
    /// The line of the document, from 1.
    pub(super) line: usize,
    /// `NAME=value` in front of it.
    pub(super) environment: Vec<(String, String)>,
    /// What stands behind the program's name.
    pub(super) args: Vec<String>,
}

/// Fenced blocks of these kinds hold output and data, no commands.
const NO_COMMANDS: &[&str] = &["text", "json", "ndjson", "toml", "rust", "diff", "mermaid"];

/// The program's name, which is its repository's and its container image's too.
const NAME: &str = "element-mirror";

/// The command lines of the program in the fenced code blocks of `markdown`, in their order.
pub(super) fn commands(markdown: &str) -> Vec<DocCommand> {
    let mut found = Vec::new();
    for (line, text) in shell_lines(markdown) {
        let before = found.len();
        if text.contains(NAME) || text.contains("cargo run") {
            let simple = simple_commands(&text);
            let simple = simple.unwrap_or_else(|| panic!("line {line}: a quote is not closed: {text}"));
            found.extend(simple.iter().filter_map(|words| of_the_program(line, words)));
        }
        // What is neither taken nor passed over knowingly would be a hole in the check.
        let meant = text.matches("element-mirror run").count();
        assert!(found.len() - before >= meant, "line {line}: a command is not understood: {text}");
    }
    found
}

/// The lines of the fenced blocks that may be commands, with their numbers; continued ones are joined.
fn shell_lines(markdown: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    // The fence and the kind of the block that is open.
    let mut open: Option<(&str, &str)> = None;
    let mut continued = false;
    for (number, line) in (1..).zip(markdown.lines()) {
        let text = line.trim();
        let fence = ["```", "~~~"].into_iter().find(|fence| text.starts_with(fence));
        match (open, fence) {
            (None, Some(fence)) => {
                let info = text.trim_start_matches(['`', '~']).trim();
                open = Some((fence, info.split([' ', ',']).next().unwrap_or_default()));
                continued = false;
            }
            (None, None) => {}
            (Some((opened, _)), Some(fence)) if opened == fence => open = None,
            (Some((_, kind)), _) if NO_COMMANDS.contains(&kind) => {}
            (Some((_, kind)), _) => {
                let prompted = text.strip_prefix("$ ");
                // A transcript's lines without a prompt are output.
                if kind == "console" && prompted.is_none() && !continued {
                    continue;
                }
                let text = prompted.unwrap_or(text);
                let (text, more) = text.strip_suffix('\\').map_or((text, false), |text| (text, true));
                match lines.last_mut() {
                    Some((_, last)) if continued => last.push_str(text),
                    _ => lines.push((number, text.to_owned())),
                }
                continued = more;
            }
        }
    }
    lines
}

/// The words of a line's simple commands, without redirections and comments; `None` where a quote is not closed.
fn simple_commands(line: &str) -> Option<Vec<Vec<String>>> {
    let mut shell = Shell { commands: vec![Vec::new()], ..Shell::default() };
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let quoted = shell.word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => quoted.push(chars.next()?),
                        inner => quoted.push(inner),
                    }
                }
            }
            '\\' => shell.word.get_or_insert_default().extend(chars.next()),
            '#' if shell.word.is_none() => break,
            '<' | '>' => {
                // A number in front says which stream it is; what follows is a file, or another stream.
                shell.word.take_if(|word| word.bytes().all(|c| c.is_ascii_digit()));
                shell.end_word();
                while chars.next_if(|c| "<>&".contains(*c)).is_some() {}
                shell.redirected = true;
            }
            '|' | '&' | ';' | '(' | ')' | '`' => shell.end_command(),
            c if c.is_whitespace() => shell.end_word(),
            c => shell.word.get_or_insert_default().push(c),
        }
    }
    shell.end_command();
    Some(shell.commands)
}

/// A line of a shell, as far as it has been read.
#[derive(Default)]
struct Shell {
    /// The last one is still open.
    commands: Vec<Vec<String>>,
    word: Option<String>,
    /// The next word is where a stream goes.
    redirected: bool,
}

impl Shell {
    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.redirected)
            && let Some(command) = self.commands.last_mut()
        {
            command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirected = false;
        self.commands.push(Vec::new());
    }
}

/// The command line of the program among a simple command's words: whatever stands in front (a crontab's times, sudo, a
/// container's engine, `ExecStart=`) is passed over.
fn of_the_program(line: usize, words: &[String]) -> Option<DocCommand> {
    let at = |word: &str| words.iter().position(|other| other == word);
    let (name, first) = match at("cargo") {
        Some(cargo) if words.get(cargo + 1).is_some_and(|word| word == "run") => (cargo, at("--")? + 1),
        // `cargo install element-mirror` and the like.
        Some(_) => return None,
        None => {
            let is_name = |word: &String| word.rsplit(['/', '=']).next() == Some(NAME);
            let name = words.iter().position(is_name)?;
            (name, name + 1)
        }
    };
    let args = &words[first..];
    // `cp element-mirror /usr/local/bin`: the name of a file.
    let command = |word: &String| word.starts_with('-') || word.bytes().all(|c| c.is_ascii_lowercase());
    if !args.first().is_some_and(command) {
        return None;
    }
    let environment = words[..name].iter().filter_map(|word| word.split_once('='));
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(DocCommand { line, environment, args: args.to_vec() })
}
