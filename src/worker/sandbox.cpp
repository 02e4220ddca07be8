#include "worker/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

extern char** environ;

// Built with a sanitizer, two things give way. Its shadow memory spans terabytes of addresses, so
// that memory is not limited. Its search for leaks at the end holds the process from a second one,
// which the walls forbid, so that a process within them is not searched.
#ifdef HEMIOLA_SANITIZED
namespace {
bool walls_stand = false;
}
extern "C" int __lsan_is_turned_off() { return walls_stand ? 1 : 0; }
#endif

namespace hemiola::worker {
namespace {

// What reading files, computing with threads and writing to the connection takes. All else is
// answered with "not permitted".
constexpr std::array kAllowed = {"access",
                                 "arch_prctl",
                                 "brk",
                                 "clock_getres",
                                 "clock_gettime",
                                 "clock_nanosleep",
                                 "close",
                                 "dup",
                                 "exit",
                                 "exit_group",
                                 "faccessat",
                                 "faccessat2",
                                 "fadvise64",
                                 "fallocate",
                                 "fcntl",
                                 "fdatasync",
                                 "fstat",
                                 "fstatfs",
                                 "fsync",
                                 "ftruncate",
                                 "futex",
                                 "getcpu",
                                 "getcwd",
                                 "getdents64",
                                 "getegid",
                                 "geteuid",
                                 "getgid",
                                 "getpid",
                                 "getppid",
                                 "getrandom",
                                 "getrlimit",
                                 "getrusage",
                                 "gettid",
                                 "gettimeofday",
                                 "getuid",
                                 "lseek",
                                 "lstat",
                                 "madvise",
                                 "membarrier",
                                 "mkdir",
                                 "mkdirat",
                                 "mmap",
                                 "mprotect",
                                 "mremap",
                                 "munmap",
                                 "nanosleep",
                                 "newfstatat",
                                 "open",
                                 "openat",
                                 "pipe2",
                                 "poll",
                                 "ppoll",
                                 "pread64",
                                 "prlimit64",
                                 "pwrite64",
                                 "read",
                                 "readlink",
                                 "readlinkat",
                                 "readv",
                                 "rename",
                                 "renameat",
                                 "renameat2",
                                 "restart_syscall",
                                 "rmdir",
                                 "rseq",
                                 "rt_sigaction",
                                 "rt_sigprocmask",
                                 "rt_sigreturn",
                                 "sched_getaffinity",
                                 "sched_getparam",
                                 "sched_getscheduler",
                                 "sched_yield",
                                 "set_robust_list",
                                 "set_tid_address",
                                 "setrlimit",
                                 "shutdown",
                                 "sigaltstack",
                                 "stat",
                                 "statfs",
                                 "statx",
                                 "sysinfo",
                                 "tgkill",
                                 "time",
                                 "times",
                                 "umask",
                                 "uname",
                                 "unlink",
                                 "unlinkat",
                                 "write",
                                 "writev"};

// `slack`: by how much the hard limit is higher. At the hard limit of processor time the kernel
// sends SIGKILL, which does not say why; at the soft one SIGXCPU, which does.
Status set_limit(int which, rlim_t value, rlim_t slack = 0) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource>(which), &limit);
  const rlim_t most = std::min(value + slack, limit.rlim_max);
  limit = {std::min(value, most), most};
  if (::setrlimit(static_cast<__rlimit_resource>(which), &limit) != 0) {
    return fail("cannot set limit {}: {}", which, std::strerror(errno));
  }
  return {};
}

Status filter_calls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == nullptr) return fail("seccomp: no filter");
  int code = 0;
  for (const char* name : kAllowed) {
    const int call = seccomp_syscall_resolve_name(name);
    // Not every architecture has every call.
    if (call != __NR_SCMP_ERROR && call >= 0) {
      code = code == 0 ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) : code;
    }
  }
  // Threads, but no processes: without CLONE_VM a clone is a fork. clone3 hides its flags, so it is
  // answered with "no such call", and the C library takes clone.
  constexpr std::uint64_t kCloneVm = 0x100, kCloneThread = 0x10000;
  if (code == 0) {
    code = seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, kCloneVm | kCloneThread, kCloneVm | kCloneThread));
  }
  if (code == 0) {
    code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  }
  if (code == 0) code = seccomp_load(filter);
  seccomp_release(filter);
  if (code != 0) return fail("seccomp: {}", std::strerror(-code));
  return {};
}

// Its exit status, or -1.
int run_quietly(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed != 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace

Status lower_limits(const Limits& limits) {
  HEMIOLA_CHECK(set_limit(RLIMIT_CPU, limits.cpu_seconds, 5));
#ifndef HEMIOLA_SANITIZED
  HEMIOLA_CHECK(set_limit(RLIMIT_AS, limits.memory));
#endif
  HEMIOLA_CHECK(set_limit(RLIMIT_FSIZE, limits.file_size));
  HEMIOLA_CHECK(set_limit(RLIMIT_NOFILE, limits.open_files));
  return set_limit(RLIMIT_CORE, 0);
}

Status restrict_self(const Limits& limits) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail("no_new_privs: {}", std::strerror(errno));
  }
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  HEMIOLA_CHECK(lower_limits(limits));
#ifdef HEMIOLA_SANITIZED
  walls_stand = true;
#endif
  return filter_calls();
}

Path find_bubblewrap(std::string& why) {
  for (const char* place : {"/usr/bin/bwrap", "/usr/local/bin/bwrap"}) {
    std::error_code code;
    if (!std::filesystem::exists(place, code)) continue;
    if (run_quietly(in_bubblewrap(place, {"/usr/bin/true"}, {})) == 0) return place;
    why = fmt::format("{} is there but does not work: user namespaces are not allowed here", place);
    return {};
  }
  why = "bubblewrap is not installed (Debian: apt-get install bubblewrap)";
  return {};
}

std::vector<std::string> in_bubblewrap(const Path& bubblewrap,
                                       const std::vector<std::string>& command,
                                       const std::vector<Path>& visible) {
  std::vector<std::string> line = {bubblewrap.string(),
                                   "--unshare-all",
                                   "--die-with-parent",
                                   "--new-session",
                                   "--cap-drop",
                                   "ALL",
                                   "--clearenv",
                                   "--setenv",
                                   "LANG",
                                   "C.UTF-8",
                                   "--setenv",
                                   "HOME",
                                   "/tmp",
                                   "--ro-bind",
                                   "/usr",
                                   "/usr",
                                   "--symlink",
                                   "usr/lib",
                                   "/lib",
                                   "--symlink",
                                   "usr/lib64",
                                   "/lib64",
                                   "--symlink",
                                   "usr/bin",
                                   "/bin",
                                   "--ro-bind-try",
                                   "/etc/alternatives",
                                   "/etc/alternatives",
                                   "--ro-bind-try",
                                   "/etc/ld.so.cache",
                                   "/etc/ld.so.cache",
                                   "--proc",
                                   "/proc",
                                   "--dev",
                                   "/dev",
                                   "--tmpfs",
                                   "/tmp",
                                   "--chdir",
                                   "/tmp"};
  for (const Path& path : visible) {
    line.insert(line.end(), {"--ro-bind", path.string(), path.string()});
  }
  line.push_back("--");
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

}  // namespace hemiola::worker
