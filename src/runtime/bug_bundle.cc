// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/bug_bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "host/address_map.h"
#include "observe/journal.h"

namespace koi::runtime {
namespace {

constexpr int kExitKoiFault = 4;
constexpr u64 kDeepestChain = 64;

std::array<char, 1024> g_options;
const observe::Journal* g_journal = nullptr;

// Text without the C library's buffers: a handler must not allocate.
class RawText {
 public:
  explicit RawText(int fd) : fd_(fd) {}
  RawText& operator<<(const char* text) { return put(text, std::strlen(text)); }
  RawText& operator<<(std::string_view text) { return put(text.data(), text.size()); }
  RawText& dec(u64 value) {
    char digits[24];
    char* at = digits + sizeof(digits);
    do {
      *--at = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return put(at, static_cast<size_t>(digits + sizeof(digits) - at));
  }
  RawText& hex(u64 value) {
    char digits[18] = {'0', 'x'};
    for (int i = 0; i < 16; ++i) digits[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 0xf];
    return put(digits, sizeof(digits));
  }

 private:
  RawText& put(const char* text, size_t size) {
    while (size != 0) {
      const ssize_t n = write(fd_, text, size);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      text += n;
      size -= static_cast<size_t>(n);
    }
    return *this;
  }
  int fd_;
};

int create_in(const char* directory, const char* name) {
  std::array<char, 512> path{};
  std::strncpy(path.data(), directory, path.size() - 64);
  std::strcat(path.data(), "/");
  std::strcat(path.data(), name);
  return open(path.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void copy_maps(const char* directory) {
  const int from = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  const int to = create_in(directory, "maps");
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t n = read(from, block.data(), block.size());
    if (n <= 0 || write(to, block.data(), static_cast<size_t>(n)) != n) break;
  }
  close(from);
  close(to);
}

void write_chain(RawText& out) {
  out << "frames (frame-pointer chain of the handler's interrupted code where it has one):\n";
  u64 frame = reinterpret_cast<u64>(__builtin_frame_address(0));
  for (u64 i = 0; i < kDeepestChain && frame > 0x10000; ++i) {
    u64 words[2];
    std::memcpy(words, reinterpret_cast<const void*>(frame), sizeof(words));
    out << "  ";
    out.hex(words[1]) << "\n";
    if (words[0] <= frame || words[0] - frame > host::kHostStackSize * 4) break;
    frame = words[0];
  }
}

void write_journal(const char* directory) {
  const int fd = create_in(directory, "journal");
  RawText out(fd);
  if (g_journal != nullptr) {
    for (const observe::Event& event : g_journal->events()) {
      out.dec(event.time.value) << " cpu ";
      out.dec(event.cpu.value) << " pid ";
      out.dec(static_cast<u64>(event.pid)) << " kind ";
      out.dec(static_cast<u64>(event.kind)) << " " << std::string_view(event.text) << "\n";
    }
  }
  close(fd);
}

// "DIRECTORY/koi-bundle-PID"; false: it cannot be made.
bool make_directory(const char* parent, std::array<char, 256>& path) {
  char digits[24];
  u64 pid = static_cast<u64>(getpid());
  char* at = digits + sizeof(digits) - 1;
  *at = '\0';
  do {
    *--at = static_cast<char>('0' + pid % 10);
    pid /= 10;
  } while (pid != 0);
  path.fill('\0');
  std::strcpy(path.data(), parent);
  std::strcat(path.data(), "/koi-bundle-");
  std::strcat(path.data(), at);
  return mkdir(path.data(), 0755) == 0 || errno == EEXIST;
}

}  // namespace

void prepare_bug_bundle(const BundleFacts& facts) {
  g_options.fill('\0');
  std::strncpy(g_options.data(), facts.options.c_str(), g_options.size() - 1);
  g_journal = facts.journal;
}

void forget_bug_bundle() { g_journal = nullptr; }

void write_bug_bundle(const char* what, u64 rip, u64 address) {
  static volatile bool writing = false;
  RawText err(STDERR_FILENO);
  if (writing) {
    err << "koi: a second fault while writing the bundle\n";
    _exit(kExitKoiFault);
  }
  writing = true;
  std::array<char, 256> directory;
  if (!make_directory(".", directory) && !make_directory("/tmp", directory)) {
    err << "koi: internal fault: " << what << "; no bundle could be written\n";
    _exit(kExitKoiFault);
  }
  const int fd = create_in(directory.data(), "report");
  RawText report(fd);
  report << "koi: internal fault: " << what << "\nrip ";
  report.hex(rip) << " address ";
  report.hex(address) << "\n";
  write_chain(report);
  report << "\nPlease send this directory, the module and the command line to the project's issue tracker.\n";
  close(fd);
  const int seed = create_in(directory.data(), "seed");
  RawText(seed) << g_options.data();
  close(seed);
  write_journal(directory.data());
  copy_maps(directory.data());
  err << "koi: internal fault: " << what << " at ";
  err.hex(rip) << "\nkoi: this is a bug of koi, not of the module; the bundle " << directory.data()
               << " holds the seed, the journal and the maps: please send it, the module and the command "
                  "line to the project's"
                  " issue tracker\n";
  _exit(kExitKoiFault);
}

}  // namespace koi::runtime
