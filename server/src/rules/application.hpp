#pragma once

#include "base/published.hpp"
#include "outbound/client.hpp"
#include "rules/feed.hpp"
#include "rules/keeper.hpp"
#include "rules/kept_state.hpp"
#include "rules/lifecycle.hpp"
#include "rules/program.hpp"
#include "rules/revocations.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace roomcast::server::rules {

/// What the rules did, and what they refused. @thread any
struct counters {
    std::atomic<std::uint64_t> signed_in{0};
    std::atomic<std::uint64_t> refused_sign_ins{0};
    std::atomic<std::uint64_t> refused_users{0};  ///< above connections_per_user
    std::atomic<std::uint64_t> expired{0};        ///< sockets ended with their credential
    std::atomic<std::uint64_t> revoked{0};        ///< sockets ended because their user or session was revoked
    std::atomic<std::uint64_t> unknown_events{0}; ///< events without a rule
    std::atomic<std::uint64_t> broken_contract{0}; ///< events of clients that break the contract
    std::atomic<std::uint64_t> broken_promises{0}; ///< what rules or the backend would send against it
    std::atomic<std::uint64_t> not_allowed{0};
    std::atomic<std::uint64_t> rate_limited{0};
    std::atomic<std::uint64_t> repeated{0}; ///< stopped by `once`
    std::atomic<std::uint64_t> forwards{0};
    std::atomic<std::uint64_t> waiting_forwards{0}; ///< now
    std::atomic<std::uint64_t> failed_forwards{0};
    std::atomic<std::uint64_t> dropped_retained{0}; ///< retained events that went for lack of room
};

/// An event that somebody other than a client or a rule sends.
struct publication {
    std::string name_space;
    std::string event;
    args arguments;
    target whom;
    /// Rooms that keep it, when it is declared as retained; none, with a `whom` of some rooms: it is not
    /// kept.
    std::vector<std::string> kept;
    bool is_volatile = false;
};

/// Who sends a plain HTTP request, as if it were a socket on its way into a namespace.
struct admitted {
    std::optional<connect_error> refused;
    std::shared_ptr<const visitor> who; ///< when it is not refused
};

struct user_page {
    std::vector<std::pair<std::string, std::size_t>> users; ///< ids, and how many sockets they have
    std::size_t total = 0;                                  ///< users on other pages too
};

class flow;

/// The configuration at work: signs clients in, runs the rules of their events, keeps presence. Set up before
/// the server runs; what it refers to must outlive it, and it the server.
class application {
public:
    /// @param network may be nullptr when nobody is asked
    application(std::shared_ptr<const program> first, std::unique_ptr<outbound::client> network, feed& seen)
        : network_(std::move(network)), seen_(&seen), program_(std::move(first)) {}

    /// Makes itself the handler of everything. Before `listen`.
    void install(server& io);
    /// Takes another program from now on. Sockets stay; their next event meets the new rules. @thread any
    void replace(std::shared_ptr<const program> next);
    /// Waits until no forwarded event waits for its answer any more, or for `longest`. @thread none of the
    /// server's
    void wait_for_flows(core::duration longest) const;
    /// What outlives the process: once-only keys, retained events, revocations. Only when the server was
    /// stopped and none of its threads runs.
    kept_state keep() const;
    /// Takes it over. After `install`, before the server starts. @param away how long nobody ran
    void restore(const kept_state& state, core::duration away);
    /// Sockets' data for recovery beyond the process.
    static data_form form_of_data();
    /// The server was stopped: no answer from outside may come any more. Call before the server goes.
    void stop();

    outbound::client* network() { return network_.get(); }
    const outbound::client* network() const { return network_.get(); }
    std::shared_ptr<const program> current() const { return program_.load(); }
    const counters& counts() const { return counts_; }
    /// Before `install`; must outlive the server.
    void tell(lifecycle_listener& listener) { listener_ = &listener; }

    /// Ends all sockets of a user, or of one sign-in's session. @thread any
    void revoke_user(const std::string& id);
    void revoke_session(const std::string& id);
    /// The same, and refuses whoever comes with it for some time. @param how_long zero: lets it in again
    /// @return false: too many are revoked already
    bool revoke_user_for(const std::string& id, core::duration how_long);
    bool revoke_session_for(const std::string& id, core::duration how_long);

    /// Sends an event. Its contract holds, and what is declared as retained is kept. @thread any of the
    /// server
    /// @return what is wrong with it; then it was not sent
    std::optional<core::contract::violation> publish(publication what);
    /// The same with an acknowledgement of every receiver; nothing is kept.
    std::optional<core::contract::violation> ask(publication what, core::duration timeout,
                                                 std::function<void(broadcast_replies)> done);
    /// May clients come to a namespace of this name?
    bool has_name_space(std::string_view name) const;
    /// The room of a user's sockets; nothing when `auth.user_room` speaks of more than {user.id}.
    std::optional<std::string> room_of_user(std::string_view id) const {
        return current()->user_room().render_for_user(id);
    }
    /// Puts all sockets of a target into rooms; they get what is retained there.
    /// @param done gets how many sockets there were
    void join(const std::string& name_space, const target& whom, const std::vector<std::string>& rooms,
              std::function<void(std::size_t)> done);

