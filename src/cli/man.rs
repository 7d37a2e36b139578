//! The manual page, of all commands: made of the same definitions as the help.

use clap::builder::Str;
use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

use super::help;

/// The day of this version's release, as the changelog has it.
const DATE: &str = "2026-11-29";

const DESCRIPTION: [&str; 4] = [
    "element-mirror keeps copies of the elements (reusable characters and objects) that were made with Kling AI \
     through useapi.net: cover, views, video and voice of each, in a folder of its own, with a manifest and checksums. \
     Run again, it fetches only what is new.",
    "A folder appears complete or not at all, and is replaced whole. What was mirrored stays: a changed element's old \
     version moves to the history, an element that was deleted upstream is gone upstream only.",
    "ID lists are text (one ID per line, an account's email in a second column, # comments) or NDJSON (an object per \
     line with id, and optionally email): reports and the output of list are lists, too.",
    "Sizes are numbers with K, M or G behind them, powers of 1024. Durations are numbers with their unit: 30s, 5m, \
     2h, 30d. Standard output carries only what was asked for; everything for people goes to standard error.",
];

const EXIT_STATUS: [(&str, &str); 8] = [
    ("0", "Everything asked for is mirrored, or verified."),
    ("1", "It could not be done: destination, ID list or API are unusable."),
    ("2", "Usage error: the command line, or a variable, is wrong."),
    (
        "3",
        "Done, but some elements failed, are incomplete or damaged (the report says which), or suspiciously many are \
         gone.",
    ),
    ("4", "The API refused the token or the subscription."),
    ("5", "Another run is working on this destination."),
    ("6", "Stopped at --max-time; what was committed is whole."),
    (
        "130, 143, 141",
        "Interrupted by SIGINT, by SIGTERM, by the reader of standard output; what was committed is whole.",
    ),
];

const FILES: [(&str, &str); 7] = [
    (
        "DEST/ID/",
        "An element: its assets, element.json (the API's own words), manifest.json, and SHA256SUMS for sha256sum -c.",
    ),
    ("DEST/index.html", "A page to look the mirror through, with --gallery."),
    ("DEST/index.ndjson", "Every manifest, one per line, with --index."),
    ("DEST/.element-mirror/history/ID/WHEN/", "Superseded versions, whole."),
    ("DEST/.element-mirror/damaged/ID/WHEN/", "Files that were found damaged, put aside before they were replaced."),
    ("DEST/.element-mirror/gone/ID", "Since when the API does not know an element any more."),
    ("DEST/.element-mirror/lock", "Who works on the mirror."),
];

const ENVIRONMENT: [(&str, &str); 7] = [
    ("USEAPI_TOKEN", "The API token, unless --token-file names a file with it. No option takes the token itself."),
    ("USEAPI_EMAIL", "The account, unless --email names one."),
    (
        "ELEMENT_MIRROR_*",
        "Every option: its name in capitals with _ for -, as in ELEMENT_MIRROR_API_RATE=2; 1, 0, true or false for \
         switches. The command line wins.",
    ),
    ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "Proxies, which are not used for an API on loopback."),
    ("AWS_*, GOOGLE_*, AZURE_*", "Credentials and endpoints of buckets, as the stores' own tools take them."),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "Whether colours are used, unless --color says so."),
    ("TMPDIR", "Where versions for a bucket are put together, unless --staging says so."),
];

const EXAMPLES: [(&str, &str); 6] = [
    ("element-mirror run --demo --all", "Mirrors a built-in sample API into mirror/: no token, no network."),
    ("element-mirror run ids.txt -o backup", "Mirrors the elements of a list into backup/."),
    (
        "element-mirror run --all -q --report last.ndjson",
        "For cron: everything, and words only where something failed.",
    ),
    ("element-mirror run --only-failed last.ndjson", "Once more what failed."),
    (
        "element-mirror verify backup --history --repair",
        "Hashes every file, superseded versions too, and makes good what is damaged.",
    ),
    ("element-mirror prune backup --keep-versions 3 --dry-run", "Says which superseded versions would be removed."),
];

/// The page, for `man -l -`.
pub(crate) fn page() -> String {
    let all = help::documented();
    let mut page = Roff::new();
    let version = format!("element-mirror {}", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["ELEMENT-MIRROR", "1", DATE, &version, "User Commands"]);
    page.control("SH", ["NAME"]);
    page.text([roman("element-mirror - keeps copies of Kling AI elements that live behind useapi.net")]);
    synopsis(&mut page, &all);
    page.control("SH", ["DESCRIPTION"]);
    for (at, paragraph) in DESCRIPTION.iter().enumerate() {
        if at > 0 {
            page.control("PP", []);
        }
        page.text([roman(*paragraph)]);
    }
    commands(&mut page, &all);
    let run = all.find_subcommand("run");
    for command in all.get_subcommands() {
        options(&mut page, command, run.filter(|run| run.get_name() != command.get_name()));
    }
    definitions(&mut page, "EXIT STATUS", &EXIT_STATUS);
    definitions(&mut page, "ENVIRONMENT", &ENVIRONMENT);
    definitions(&mut page, "FILES", &FILES);
    definitions(&mut page, "EXAMPLES", &EXAMPLES);
    page.control("SH", ["SEE ALSO"]);
    let others = [("sha256sum", "1"), ("jq", "1"), ("rclone", "1"), ("cron", "8"), ("systemd.timer", "5")];
    for (at, (name, section)) in others.iter().enumerate() {
        let end = if at + 1 < others.len() { format!("({section}),") } else { format!("({section})") };
        page.text([bold(*name), roman(end)]);
    }
    page.render()
}

