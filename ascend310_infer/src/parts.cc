#include "parts.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <string>
#include <system_error>

namespace ssd {
namespace fs = std::filesystem;

namespace {

constexpr char kPrefix[] = ".part-";
// Older than this, a part of another machine is taken for one of a killed run.
constexpr auto kOld = std::chrono::hours(24);

std::string host_name() {
  std::array<char, 256> name{};
  const bool known = gethostname(name.data(), name.size() - 1) == 0;
  const std::string text = known ? name.data() : "";
  return text.substr(0, text.find('.'));
}

// Whether the run that made a part has ended. `owner` is its process number, "@" and its machine.
bool is_left(const fs::path &part, const std::string &owner) {
  int process = 0;
  const auto [end, error] = std::from_chars(owner.data(), owner.data() + owner.size(), process);
  if (error != std::errc() || process <= 0) {
    return false;
  }
  const std::string host(end, owner.data() + owner.size());
  if (host.empty() || host == "@" + host_name()) {
    return process == getpid() || (kill(process, 0) != 0 && errno == ESRCH);
  }
  std::error_code ignored;
  const auto time = fs::last_write_time(part, ignored);
  return !ignored && fs::file_time_type::clock::now() - time > kOld;
}

}  // namespace

fs::path part_of(const fs::path &path) {
  const fs::path folder = path.parent_path();
  const std::string suffix = "-" + path.filename().string();
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const size_t prefix = sizeof(kPrefix) - 1;
    if (name.size() > prefix + suffix.size() && name.compare(0, prefix, kPrefix) == 0 &&
        name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0 &&
        is_left(entry->path(), name.substr(prefix, name.size() - prefix - suffix.size()))) {
      std::error_code ignored;
      fs::remove_all(entry->path(), ignored);
    }
  }
  return folder / (kPrefix + std::to_string(getpid()) + "@" + host_name() + suffix);
}

}  // namespace ssd
