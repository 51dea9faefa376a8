#pragma once

namespace mainstay::cli {

// The program: reads the command line and runs one command. Gives the exit code: 0 when it did what
// was asked, 1 when something was wrong with what it was given, 2 for a command line that it does
// not understand.
int Run(int argc, char** argv);

}  // namespace mainstay::cli
