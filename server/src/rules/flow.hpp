#pragma once

#include "base/log.hpp"
#include "rules/application.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::rules {

/// One event on its way through the actions of its rule. Lives on the stack until an action must wait for
/// somebody; then it takes along what it needs, and goes on later on its socket's thread.
class flow {
public:
    flow(application& of, std::shared_ptr<const program> by, const compiled_name_space& in,
         const socket& sender, std::shared_ptr<visitor> who, std::string_view event, const arguments& given,
         responder answer, std::string_view reason = {})
        : of_(&of), by_(std::move(by)), in_(&in), sender_(sender), who_(std::move(who)), event_(event),
          given_(&given), answer_(std::move(answer)), reason_(reason) {}

    void run(const action_list& actions) {
        list_ = &actions;
        next_ = 0;
        go_on();
    }

    /// The same behind the sender's earlier events, should one of them wait in `once`.
    void run_in_turn(const action_list& actions);

    /// Does the sender have this permission?
    bool is_permitted(const permission& wanted) const;
    /// The sender hears of it: as its acknowledgement, or as an `error` event.
    void fail(const std::string& error_json);
    void fail(std::string_view code, std::string_view message);
    subject about() const { return {sender_, *who_, *given_, backend_answer_, reason_, {}}; }
    /// The same for lines of the log.
    base::about told() const;
    const responder& answer() const { return answer_; }

private:
    enum class step { go_on, wait, end };

    void go_on();
    step run_one(const action& what);
    step join(const action& what);
    bool enter(const std::string& room);
    step leave(const action& what);
    step emit(const action& what);
    step acknowledge(const action& what);
    step once(const action& what);
    step forward(const action& what);
    void on_forwarded(const action& what, const outbound::response& got);
    bool follow_answer();
    void fail_as_backend_says(std::string_view error);
    bool emit_as_backend_says(std::string_view wanted);
    bool send(const std::string& name, args arguments, const std::vector<std::string>& rooms, bool is_to_all,
              bool is_sender_excepted, bool is_volatile, const std::optional<core::contract::event>& shape,
              bool is_retained);
    bool render_rooms(const text_list& from, std::vector<std::string>& into) const;
    bool may_join(const std::string& room, const text_template& from) const;
    std::string forward_body(const forward_target& target) const;
    step missing_part(const action& what);

    /// A copy of this that owns everything, to go on later.
    std::shared_ptr<flow> detached() const;

    application* of_;
    std::shared_ptr<const program> by_;
    const compiled_name_space* in_;
    socket sender_;
    std::shared_ptr<visitor> who_;
    std::string_view event_;
    const arguments* given_;
    responder answer_;
    std::string_view reason_;
    std::string backend_answer_;
    std::vector<std::string> taken_; ///< once-only keys that are given back when the rule fails
    const action_list* list_ = nullptr;
    std::size_t next_ = 0;

    // What a detached one owns.
    std::string own_event_;
    std::string own_reason_;
    args own_args_;
    arguments own_given_;
};

} // namespace roomcast::server::rules
