#include "api/couriers.hpp"

#include "api/answers.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/published.hpp"
#include "rules/application.hpp"
#include "rules/signature.hpp"

#include "outbound/url.hpp"

#include "roomcast/core/backoff.hpp"
#include "roomcast/core/random.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <iterator>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace roomcast::server::api {

namespace {

namespace asio = boost::asio;
using shared_text = std::shared_ptr<const std::string>;

constexpr std::size_t most_body_bytes = 1U << 20U;

std::string to_text(const socket& who) {
    return ",\"namespace\":" + json_string(who.nsp()) + ",\"socket\":" + json_string(who.id());
}

std::string head_of(life_event what) {
    return "{\"type\":\"" + std::string{name_of(what)} + "\",\"time\":" + std::to_string(rules::unix_ms());
}

/// One webhook. Lives on the couriers' thread but for what is atomic.
class courier : public std::enable_shared_from_this<courier> {
public:
    courier(hook chosen, asio::io_context& loop, outbound::client* network)
        : chosen_(std::move(chosen)), loop_(&loop), network_(network), timer_(loop),
          wait_({chosen_.backoff, std::max<core::duration>(chosen_.backoff, std::chrono::minutes{1}), 0.5}),
          words_(std::random_device{}()) {
        if (const auto target = outbound::parse_url(chosen_.url)) origin_ = target->origin();
    }

    const hook& chosen() const { return chosen_; }

    /// @thread any
    void take(shared_text event) {
        if (waiting_.fetch_add(1) >= chosen_.queue) {
            --waiting_;
            ++dead_;
            ++given_up_when_full_;
            if (is_told_full_.exchange(true)) return;
            base::log("api").error("webhook {}: the queue is full, events are given up", origin_);
            return;
        }
        if (is_to_be_called(std::move(event))) {
            asio::post(*loop_, [self = shared_from_this()] { self->on_called(); });
        }
    }

    /// @thread any
    courier_figures figures() const {
        courier_figures now{origin_, delivered_, attempts_, failures_, dead_, waiting_, {}};
        if (const auto last = last_failure_.load()) now.last_failure = *last;
        return now;
    }

    /// Sends what waits at once, and tells when nothing is left.
    void hurry(std::function<void()> when_idle) {
        when_idle_ = std::move(when_idle);
        is_hurried_ = true;
        if (!fetch()) return when_idle_();
        on_more();
    }
    /// Nothing is sent any more.
    void give_up() {
        is_over_ = true;
        timer_.cancel();
        tell_given_up_when_full();
        const std::uint64_t left = waiting_.exchange(0);
        dead_ += left;
        queue_.clear();
        {
            const std::lock_guard guard{arriving_};
            arrived_.clear();
        }
        if (left > 0) {
            base::log("api").error(base::about{}.losing(left), "webhook {}: {} events were given up", origin_,
                                   left);
        }
    }

private:
    /// Leaves an event. Who leaves thousands a second wakes the couriers' thread once for many.
    /// @return whether somebody has to be told
    bool is_to_be_called(shared_text event) {
        const std::lock_guard guard{arriving_};
        arrived_.push_back(std::move(event));
        // Enough for a batch is worth a second call: whoever looks later only waits for more.
        return !std::exchange(looks_again_, true) || fetched_ + arrived_.size() == chosen_.batch_size;
    }

    /// Takes in what was left. @return false: there is nothing to do, and the next event calls
    bool fetch() {
        const std::lock_guard guard{arriving_};
        queue_.insert(queue_.end(), std::make_move_iterator(arrived_.begin()),
                      std::make_move_iterator(arrived_.end()));
        arrived_.clear();
        fetched_ = queue_.size();
        looks_again_ = is_sending_ || !queue_.empty();
        return looks_again_;
    }

    void on_called() {
        if (!is_over_ && fetch()) on_more();
    }

    /// There is room again, or there never will be.
    void tell_given_up_when_full() {
        is_told_full_ = false;
        const std::uint64_t count = given_up_when_full_.exchange(0);
        if (count == 0) return;
        base::log("api").error(base::about{}.losing(count),
                               "webhook {}: {} events were given up while the queue was full", origin_,
                               count);
    }

    void on_more() {
        if (is_sending_ || is_over_ || queue_.empty()) return;
        if (is_hurried_ || queue_.size() >= chosen_.batch_size ||
            chosen_.batch_delay == core::duration::zero()) {
            timer_.cancel();
            is_waiting_ = false;
            begin();
            return;
        }
        if (is_waiting_) return;
        is_waiting_ = true;
        after(chosen_.batch_delay, [](courier& self) {
            self.is_waiting_ = false;
            self.fetch();
            self.begin();
        });
    }

