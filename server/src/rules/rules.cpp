#include "rules/rules.hpp"

#include "rules/template.hpp"

#include "roomcast/core/value.hpp"

namespace roomcast::server::rules {

/// One step, its templates compiled.
struct compiled_action {
    config::action_text::kind what = config::action_text::kind::ack;
    text_template room; ///< of join, leave, and of emit's `to`
    bool is_to_all = true;
    bool is_sender_excepted = false;
    std::string event;
    args_template arguments;
    config::place at;
};

class compiled_event {
public:
    compiled_event(const config::event_rule& rule, std::vector<config::mistake>& mistakes)
        : name_(rule.event) {
        for (const config::action_text& each : rule.actions) {
            compiled_action action;
            action.what = each.what;
            action.at = each.at;
            action.event = each.event;
            action.is_sender_excepted = each.is_sender_excepted;
            switch (each.what) {
            case config::action_text::kind::join:
            case config::action_text::kind::leave:
                action.room = text_template::compile(each.room, each.at, mistakes);
                break;
            case config::action_text::kind::emit:
                action.is_to_all = !each.to || *each.to == "*";
                if (!action.is_to_all) action.room = text_template::compile(*each.to, each.at, mistakes);
                action.arguments = args_template::compile(each.args, mistakes);
                break;
            case config::action_text::kind::ack:
                action.arguments = args_template::compile(each.args, mistakes);
                break;
            }
            actions_.push_back(std::move(action));
        }
    }

    const std::string& name() const { return name_; }

    void run(socket& sender, event& given) const {
        const subject about{sender, given};
        for (const compiled_action& action : actions_) {
            if (run_action(action, about)) continue;
            // What the rule needs did not come: the sender hears of it, and nothing further happens.
            given.ack({json{R"({"error":{"event":)" + quoted(name_) +
                            R"(,"message":"the arguments do not fit the rule","action":)" +
                            quoted(action.at.path) + "}}"}});
            return;
        }
    }

private:
    static std::string quoted(const std::string& text) {
        std::string out;
        core::value::append_string(out, text);
        return out;
    }

    static bool run_action(const compiled_action& action, const subject& about) {
        switch (action.what) {
        case config::action_text::kind::join:
        case config::action_text::kind::leave: {
            const auto room = action.room.render(about);
            if (!room) return false;
            if (action.what == config::action_text::kind::join) {
                about.sender.join(*room);
            } else {
                about.sender.leave(*room);
            }
            return true;
        }
        case config::action_text::kind::ack: {
            auto reply = action.arguments.render(about);
            if (!reply) return false;
            about.event.ack(std::move(*reply));
            return true;
        }
        case config::action_text::kind::emit: {
            auto arguments = action.arguments.render(about);
            if (!arguments) return false;
            if (action.is_to_all) {
                (action.is_sender_excepted ? about.sender.broadcast() : about.sender.everyone())
                    .emit(action.event, std::move(*arguments));
                return true;
            }
            const auto room = action.room.render(about);
            if (!room) return false;
            if (*room == about.sender.id() && !action.is_sender_excepted) {
                about.sender.emit(action.event, std::move(*arguments));
                return true;
            }
            (action.is_sender_excepted ? about.sender.to(*room) : about.sender.everyone().to(*room))
                .emit(action.event, std::move(*arguments));
            return true;
        }
        }
        return false;
    }

    std::string name_;
    std::vector<compiled_action> actions_;
};

std::vector<compiled_name_space> compile(const config::settings& chosen,
                                         std::vector<config::mistake>& mistakes) {
    std::vector<compiled_name_space> all;
    for (const config::name_space_rule& rule : chosen.name_spaces) {
        compiled_name_space compiled{rule.name, rule.is_pattern, {}};
        for (const config::event_rule& event : rule.events) {
            compiled.events.push_back(std::make_shared<const compiled_event>(event, mistakes));
        }
        all.push_back(std::move(compiled));
    }
    return all;
}

void install(roomcast::server::server& io, const std::vector<compiled_name_space>& compiled, feed& seen) {
    for (const compiled_name_space& each : compiled) {
        name_space at = each.is_pattern ? io.of_pattern(each.name) : io.of(each.name);
        for (const auto& rule : each.events) {
            at.on(rule->name(), [rule, &seen](socket& sender, event& given) {
                seen.note(sender.nsp(), given.name(), sender.id());
                rule->run(sender, given);
            });
        }
        at.on_any(
            [&seen](socket& sender, event& given) { seen.note(sender.nsp(), given.name(), sender.id()); });
    }
}

} // namespace roomcast::server::rules
