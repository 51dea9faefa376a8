#include "cli/cli.h"

int main(int argc, char** argv) {
  return mainstay::cli::Run(argc, argv);
}