    template <class Work>
    void after(core::duration delay, Work work) {
        timer_.expires_after(delay);
        timer_.async_wait([self = shared_from_this(), work](boost::system::error_code error) {
            if (!error && !self->is_over_) work(*self);
        });
    }

    /// Puts the next batch together.
    void begin() {
        if (is_sending_ || queue_.empty()) return;
        is_sending_ = true;
        in_batch_ = 0;
        body_ = "{\"id\":\"" + ids_.next() + "\",\"events\":[";
        while (in_batch_ < std::min(chosen_.batch_size, queue_.size())) {
            const std::string& event = *queue_[in_batch_];
            if (in_batch_ > 0 && body_.size() + event.size() > most_body_bytes) break;
            if (in_batch_ > 0) body_ += ',';
            body_ += event;
            ++in_batch_;
        }
        body_ += "]}";
        wait_.reset();
        send();
    }

    void send() {
        outbound::request what;
        what.method = "POST";
        what.url = chosen_.url;
        what.timeout = chosen_.timeout;
        what.what = outbound::purpose::webhook;
        what.body = body_;
        what.headers = {{"Content-Type", "application/json"},
                        {"X-Roomcast-Attempt", std::to_string(wait_.attempts() + 1)}};
        rules::sign(what, chosen_.secrets, rules::unix_ms() / 1000);
        ++attempts_;
        if (network_ == nullptr) return on_answer({outbound::failure::stopped, 0, {}, {}});
        network_->send(std::move(what), [self = shared_from_this()](outbound::response got) {
            asio::post(*self->loop_, [self, got = std::move(got)] { self->on_answer(got); });
        });
    }

    void on_answer(const outbound::response& got) {
        if (is_over_) return;
        const bool is_answer = got.why == outbound::failure::none;
        if (is_answer && got.status >= 200 && got.status < 300) {
            delivered_ += in_batch_;
            end_batch();
            return;
        }
        ++failures_;
        const std::string why =
            is_answer ? "status " + std::to_string(got.status) : std::string{outbound::name_of(got.why)};
        last_failure_.store(std::make_shared<const std::string>(why));
        if (wait_.attempts() >= chosen_.retries) {
            dead_ += in_batch_;
            base::log("api").error(base::about{}.losing(in_batch_),
                                   "webhook {}: {} events were given up after {} attempts: {}", origin_,
                                   in_batch_, wait_.attempts() + 1, why);
            end_batch();
            return;
        }
        if (wait_.attempts() == 0) base::log("api").warn("webhook {} failed: {}", origin_, why);
        after(wait_.next(words_.next()), [](courier& self) { self.send(); });
    }

    void end_batch() {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(in_batch_));
        waiting_ -= in_batch_;
        tell_given_up_when_full();
        is_sending_ = false;
        body_.clear();
        if (fetch()) {
            on_more();
        } else if (when_idle_) {
            when_idle_();
        }
    }

    const hook chosen_;
    asio::io_context* loop_;
    outbound::client* network_;
    std::string origin_ = "(no URL)";
    std::mutex arriving_; // guards the next three, for as long as it takes to add one or to take all
    std::vector<shared_text> arrived_;
    std::size_t fetched_ = 0;  ///< in the queue, when it was last filled
    bool looks_again_ = false; ///< a call, a timer or an answer is on its way, after which it is fetched
    std::deque<shared_text> queue_;
    std::size_t in_batch_ = 0; ///< the first of the queue, which are being sent
    std::string body_;
    asio::steady_timer timer_;
    core::backoff wait_;
    core::random_words words_;
    base::id_maker ids_{0};
    std::function<void()> when_idle_;
    bool is_sending_ = false;
    bool is_waiting_ = false; ///< for more to come
    bool is_hurried_ = false;
    bool is_over_ = false;
    std::atomic<std::uint64_t> waiting_{0};
    std::atomic<std::uint64_t> delivered_{0};
    std::atomic<std::uint64_t> attempts_{0};
    std::atomic<std::uint64_t> failures_{0};
    std::atomic<std::uint64_t> dead_{0};
    std::atomic<bool> is_told_full_{false};
    base::published<const std::string> last_failure_;
    std::atomic<std::uint64_t> given_up_when_full_{0};
};

using courier_list = std::vector<std::shared_ptr<courier>>;

} // namespace

