#pragma once

#include <chrono>
#include <cstdint>

#include <sys/types.h>

namespace roomcast::bench {

/// Reads what another process of this machine has used so far.
class process_meter {
public:
    explicit process_meter(pid_t pid);

    /// CPU of all threads of the process, user and system, to the nanosecond; ended threads are included.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

    /// `Rss` of /proc/PID/smaps_rollup: pages in memory, shared ones included; not the kernel's socket
    /// buffers.
    [[nodiscard]] std::uint64_t resident_bytes() const;

private:
    pid_t pid_;
    clockid_t clock_{};
};

[[nodiscard]] std::chrono::nanoseconds own_cpu_time();

} // namespace roomcast::bench