fn synopsis(page: &mut Roff, all: &Command) {
    page.control("SH", ["SYNOPSIS"]);
    for (at, command) in all.get_subcommands().enumerate() {
        if at > 0 {
            page.control("br", []);
        }
        let mut words = vec![bold(format!("element-mirror {}", command.get_name()))];
        if command.get_opts().next().is_some() {
            words.push(roman(" [options]"));
        }
        for positional in command.get_positionals() {
            words.push(roman(" "));
            words.push(italic(positional.to_string()));
        }
        page.text(words);
    }
}

fn commands(page: &mut Roff, all: &Command) {
    page.control("SH", ["COMMANDS"]);
    for command in all.get_subcommands() {
        entry(page, [bold(command.get_name())], &command.get_about().map(ToString::to_string).unwrap_or_default());
    }
}

/// The options of a command, under the headings that they have in its help; of those that `run` has too, the names
/// alone.
fn options(page: &mut Roff, command: &Command, run: Option<&Command>) {
    let shown =
        || command.get_arguments().filter(|arg| !arg.is_hide_set() && !arg.is_positional() && arg.get_id() != "help");
    let is_of_run = |arg: &Arg| run.is_some_and(|run| run.get_arguments().any(|other| said(other) == said(arg)));
    if shown().next().is_none() {
        return;
    }
    page.control("SH", [format!("OPTIONS OF {}", command.get_name().to_uppercase()).as_str()]);
    let mut headings: Vec<Option<&str>> = Vec::new();
    for arg in shown().filter(|arg| !is_of_run(arg)) {
        if !headings.contains(&arg.get_help_heading()) {
            headings.push(arg.get_help_heading());
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            page.control("SS", [heading]);
        }
        for arg in shown().filter(|arg| arg.get_help_heading() == heading && !is_of_run(arg)) {
            entry(page, name(arg), &said(arg));
        }
    }
    let shared: Vec<String> =
        shown().filter(|arg| is_of_run(arg)).map(|arg| format!("--{}", arg.get_long().unwrap_or_default())).collect();
    if !shared.is_empty() {
        // mandoc warns of a paragraph where a section begins.
        if shown().any(|arg| !is_of_run(arg)) {
            page.control("PP", []);
        }
        page.text([roman(format!("As of run: {}.", shared.join(", ")))]);
    }
}

/// How an option is written.
fn name(arg: &Arg) -> Vec<Inline> {
    let mut words = Vec::new();
    if let Some(short) = arg.get_short() {
        words.extend([bold(format!("-{short}")), roman(", ")]);
    }
    words.push(bold(format!("--{}", arg.get_long().unwrap_or_default())));
    if arg.get_action().takes_values() {
        let values: Vec<&str> = arg.get_value_names().unwrap_or_default().iter().map(Str::as_str).collect();
        words.extend([roman(" "), italic(values.join(" "))]);
    }
    words
}

/// All that is said of an option.
fn said(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = if help.ends_with('.') { help } else { format!("{help}.") };
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    match default.is_empty() || !arg.get_action().takes_values() {
        true => sentence,
        false => format!("{sentence} Default: {}.", default.join(",")),
    }
}

fn definitions(page: &mut Roff, heading: &str, entries: &[(&str, &str)]) {
    page.control("SH", [heading]);
    for (word, words) in entries {
        entry(page, [bold(*word)], words);
    }
}

fn entry(page: &mut Roff, head: impl IntoIterator<Item = Inline>, words: &str) {
    page.control("TP", []);
    page.text(head.into_iter().collect::<Vec<_>>());
    page.text([roman(words)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page as it reads, without its marks.
    fn read() -> String {
        page().replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
    }

    #[test]
    fn every_option_of_every_command_is_in_it() {
        let (page, all) = (read(), help::documented());
        for command in all.get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!("element-mirror {name}")), "{name}");
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help") {
                let Some(long) = arg.get_long() else { continue };
                let of_command = page
                    .split("\n.SH ")
                    .find(|part| part.starts_with(&format!("\"OPTIONS OF {}\"", name.to_uppercase())));
                let has = |part: &str| {
                    part.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == format!("--{long}"))
                };
                assert!(of_command.is_some_and(has), "--{long} of {name}");
            }
        }
    }

    #[test]
    fn every_formatter_reads_it() {
        let odd: Vec<String> = page().lines().filter(|line| !line.is_ascii()).map(str::to_owned).collect();
        assert!(odd.is_empty(), "{odd:#?}");
    }

    #[test]
    fn its_date_is_that_of_the_release_in_the_changelog() {
        let changelog = include_str!("../../CHANGELOG.md");
        let released =
            changelog.lines().find(|line| line.starts_with("## ") && line.contains(env!("CARGO_PKG_VERSION")));
        assert!(released.is_none_or(|line| line.contains(DATE)), "{released:?} is not of {DATE}");
    }
}
