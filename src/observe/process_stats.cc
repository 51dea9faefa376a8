#include "observe/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace mainstay::observe {
namespace {

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t CpuNanos() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) {
    return 0;
  }
  const auto nanos = [](const timeval& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(time.tv_usec) * 1'000;
  };
  return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

uint64_t OpenFds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), &closedir);
  if (folder == nullptr) {
    return 0;
  }
  uint64_t count = 0;
  while (const dirent* entry = readdir(folder.get())) {
    count += entry->d_name[0] != '.' ? 1 : 0;
  }
  return count - 1;  // not the one that this function holds
}

// The time of the machine's start, in seconds since the epoch.
double BootSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    if (word == "btime") {
      double seconds = 0;
      file >> seconds;
      return seconds;
    }
  }
  return 0;
}

double StartedSeconds() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  // The second field is the program's name in parentheses, which may hold anything.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) {
    return 0;
  }
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  constexpr int kFieldsBefore = 19;  // starttime is the 22nd, counted from 1
  for (int i = 0; i < kFieldsBefore; ++i) {
    fields >> skipped;
  }
  double ticks = 0;
  fields >> ticks;
  return BootSeconds() + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessStats ReadProcessStats() {
  return {.resident_bytes = ResidentBytes(),
          .cpu_nanos = CpuNanos(),
          .open_fds = OpenFds(),
          .started_seconds = StartedSeconds()};
}

}  // namespace mainstay::observe