class couriers::post_room {
public:
    post_room() : thread_([this] { loop_.run(); }) {}
    ~post_room() {
        end();
        list.store(std::make_shared<const courier_list>()); // their timers belong to the loop
    }

    void end() {
        if (!thread_.joinable()) return;
        work_.reset();
        loop_.stop();
        thread_.join();
    }

    template <class Build>
    void tell(life_event what, const std::string& name_space, const std::string* room, const Build& build) {
        const auto all = list.load();
        shared_text event;
        for (const auto& each : *all) {
            if (!each->chosen().wants(what, name_space)) continue;
            if (room != nullptr && !each->chosen().wants_room(*room)) continue;
            if (!event) event = std::make_shared<const std::string>(build());
            each->take(event);
        }
    }

    outbound::client* network = nullptr;
    base::published<const courier_list> list{std::make_shared<const courier_list>()};
    std::atomic<bool> hears_of_rooms{false};
    asio::io_context& loop() { return loop_; }

private:
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
    std::thread thread_;
};

couriers::couriers() : room_(std::make_unique<post_room>()) {}
couriers::~couriers() = default;

void couriers::start(outbound::client* network) {
    room_->network = network;
}

void couriers::replace(const std::vector<hook>& wanted) {
    const auto before = room_->list.load();
    auto next = std::make_shared<courier_list>();
    bool hears_of_rooms = false;
    for (const hook& each : wanted) {
        hears_of_rooms =
            hears_of_rooms || each.wants(life_event::room_occupied) || each.wants(life_event::room_vacated);
        const auto known = std::find_if(before->begin(), before->end(), [&](const auto& one) {
            const bool is_taken = std::find(next->begin(), next->end(), one) != next->end();
            return !is_taken && one->chosen() == each;
        });
        next->push_back(
            known != before->end() ? *known : std::make_shared<courier>(each, room_->loop(), room_->network));
    }
    room_->list.store(next);
    // Once somebody hears of rooms they are counted together until the end: a count cannot begin in between.
    if (hears_of_rooms) room_->hears_of_rooms = true;
    for (const auto& each : *before) {
        if (std::find(next->begin(), next->end(), each) != next->end()) continue;
        asio::post(room_->loop(), [each] { each->give_up(); });
    }
}

void couriers::stop(core::duration patience) {
    const auto all = room_->list.load();
    const auto idle = std::make_shared<std::promise<void>>();
    const std::future<void> is_idle = idle->get_future();
    asio::post(room_->loop(), [all, idle] {
        const auto missing = std::make_shared<std::size_t>(all->size());
        if (all->empty()) idle->set_value();
        for (const auto& each : *all) {
            const auto is_told = std::make_shared<bool>(false);
            each->hurry([idle, missing, is_told] {
                if (!std::exchange(*is_told, true) && --*missing == 0) idle->set_value();
            });
        }
    });
    is_idle.wait_for(patience);
    std::promise<void> given_up;
    asio::post(room_->loop(), [all, &given_up] {
        for (const auto& each : *all) each->give_up();
        given_up.set_value();
    });
    given_up.get_future().wait();
    room_->end();
}

std::vector<courier_figures> couriers::figures() const {
    std::vector<courier_figures> all;
    const auto now = room_->list.load();
    for (const auto& each : *now) all.push_back(each->figures());
    return all;
}

bool couriers::hears_of_rooms() const {
    return room_->hears_of_rooms;
}

void couriers::on_connected(const socket& who, const rules::visitor& as) {
    room_->tell(life_event::connected, who.nsp(), nullptr, [&] {
        return head_of(life_event::connected) + to_text(who) + ",\"user\":" + as.user_json +
               ",\"address\":" + json_string(who.handshake().address) +
               ",\"recovered\":" + (who.is_recovered() ? "true" : "false") + '}';
    });
}

void couriers::on_disconnected(const socket& who, const rules::visitor& as, std::string_view reason) {
    room_->tell(life_event::disconnected, who.nsp(), nullptr, [&] {
        return head_of(life_event::disconnected) + to_text(who) + ",\"user\":" + as.user_json +
               ",\"reason\":" + json_string(reason) + '}';
    });
}

void couriers::on_room(const std::string& name_space, const std::string& room, room_change what) {
    const life_event event =
        what == room_change::occupied ? life_event::room_occupied : life_event::room_vacated;
    room_->tell(event, name_space, &room, [&] {
        return head_of(event) + ",\"namespace\":" + json_string(name_space) +
               ",\"room\":" + json_string(room) + '}';
    });
}

} // namespace roomcast::server::api
