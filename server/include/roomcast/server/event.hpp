#pragma once

#include "roomcast/server/args.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace roomcast::server {

class socket;

/// Answers one event, once; later calls do nothing. May be kept and called after the handler returned.
/// @thread any
class responder {
public:
    responder() = default;
    explicit responder(std::function<void(args)> answer);
    explicit operator bool() const { return static_cast<bool>(answer_); }
    void operator()(args reply) const;
    /// Was it called already, so that nobody hears what comes now?
    bool is_given() const { return answer_ && answer_->is_given; }

private:
    struct once {
        explicit once(std::function<void(args)> given) : answer(std::move(given)) {}
        std::function<void(args)> answer;
        std::atomic<bool> is_given{false};
    };
    std::shared_ptr<once> answer_;
};

/// An event from a client. Valid during the handler's call; copy what is needed later.
class event {
public:
    event(std::string_view name, arguments given, responder answer)
        : name_(name), arguments_(std::move(given)), answer_(std::move(answer)) {}

    std::string_view name() const { return name_; }
    const arguments& args() const { return arguments_; }
    std::size_t size() const { return arguments_.size(); }
    std::string_view json(std::size_t index) const { return arguments_.json(index); }
    std::optional<std::string> text(std::size_t index) const { return arguments_.text(index); }
    std::optional<std::int64_t> integer(std::size_t index) const { return arguments_.integer(index); }
    std::optional<bool> boolean(std::size_t index) const { return arguments_.boolean(index); }
    const std::string* bytes(std::size_t index) const { return arguments_.bytes(index); }

    /// Does the client wait for an acknowledgement?
    bool wants_ack() const { return static_cast<bool>(answer_); }
    /// Acknowledges; does nothing when the client does not wait for it, or when it was done already.
    void ack(roomcast::server::args reply = {}) const { answer_(std::move(reply)); }
    /// For an answer that comes later.
    responder answer_later() const { return answer_; }

private:
    std::string_view name_;
    arguments arguments_;
    responder answer_;
};

/// What came of an emit with acknowledgement.
struct reply {
    std::error_code error; ///< core::errc::ack_timeout, core::errc::disconnected, or none
    arguments args;
};

using event_handler = std::function<void(socket&, event&)>;

} // namespace roomcast::server