    /// Decides as for a socket of this namespace. @param host of the request
    /// @param done called once: before this returns, or later on the network client's thread
    void authorise(const std::string& name_space, const auth::credentials& what, std::string_view host,
                   std::function<void(admitted)> done);
    /// Was this user or session revoked since?
    bool is_revoked(const program& by, const visitor& who) const;
    /// What a room keeps of an event (of all: with an empty name). @param done comes on one of the threads
    void retained(const std::string& name_space, const std::string& room, const std::string& event,
                  std::function<void(std::vector<keeper::retained_event>)> done);
    /// Who is present in a room. @param done gets the keeper's list, which is there during the call only
    void present(const std::string& name_space, const std::string& room,
                 std::function<void(const keeper::present&)> done);
    /// Users with sockets in a namespace (in any: with an empty name), by their ids in order.
    void users(const std::string& name_space, const std::string& after, std::size_t most,
               std::function<void(user_page)> done);
    /// Who a socket is: `{"id", "name", "email", "image"}`, or null. @thread the socket's
    static std::string user_json_of(const socket& whose);

private:
    friend class flow;
    struct admission;
    struct requester;

    void install_handlers(name_space at);

    void admit(socket& who, const next_step& next);
    void on_verdict(const std::shared_ptr<admission>& of, auth::verdict said);
    /// @return why it is refused; else `who` is filled in
    std::optional<connect_error> judge(const program& by, const compiled_name_space& in,
                                       const auth::verdict& said, const requester& from, visitor& who);
    std::optional<core::contract::violation> violation_of(const std::optional<core::contract::event>& shape,
                                                          const args& arguments);
    void emit_retained(const std::string& name_space, const std::optional<broadcast_operator>& to,
                       const std::string& name, args arguments, const std::vector<std::string>& rooms);
    struct retention {
        std::vector<std::string> places; ///< that keep it; from the first of them it is sent
        std::optional<broadcast_operator> to;
        std::string name;
        args arguments;
        std::uint64_t most_bytes = 0;
    };
    void retain(const std::shared_ptr<const retention>& what, std::size_t at_place);
    std::optional<core::contract::violation> check_publication(const publication& what, bool& is_retained);
    void count_user(const std::shared_ptr<admission>& of);
    void finish_admission(const std::shared_ptr<admission>& of);
    static void refuse(const admission& of, const std::string& message, const char* code);

    void on_connection(socket& who);
    void on_disconnect(socket& who, std::string_view reason);
    void on_event(socket& sender, event& given);

    std::shared_ptr<seat> take_seat(const std::string& key, const std::shared_ptr<tally>& of,
                                    const std::string& name_space, std::size_t most);
    void count_restored(const socket& whose, const std::shared_ptr<visitor>& who);
    void watch_expiry(const socket& whose, visitor& who);
    void refresh(const socket& sender, const std::shared_ptr<visitor>& who, const event& given);
    void keep_signed_in(const std::string& key, const socket& whose);
    void forget_signed_in(const std::string& key, const std::string& socket_id);
    void end_signed_in(const std::string& key, const char* why);
    void end_in(keeper& at, const std::string& key, const char* why);

    void meet(const socket& sender, visitor& who, const std::shared_ptr<const program>& by) const;
    bool is_within_rates(const std::shared_ptr<const program>& now, visitor& who,
                         config::over_rate& over) const;
    bool end_if_revoked(const socket& whose, const visitor& who);
    void send_retained(const socket& to, const std::string& room);

    void enter(const socket& sender, const std::shared_ptr<visitor>& who, const presence_rule& rule,
               const std::string& room, std::string payload, const responder& answer);
    void leave(const socket& sender, visitor& who, const presence_rule& rule, const std::string& room,
               const responder& answer);
    void start_typing(const socket& sender, const std::shared_ptr<visitor>& who, const typing_rule& rule,
                      const std::string& room, std::string payload);
    void stop_typing(const socket& sender, visitor& who, const typing_rule& rule, const std::string& room);

    std::unique_ptr<outbound::client> network_;
    feed* seen_;
    keepers keepers_;
    base::published<const program> program_;
    counters counts_;
    revocations revoked_;
    lifecycle_listener* listener_ = nullptr;
    server* io_ = nullptr;
};

/// Does what needs no socket of a permission hold?
bool holds(const permission& wanted, const visitor& who);
/// What of a sign-in can be revoked besides its user: the session, or the token's own id. Empty: nothing.
std::string session_of(const auth::identity& who);
/// Is it in the configuration's lists?
bool is_listed_as_revoked(const config::auth_settings& chosen, const std::string& user,
                          const std::string& session);

/// Time for buckets and once-only keys.
core::time_point monotonic_now();
/// Unix time in milliseconds.
std::int64_t unix_ms();

} // namespace roomcast::server::rules
