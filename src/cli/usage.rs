//! clap's errors of many lines -> one line that names the argument.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit::{Code, Exit, chain};

/// Help and version as they are, everything else as one line and exit code 2.
pub(super) fn exit(error: &clap::Error, args: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::well(error.render().to_string()),
        _ => {
            let subcommand = subcommand(args);
            Exit::error(Code::Usage, &subcommand, &sentence(error, &subcommand))
        }
    }
}

/// `get`, if the first argument is a subcommand.
fn subcommand(args: &[OsString]) -> String {
    let first = args.get(1).and_then(|arg| arg.to_str()).unwrap_or_default();
    let known = <super::Args as clap::CommandFactory>::command();
    known.find_subcommand(first).map(|found| found.get_name().to_owned()).unwrap_or_default()
}

fn sentence(error: &clap::Error, subcommand: &str) -> String {
    let context = |kind| error.get(kind).map(show).unwrap_or_default();
    let argument = || context(ContextKind::InvalidArg);
    let meant = |kind| match context(kind) {
        suggestion if suggestion.is_empty() => String::new(),
        suggestion => format!("; did you mean {suggestion}?"),
    };
    match error.kind() {
        // The value parsers' own sentence quotes the value.
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(problem) => format!("{}: {}", argument(), chain(problem)),
            None => format!("{}: '{}' is refused", argument(), context(ContextKind::InvalidValue)),
        },
        ErrorKind::InvalidValue => match context(ContextKind::InvalidValue) {
            value if value.is_empty() => format!("{}: a value is missing", argument()),
            value => format!("{}: '{value}' is none of {}", argument(), context(ContextKind::ValidValue)),
        },
        ErrorKind::UnknownArgument => {
            let meant = meant(ContextKind::SuggestedArg);
            format!("unexpected argument '{}'{meant}", argument())
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            format!("no subcommand '{name}'{}", meant(ContextKind::SuggestedSubcommand))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let space = if subcommand.is_empty() { "" } else { " " };
            format!("a subcommand is missing; see verse{space}{subcommand} --help")
        }
        ErrorKind::MissingRequiredArgument => format!("{} is missing", argument()),
        ErrorKind::ArgumentConflict => match context(ContextKind::PriorArg) {
            prior if prior.is_empty() => format!("{} cannot be combined with anything else", argument()),
            prior if prior == argument() => format!("{prior} is given twice"),
            prior => format!("{} cannot be combined with {prior}", argument()),
        },
        ErrorKind::TooManyValues => {
            format!("{}: '{}' is one value too many", argument(), context(ContextKind::InvalidValue))
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        // Kinds that our definitions do not lead to: the first line is the sentence, the rest usage.
        _ => {
            let text = error.render().to_string();
            text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

/// A context value as text, arguments without the placeholders of their values.
fn show(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => bare(text).to_owned(),
        ContextValue::Strings(texts) => texts.iter().map(|text| bare(text)).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `--port <PORT>` -> `--port`, `<NAME>` -> `NAME`, `[CONFIG]` -> `CONFIG`.
fn bare(argument: &str) -> &str {
    let argument = argument.strip_suffix("...").unwrap_or(argument);
    if argument.starts_with("--") {
        return argument.split([' ', '[']).next().unwrap_or(argument);
    }
    let inner = |open, close| argument.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    inner('<', '>').or_else(|| inner('[', ']')).unwrap_or(argument)
}
