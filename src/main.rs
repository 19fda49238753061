//! The command `verse`: parse -> run -> exit code.

use std::process::ExitCode;

use verse::cli::{self, Command, Exit, TransformOptions};
use verse::transform::TransformService;

fn main() -> ExitCode {
    let exit = match cli::parse(std::env::args_os()) {
        Ok(command) => run(command),
        Err(exit) => exit,
    };
    exit.print(&mut std::io::stdout(), &mut std::io::stderr()).into()
}

fn run(command: Command) -> Exit {
    match command {
        Command::Check(options) => Exit::well(format!("{}\n", options.report())),
        Command::Ctl(options) => cli::ctl(&options),
        Command::Deferred(options) => cli::deferred(options),
        Command::Get(options) => cli::get(&options),
        Command::Apply(options) => cli::apply(options),
        Command::Node(options) if options.print_config => Exit::well(options.config.to_toml()),
        Command::Transform(TransformOptions::List) => {
            Exit::well(cli::list_transforms(&TransformService::default()))
        }
        Command::Node(options) => cli::run_node(&options),
        Command::Serve(options) => cli::serve(&options),
        Command::Transform(TransformOptions::Serve { config, engine }) => cli::transform(&config, engine),
        Command::Proxy(options) => cli::proxy(&options),
    }
}
