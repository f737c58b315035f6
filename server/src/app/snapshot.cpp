#include "app/snapshot.hpp"

#include "base/log.hpp"
#include "base/octets.hpp"
#include "rules/application.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace roomcast::server::app {

namespace {

constexpr std::string_view magic = "roomcast snapshot\n";
constexpr std::uint8_t version = 1;
constexpr std::size_t head_bytes = magic.size() + 1 + 8;
constexpr std::size_t checksum_bytes = 4;

/// @source RFC 1952, section 8
constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
        table[i] = value;
    }
    return table;
}();

std::uint32_t checksum_of(std::string_view bytes) {
    std::uint32_t value = 0xFFFFFFFFU;
    for (const char each : bytes) {
        value = crc_table[(value ^ static_cast<unsigned char>(each)) & 0xFFU] ^ (value >> 8U);
    }
    return ~value;
}

[[noreturn]] void fail(const std::string& what, int error = errno) {
    throw std::system_error{error, std::generic_category(), what};
}

/// A file descriptor of ours.
class file {
public:
    file(const std::string& path, int flags, mode_t mode = 0)
        : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() {
        if (is_open()) ::close(descriptor_);
    }
    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

/// Where it is written before it gets its name.
std::string unfinished(const std::string& path) {
    return path + ".new";
}

} // namespace

std::string encode(const snapshot& what) {
    std::string content;
    base::octet_writer inner{content};
    inner.i64(what.saved_ms);
    inner.text(what.rules);
    inner.text(what.recovery);
    std::string bytes;
    bytes.reserve(head_bytes + content.size() + checksum_bytes);
    bytes += magic;
    base::octet_writer to{bytes};
    to.octet(version);
    to.u64(content.size());
    bytes += content;
    to.u32(checksum_of(bytes));
    return bytes;
}

std::optional<snapshot> decode(std::string_view bytes, std::string& why) {
    const auto refuse = [&](const char* what) {
        why = what;
        return std::nullopt;
    };
    if (!bytes.starts_with(magic.substr(0, std::min(magic.size(), bytes.size())))) {
        return refuse("it is no snapshot");
    }
    if (bytes.size() < head_bytes + checksum_bytes) return refuse("it is cut off");
    base::octet_reader head{bytes.substr(magic.size())};
    if (head.octet() != version) return refuse("it is of another version of this program");
    const std::uint64_t size = head.u64();
    const std::size_t found = bytes.size() - head_bytes - checksum_bytes;
    if (size > found) return refuse("it is cut off");
    if (size < found) return refuse("there is more behind its end");
    base::octet_reader tail{bytes.substr(bytes.size() - checksum_bytes)};
    if (tail.u32() != checksum_of(bytes.substr(0, bytes.size() - checksum_bytes))) {
        return refuse("its checksum is wrong");
    }
    base::octet_reader from{bytes.substr(head_bytes, found)};
    snapshot read;
    read.saved_ms = from.i64();
    read.rules = from.text();
    read.recovery = from.text();
    if (!from.is_good() || !from.is_at_end()) return refuse("its parts do not fit");
    return read;
}

void write_whole(const std::string& path, std::string_view bytes) {
    const std::string before = unfinished(path);
    {
        constexpr mode_t owner_only = 0600;
        const file to{before, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, owner_only};
        if (!to.is_open()) fail("cannot write " + before);
        // One that was left there may have been for others to read.
        if (::fchmod(to.descriptor(), owner_only) != 0) fail("cannot write " + before);
        while (!bytes.empty()) {
            const ssize_t written = ::write(to.descriptor(), bytes.data(), bytes.size());
            if (written < 0) {
                if (errno == EINTR) continue;
                const int error = errno;
                ::unlink(before.c_str());
                fail("cannot write " + before, error);
            }
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        if (::fsync(to.descriptor()) != 0) fail("cannot write " + before);
    }
    if (std::rename(before.c_str(), path.c_str()) != 0) fail("cannot write " + path);
    // The name must be on the disk as well; not every file system can say so.
    const file folder{folder_of(path), O_RDONLY | O_DIRECTORY};
    if (folder.is_open()) (void)::fsync(folder.descriptor());
}

std::optional<std::string> read_whole(const std::string& path, std::uint64_t most_bytes) {
    const file from{path, O_RDONLY | O_NONBLOCK}; // a pipe of that name must not hold us up
    if (!from.is_open()) {
        if (errno == ENOENT) return std::nullopt;
        fail("cannot read " + path);
    }
    struct stat about {};
    if (::fstat(from.descriptor(), &about) != 0) fail("cannot read " + path);
    if (!S_ISREG(about.st_mode)) fail(path + " is no regular file", EINVAL);
    if (static_cast<std::uint64_t>(about.st_size) > most_bytes) fail(path + " is too large", EFBIG);
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t more = ::read(from.descriptor(), bytes.data() + have, bytes.size() - have);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) fail("cannot read " + path);
        if (more == 0) break; // it became shorter; the checksum says so
        have += static_cast<std::size_t>(more);
    }
    bytes.resize(have);
    return bytes;
}

