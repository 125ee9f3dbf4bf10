// What a command line says that names no subcommand, or one that is not known: the library does not tell these apart.
#pragma once

namespace CLI {
class App;
}

namespace portal::cli {

/// After a parse that found something missing. Says which subcommands there are; false when it was not one of them that
/// was missing, and then nothing was said.
bool tell_subcommand_names(const CLI::App& app);

}  // namespace portal::cli
