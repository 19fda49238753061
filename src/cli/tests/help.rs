//! Help, version and exit codes.

use clap::CommandFactory;

use super::run;
use crate::cli::{Args, Code};

/// What is printed on stdout by a command line that ends well.
fn printed(line: &str) -> String {
    let exit = run(line).expect_err(line);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    assert_eq!(exit.print(&mut stdout, &mut stderr), Code::Well, "{line}");
    assert_eq!(stderr, b"", "help goes to stdout");
    String::from_utf8(stdout).unwrap()
}

#[test]
fn the_definitions_are_consistent() {
    Args::command().debug_assert();
}

#[test]
fn help_and_version_end_well() {
    assert_eq!(printed("verse --version"), format!("verse {}\n", env!("CARGO_PKG_VERSION")));
    for line in ["verse --help", "verse -h", "verse help"] {
        let help = printed(line);
        for command in ["node", "serve", "get", "transform", "apply", "proxy", "check", "ctl"] {
            assert!(
                help.lines().any(|line| line.trim_start().starts_with(command)),
                "{line} shows {command}"
            );
            assert!(printed(&format!("verse {command} --help")).contains("Usage: verse"));
        }
        assert!(help.contains("  130  a second signal stopped it at once"));
    }
}

#[test]
fn each_argument_has_a_line_of_help_and_each_value_its_default() {
    for command in Args::command().get_subcommands() {
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let name = format!("{} {}", command.get_name(), argument.get_id());
            assert!(!help.is_empty() && !help.contains('\n'), "{name}: {help}");
            let takes_value = argument.get_action().takes_values();
            let optional = takes_value && !argument.is_required_set() && argument.get_id() != "output";
            assert_eq!(optional, help.contains("[default: "), "{name}: {help}");
        }
    }
}

#[test]
fn the_exit_codes_are_the_documented_ones() {
    assert_eq!(Code::ALL.map(Code::number), [0, 1, 2, 3, 4, 5, 130]);
}
