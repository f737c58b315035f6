#include "process_meter.hpp"

#include <fstream>
#include <stdexcept>
#include <string>

#include <ctime>

namespace roomcast::bench {
namespace {

std::chrono::nanoseconds read_clock(clockid_t clock) {
    timespec reading{};
    if (clock_gettime(clock, &reading) != 0) throw std::runtime_error("the measured process is gone");
    return std::chrono::seconds{reading.tv_sec} + std::chrono::nanoseconds{reading.tv_nsec};
}

} // namespace

// The CPU clock of a process counts what /proc/PID/task/*/schedstat counts, but in one call, with the running
// slice brought up to date and without losing threads that have ended; /proc/PID/stat has steps of 10 ms.
process_meter::process_meter(pid_t pid) : pid_(pid) {
    if (clock_getcpuclockid(pid, &clock_) != 0) {
        throw std::runtime_error("no process with the id " + std::to_string(pid));
    }
}

std::chrono::nanoseconds process_meter::cpu_time() const {
    return read_clock(clock_);
}

std::uint64_t process_meter::resident_bytes() const {
    const std::string path = "/proc/" + std::to_string(pid_) + "/smaps_rollup";
    std::ifstream file(path);
    std::string word;
    while (file >> word) {
        if (word != "Rss:") continue;
        std::uint64_t kibibytes = 0;
        if (file >> kibibytes) return kibibytes * 1024;
    }
    throw std::runtime_error("cannot read Rss in " + path);
}

std::chrono::nanoseconds own_cpu_time() {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

} // namespace roomcast::bench