void check_place(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode)) {
        fail(path + " is no regular file", EINVAL);
    }
    const std::string before = unfinished(path);
    constexpr mode_t owner_only = 0600;
    const file trial{before, O_WRONLY | O_CREAT | O_NOFOLLOW, owner_only};
    if (!trial.is_open()) fail("cannot write " + before);
    ::unlink(before.c_str());
}

void take_over(const std::string& path, std::uint64_t most_bytes, server& io, rules::application& rules) {
    base::logger& log = base::log("app");
    const auto put_aside = [&](const std::string& why) {
        const std::string aside = path + ".bad";
        if (std::rename(path.c_str(), aside.c_str()) != 0) fail("cannot rename " + path);
        log.error("the snapshot {} was not taken over: {}; it lies in {}, clients begin anew", path, why,
                  aside);
    };
    std::optional<std::string> bytes;
    try {
        bytes = read_whole(path, most_bytes);
    } catch (const std::system_error& error) {
        put_aside(error.what());
        return;
    }
    if (!bytes) return; // the first start, or the last process ended without a word
    std::string why;
    const std::optional<snapshot> read = decode(*bytes, why);
    if (!read) {
        put_aside(why);
        return;
    }
    base::octet_reader from{read->rules};
    const auto state = rules::read_kept_state(from);
    if (!state || !from.is_at_end()) {
        put_aside("what the rules kept cannot be read");
        return;
    }
    // A clock that was set back says nothing about how long it took.
    const std::chrono::milliseconds away{std::max<std::int64_t>(0, rules::unix_ms() - read->saved_ms)};
    constexpr std::chrono::milliseconds longest{std::chrono::hours{24 * 365 * 10}};
    const core::duration gone = std::min(away, longest);
    const auto restored = io.restore_recovery(read->recovery, gone, rules::application::form_of_data());
    // Revocations hold whatever becomes of the rest.
    rules.restore(*state, gone);
    if (!restored) {
        put_aside("what clients may recover cannot be read; what the rules kept was taken over");
        return;
    }
    if (::unlink(path.c_str()) != 0) fail("cannot remove " + path);
    log.info(
        "took over {}, {} s old: {} clients may come back, {} are away for too long, {} have no place any "
        "more; {} retained events, {} once-only keys, {} revocations",
        path, std::chrono::duration_cast<std::chrono::seconds>(gone).count(), restored->restored,
        restored->expired, restored->dropped, state->events.size(), state->once.size(),
        state->revocations.size());
}

bool leave_behind(const std::string& path, std::uint64_t most_bytes, const server& io,
                  const rules::application& rules) {
    base::logger& log = base::log("app");
    snapshot left;
    left.saved_ms = rules::unix_ms();
    rules::append(left.rules, rules.keep());
    constexpr std::uint64_t overhead = head_bytes + checksum_bytes + 8 + 4 + 4;
    // A length is 32 bits.
    const std::uint64_t room = std::min<std::uint64_t>(most_bytes, UINT32_MAX);
    if (left.rules.size() + overhead > room) {
        log.error("retained events and once-only keys take {} bytes, more than recovery.snapshot_bytes: they "
                  "are left out",
                  left.rules.size());
        left.rules.clear();
        rules::append(left.rules, {});
    }
    const std::uint64_t used = left.rules.size() + overhead;
    kept_recovery kept = io.keep_recovery(rules::application::form_of_data(), room > used ? room - used : 0);
    if (!kept.is_whole) {
        log.warn(
            "recovery.snapshot_bytes is too small for all: the oldest events, or sessions, are left out");
    }
    left.recovery = std::move(kept.bytes);
    try {
        write_whole(path, encode(left));
    } catch (const std::system_error& error) {
        log.error("the snapshot was not written, what clients may recover is lost: {}", error.what());
        return false;
    }
    log.info("left {} behind: {} clients may come back, with {} events", path, kept.sessions, kept.events);
    return true;
}

} // namespace roomcast::server::app
