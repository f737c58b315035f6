#include "rules/program.hpp"

#include "outbound/url.hpp"

#include "roomcast/core/contract/compiler.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace roomcast::server::rules {

namespace contract = core::contract;

namespace {

const config::json& whole_of(const config::settings& chosen, const char* key) {
    static const config::json none;
    const config::json& root = chosen.whole->root;
    const auto found = root.find(key);
    return found == root.end() ? none : *found;
}

/// A name of `schemas` stands for a reference to it.
config::json expanded_schema(const config::json& written) {
    if (!written.is_string()) return written;
    return {{"$ref", "#/schemas/" + written.get<std::string>()}};
}

config::json expanded_list(const config::json& list) {
    config::json out = config::json::array();
    for (const config::json& each : list) out.push_back(expanded_schema(each));
    return out;
}

config::json contract_event(const config::json& rule) {
    config::json out = config::json::object();
    if (!rule.is_object()) {
        out["rest"] = true;
        return out;
    }
    if (rule.contains("description")) out["description"] = rule["description"];
    if (rule.contains("args")) {
        out["args"] = expanded_list(rule["args"]);
    } else if (!rule.contains("rest")) {
        out["rest"] = true;
    }
    if (rule.contains("rest")) out["rest"] = expanded_schema(rule["rest"]);
    if (rule.contains("ack")) out["ack"] = expanded_list(rule["ack"]);
    return out;
}

/// Presence and typing are on when they stand there as a map, or as `true`.
bool is_on(const config::json& space, const char* rule) {
    const auto found = space.find(rule);
    return found != space.end() && (found->is_object() || (found->is_boolean() && found->get<bool>()));
}

std::string word(const config::json& space, const char* rule, const char* key, const char* otherwise) {
    const auto found = space.find(rule);
    return found != space.end() && found->is_object() ? found->value(key, std::string{otherwise}) : otherwise;
}

/// Looks at each action of a list, and at those of its `else`s. Rules are as deep as the document may be.
template <class Look>
void for_each_action(const config::json& list, const Look& look) {
    if (list.is_object()) {
        for (const auto& [what, given] : list.items()) {
            look(what, given);
            if (given.is_object() && given.contains("else")) for_each_action(given["else"], look);
        }
    } else if (list.is_array()) {
        for (const config::json& step : list) {
            if (step.is_object()) for_each_action(step, look);
        }
    }
}

/// Look at each action of a namespace.
template <class Look>
void for_each_action_of(const config::json& space, const Look& look) {
    for (const char* when : {"on_connect", "on_disconnect"}) {
        if (space.contains(when)) for_each_action(space[when], look);
    }
    const auto events = space.find("events");
    if (events == space.end() || !events->is_object()) return;
    for (const auto& [event, rule] : events->items()) {
        if (rule.is_object() && rule.contains("do")) for_each_action(rule["do"], look);
    }
}

} // namespace

config::json contract_source(const config::settings& chosen) {
    config::json source{{"schemas", config::json::object()}, {"namespaces", config::json::object()}};
    if (const config::json& schemas = whole_of(chosen, "schemas"); schemas.is_object()) {
        source["schemas"] = schemas;
    }
    for (const auto& [name, space] : whole_of(chosen, "namespaces").items()) {
        config::json described{{"receives", config::json::object()}, {"sends", config::json::object()}};
        if (space.is_object()) {
            if (space.contains("events")) {
                for (const auto& [event, rule] : space["events"].items()) {
                    described["receives"][event] = contract_event(rule);
                }
            }
            if (space.contains("emits")) {
                for (const auto& [event, rule] : space["emits"].items()) {
                    described["sends"][event] = contract_event(rule);
                }
            }
            const auto add = [&](const char* way, const std::string& event) {
                if (!described[way].contains(event)) described[way][event] = {{"rest", true}};
            };
            if (is_on(space, "presence")) {
                add("receives", word(space, "presence", "join", "presence:join"));
                add("receives", word(space, "presence", "leave", "presence:leave"));
                add("sends", word(space, "presence", "joined", "presence:user_joined"));
                add("sends", word(space, "presence", "left", "presence:user_left"));
            }
            if (is_on(space, "typing")) {
                for (const char* way : {"receives", "sends"}) {
                    add(way, word(space, "typing", "start", "typing:start"));
                    add(way, word(space, "typing", "stop", "typing:stop"));
                }
            }
            // What a rule sends without a schema is sent all the same.
            for_each_action_of(space, [&](const std::string& what, const config::json& given) {
                if (what == "emit" && given.is_object() && given.contains("event") &&
                    given["event"].is_string()) {
                    add("sends", given["event"].get<std::string>());
                }
            });
            described["is_closed"] = space.value("closed", false);
        }
        source["namespaces"][name] = std::move(described);
    }
    return source;
}

namespace {

/// Does anybody sign in to this namespace?
bool has_auth(const config::json& space, const config::settings& chosen) {
    const config::json& auth = whole_of(chosen, "auth");
    const bool has_providers = auth.is_object() && auth.contains("providers") && !auth["providers"].empty();
    const auto own = space.is_object() ? space.find("auth") : space.end();
    if (!space.is_object() || own == space.end() || own->is_null()) return has_providers;
    const auto is_provider = [](const config::json& each) { return each != "none"; };
    return own->is_array() ? std::any_of(own->begin(), own->end(), is_provider) : is_provider(*own);
}

} // namespace

void mark_for_types(config::json& source, const config::settings& chosen) {
    for (const auto& [name, space] : whole_of(chosen, "namespaces").items()) {
        if (has_auth(space, chosen)) source["namespaces"][name]["has_auth"] = true;
        if (!space.is_object()) continue;
        config::json& receives = source["namespaces"][name]["receives"];
        const auto mark = [&receives](const std::string& event) {
            if (receives.contains(event)) receives[event]["is_answered"] = true;
        };
        if (is_on(space, "presence")) {
            mark(word(space, "presence", "join", "presence:join"));
            mark(word(space, "presence", "leave", "presence:leave"));
        }
        if (is_on(space, "typing")) {
            mark(word(space, "typing", "start", "typing:start"));
            mark(word(space, "typing", "stop", "typing:stop"));
        }
        if (!space.contains("events") || !space["events"].is_object()) continue;
        for (const auto& [event, rule] : space["events"].items()) {
            if (!rule.is_object() || !rule.contains("do")) continue;
            for_each_action(rule["do"],
                            [&mark, &event = event](const std::string& what, const config::json&) {
                                if (what == "ack" || what == "forward") mark(event);
                            });
        }
    }
}

bool is_reserved(std::string_view event) {
    static constexpr std::array<std::string_view, 6> names{
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};
    return std::find(names.begin(), names.end(), event) != names.end();
}

bool needs_network(const config::settings& chosen) {
    if (whole_of(chosen, "namespaces").dump().find("\"forward\"") != std::string::npos) return true;
    const config::json& auth = whole_of(chosen, "auth");
    if (!auth.is_object() || !auth.contains("providers")) return false;
    for (const auto& [name, provider] : auth["providers"].items()) {
        for (const char* key : {"jwks_url", "base_url", "url"}) {
            if (provider.is_object() && provider.contains(key)) return true;
        }
    }
    return false;
}

/// Turns the document into a program, and collects every mistake on the way.
class program_compiler {
public:
    program_compiler(const config::settings& chosen, outbound::client* network,
                     std::vector<config::mistake>& mistakes, std::vector<config::mistake>& remarks,
                     weak_secrets weak)
        : made_(std::make_shared<program>()), whole_(*chosen.whole), network_(network), weak_(weak),
          mistakes_(&mistakes), remarks_(&remarks) {
        made_->chosen_ = chosen;
    }

    std::shared_ptr<const program> run() {
        read_providers();
        read_contract();
        const config::settings& chosen = made_->chosen_;
        scope with_user;
        with_user.has_user = true;
        made_->user_room_ = text_template::compile(chosen.auth.user_room, whole_["auth"]["user_room"].at(),
                                                   with_user, *mistakes_);
        made_->reserved_prefix_ = made_->user_room_.leading_literal();
        if (made_->reserved_prefix_.empty() && !chosen.auth.user_room.empty()) {
            complain(whole_["auth"]["user_room"], "a text in front of its first part, as in user:{user.id}: "
                                                  "without it any event could join such "
                                                  "a room by its arguments");
        }
        made_->counts_users_ =
            !chosen.limits.events_per_user.is_off() || chosen.limits.connections_per_user > 0;
        made_->counts_addresses_ = !chosen.limits.events_per_address.is_off();
        for (const auto& [name, space] : whole_["namespaces"].members()) read_name_space(name, space);
        return made_;
    }

private:
    void complain(const config::node& at, std::string expected) {
        mistakes_->push_back({at.at(), std::move(expected)});
    }

    void read_providers() {
        for (const auto& [name, given] : whole_["auth"]["providers"].members()) {
            config::read_provider read =
                config::read_auth_provider(nlohmann::json::parse(given.value().dump()));
            for (const config::provider_mistake& each : read.mistakes) {
                config::place at = given.at();
                at.path += each.path;
                mistakes_->push_back({std::move(at), each.expected});
            }
            read.provider.name = name;
            std::set<std::string> told; // of several secrets each may have the same weakness
            for (const config::weakness& each : config::weaknesses_of(read.provider)) {
                if (!told.insert(each.text).second) continue;
                if (each.how_bad == config::severity::error && weak_ == weak_secrets::refused) {
                    complain(given, each.text);
                } else {
                    remarks_->push_back({given.at(), each.text});
                }
            }
            providers_.emplace(name, std::move(read.provider));
        }
    }

    std::shared_ptr<const auth::verifier> verifier_of(const config::node& space) {
        const config::node chosen = space["auth"];
        std::vector<config::auth_provider> wanted;
        std::string key;
        if (chosen.value().is_null()) {
            for (const auto& [name, given] : whole_["auth"]["providers"].members()) {
                wanted.push_back(providers_.at(name));
                key += name + ',';
            }
        } else {
            for (const config::node& each : chosen.items()) {
                const std::string name = each.text();
                if (name == "none") continue;
                const auto known = providers_.find(name);
                if (known == providers_.end()) {
                    complain(each, "expected none, or a name of auth.providers");
                } else {
                    wanted.push_back(known->second);
                    key += name + ',';
                }
            }
        }
        if (wanted.empty()) return nullptr;
        auto& shared = verifiers_[key];
        if (!shared) shared = std::make_shared<const auth::verifier>(wanted, network_);
        for (const config::auth_provider& each : wanted) note_backends(each);
        return shared;
    }

    static bool has_none(const config::node& chosen) {
        const auto all = chosen.items();
        return std::any_of(all.begin(), all.end(),
                           [](const config::node& each) { return each.text() == "none"; });
    }

    void note_backends(const config::auth_provider& by) {
        using outbound::purpose;
        if (by.jwks.empty() && !by.jwks_url.empty()) note_backend(purpose::keys, by.jwks_url, by.name);
        switch (by.kind) {
        case config::auth_kind::better_auth:
            note_backend(purpose::introspection, by.base_url, by.name);
            break;
        case config::auth_kind::introspection: note_backend(purpose::introspection, by.url, by.name); break;
        case config::auth_kind::callout: note_backend(purpose::callout, by.url, by.name); break;
        case config::auth_kind::none:
        case config::auth_kind::jwt:
        case config::auth_kind::jwks:
        case config::auth_kind::nextauth_v4:
        case config::auth_kind::authjs_v5: break;
        }
    }

    void note_backend(outbound::purpose what, std::string_view url, const std::string& name) {
        const auto target = outbound::parse_url(url);
        if (!target) return;
        outbound::backend one{what, target->origin(), name};
        std::vector<outbound::backend>& all = made_->backends_;
        if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
    }

    void read_contract() {
        std::vector<contract::mistake> wrong;
        const std::string& source = made_->contract_json_ = contract_source(made_->chosen_).dump();
        contract::compile_options options;
        options.unknown = contract::unknown_keyword::refuse;
        const auto compiled = contract::compile_contract(source, options, wrong);
        for (const contract::mistake& each : wrong)
            mistakes_->push_back({place_in_file(each.pointer), each.message});
        if (compiled.empty()) return;
        made_->contract_form_ = compiled;
        auto loaded = contract::contract::load(compiled);
        if (loaded) contract_ = std::make_unique<contract::contract>(std::move(*loaded));
    }

    /// `/namespaces/~1x/receives/e/args/0` of the contract is `/namespaces/~1x/events/e/args/0` of the file.
    config::place place_in_file(std::string pointer) const {
        for (const auto& [from, to] :
             {std::pair{"/receives/", "/events/"}, std::pair{"/sends/", "/emits/"}}) {
            if (!pointer.starts_with("/namespaces/")) break;
            const std::size_t at = pointer.find('/', 12);
            if (at != std::string::npos && pointer.compare(at, std::string_view{from}.size(), from) == 0) {
                pointer.replace(at, std::string_view{from}.size(), to);
                break;
            }
        }
        return made_->chosen_.whole->at(pointer);
    }

    std::optional<contract::event> shape_of(const std::string& space, contract::direction way,
                                            const std::string& event) const {
        if (!contract_) return std::nullopt;
        return contract_->find(space, way, event);
    }

    permission read_permission(const config::node& given, const scope& in) {
        permission made;
        made.needs_user = given["user"].boolean(false);
        if (given.has("claims")) {
            made.claims = core::auth::claim_match::compile(given["claims"].value().dump());
            if (!made.claims) complain(given["claims"], "expected a map from a claim to its value or values");
            if (!in.has_user) complain(given["claims"], "nobody signs in here, so there are no claims");
        }
        if (made.needs_user && !in.has_user) complain(given["user"], "nobody signs in here");
        made.rooms = compile_texts(given["in"], in, *mistakes_);
        return made;
    }

    void refuse_reserved(const std::string& event, const config::node& at) {
        if (is_reserved(event)) complain(at, "another name: this one belongs to the protocol");
    }

    rate read_rate(const config::node& given) {
        const auto value = config::rate_of(given.text());
        if (!value) complain(given, "expected a rate, e.g. 10/s, 100/m or 10/s burst 20");
        return value.value_or(rate{});
    }

    std::optional<event_rate> read_event_rate(const config::node& given) {
        if (given.value().is_null()) return std::nullopt;
        event_rate made;
        made.over = made_->chosen_.limits.over;
        if (given.value().is_string()) {
            made.allowed = read_rate(given);
        } else {
            made.allowed = read_rate(given["limit"]);
            const std::string by = given["by"].text("socket");
            made.whom = by == "user"      ? event_rate::by::user
                        : by == "address" ? event_rate::by::address
                                          : event_rate::by::socket;
            const std::string over = given["over"].text();
            if (over == "error") made.over = config::over_rate::error;
            if (over == "drop") made.over = config::over_rate::drop;
            if (over == "disconnect") made.over = config::over_rate::disconnect;
        }
        made.slot = made_->slots_++;
        made_->counts_users_ = made_->counts_users_ || made.whom == event_rate::by::user;
        made_->counts_addresses_ = made_->counts_addresses_ || made.whom == event_rate::by::address;
        return made;
    }

    core::duration read_duration(const config::node& given, core::duration otherwise) {
        if (given.value().is_null()) return otherwise;
        const auto value = config::duration_in(given.value());
        if (!value) complain(given, "expected a time, e.g. 25s, 500ms or a number of milliseconds");
        return value.value_or(otherwise);
    }

    action_list read_actions(const config::node& list, scope in, const compiled_name_space& space,
                             const contract::event* own_shape) {
        action_list made;
        for (const config::node& step : list.items()) {
            for (const auto& [what, given] : step.members()) {
                made.push_back(read_action(what, given, in, space, own_shape));
                // What follows may speak of the backend's answer.
                if (what == "forward") in.has_answer = true;
            }
        }
        return made;
    }

    /// Users' rooms are theirs: what a client chose cannot stand behind their prefix.
    void read_joined(const config::node& given, const text_list& rooms) {
        const std::string& reserved = made_->reserved_prefix();
        if (reserved.empty()) return;
        const bool is_wrong = std::any_of(rooms.begin(), rooms.end(), [&](const text_template& each) {
            return each.leading_literal().starts_with(reserved) && each.has_clients_words();
        });
        if (is_wrong) {
            complain(given, "no room that begins with " + reserved +
                                " and ends as the client likes: these are the rooms of users");
        }
    }

    action read_action(const std::string& what, const config::node& given, const scope& in,
                       const compiled_name_space& space, const contract::event* own_shape) {
        action made;
        made.at = given.at();
        if (what == "join" || what == "leave") {
            made.what = what == "join" ? action::kind::join : action::kind::leave;
            made.texts = compile_texts(given, in, *mistakes_);
            if (made.what == action::kind::join) read_joined(given, made.texts);
        } else if (what == "emit") {
            made.what = action::kind::emit;
            read_emit(made, given, in, space);
        } else if (what == "ack") {
            made.what = action::kind::ack;
            made.arguments = args_template::compile(given, in, *mistakes_);
            if (own_shape != nullptr && own_shape->has_ack()) made.shape = *own_shape;
        } else if (what == "error") {
            made.what = action::kind::error;
            const config::node message = given.value().is_string() ? given : given["message"];
            made.texts = {text_template::compile(message.text("refused"), message.at(), in, *mistakes_)};
            made.event = given["code"].text("refused");
        } else if (what == "once") {
            made.what = action::kind::once;
            const config::node key = given.value().is_string() ? given : given["key"];
            made.texts = {text_template::compile(key.text(), key.at(), in, *mistakes_)};
            made.keep = read_duration(given["keep"], core::duration::zero());
            made.otherwise = read_actions(given["else"], in, space, own_shape);
        } else if (what == "forward") {
            made.what = action::kind::forward;
            made.target = read_target(given, in);
            made.otherwise = read_actions(given["else"], in, space, own_shape);
        } else if (what == "log") {
            made.what = action::kind::log;
            made.texts = {text_template::compile(given.text(), given.at(), in, *mistakes_)};
        } else {
            made.what = action::kind::disconnect;
        }
        return made;
    }

    void read_emit(action& made, const config::node& given, const scope& in,
                   const compiled_name_space& space) {
        made.event = given["event"].text();
        if (made.event.find('{') != std::string::npos) {
            complain(given["event"], "a fixed name: an event's name has no templates");
        }
        refuse_reserved(made.event, given["event"]);
        const config::node to = given["to"];
        made.is_to_all = to.value().is_null() || to.text() == "*";
        if (!made.is_to_all) made.texts = compile_texts(to, in, *mistakes_);
        made.is_sender_excepted = given["except_sender"].boolean(false);
        made.is_volatile = given["volatile"].boolean(false);
        if (given.has("args")) made.arguments = args_template::compile(given["args"], in, *mistakes_);
        if (const auto declared = space.sent.find(made.event); declared != space.sent.end()) {
            made.shape = declared->second.shape;
            made.is_retained = declared->second.is_retained;
        }
    }

    std::shared_ptr<const forward_target> read_target(const config::node& given, const scope& in) {
        auto made = std::make_shared<forward_target>();
        const config::node url = given.value().is_string() ? given : given["url"];
        const std::string written = url.text();
        made->url = text_template::compile(written, url.at(), in, *mistakes_);
        // Where it goes is the operator's choice alone: what clients say never decides about the host.
        if (!made->url.is_constant()) complain(url, "a fixed URL: a backend's address has no templates");
        if (!written.starts_with("http://") && !written.starts_with("https://")) {
            complain(url, "expected a URL with http or https");
        }
        note_backend(outbound::purpose::forward, written, {});
        made->timeout = read_duration(given["timeout"], std::chrono::seconds{5});
        made->secret = given["secret"].text();
        for (const auto& [name, text] : given["headers"].members())
            made->headers.emplace_back(name, text.text());
        if (given.has("body")) made->body = value_template::compile(given["body"], in, *mistakes_);
        return made;
    }

    text_list read_rooms(const config::node& given, const scope& in) {
        if (!given["rooms"].value().is_null()) return compile_texts(given["rooms"], in, *mistakes_);
        return {text_template::compile("{args.0}", given.at(), in, *mistakes_)};
    }

    std::optional<value_template> read_payload(const config::node& given, scope in) {
        if (!given.has("payload")) return std::nullopt;
        in.has_room = true;
        return value_template::compile(given["payload"], in, *mistakes_);
    }

    scope scope_of(const compiled_name_space& space) const {
        scope in;
        in.has_user = space.verifier != nullptr;
        in.is_pattern = space.is_pattern;
        const config::json& root = made_->chosen_.whole->root;
        if (const auto named = root.find("schemas"); named != root.end()) in.named_schemas = &*named;
        return in;
    }

    void read_name_space(const std::string& name, const config::node& given) {
        auto space = std::make_unique<compiled_name_space>();
        space->key = name;
        space->is_pattern = name.starts_with('^');
        if (space->is_pattern) {
            try {
                auto how = std::regex::ECMAScript;
#ifdef __GLIBCXX__
                // Clients choose the names, before they sign in: a search that goes back and forth could be
                // made to last for years.
                how |= std::regex_constants::__polynomial;
#endif
                space->pattern = std::regex{name, how};
            } catch (const std::regex_error& error) {
                complain(given, std::string{"a regular expression: "} + error.what());
            }
        }
        space->verifier = verifier_of(given);
        space->is_sign_in_optional = made_->chosen_.auth.is_optional || has_none(given["auth"]);
        space->is_closed = given["closed"].boolean(false);
        const scope base = scope_of(*space);
        space->allowed = read_permission(given["allow"], base);
        if (!space->allowed.rooms.empty()) complain(given["allow"]["in"], "nobody is in a room yet");
        for (const auto& [event, rule] : given["emits"].members()) {
            refuse_reserved(event, rule);
            sent_event sent;
            sent.shape = shape_of(name, contract::direction::sends, event);
            sent.is_retained = rule["retain"].boolean(false);
            space->has_retained = space->has_retained || sent.is_retained;
            space->sent.emplace(event, std::move(sent));
        }
        space->on_connect = read_actions(given["on_connect"], base, *space, nullptr);
        scope leaving = base;
        leaving.has_reason = true;
        space->on_disconnect = read_actions(given["on_disconnect"], leaving, *space, nullptr);
        for (const auto& [event, rule] : given["events"].members()) read_event(event, rule, *space, base);
        read_presence(given["presence"], *space, base);
        read_typing(given["typing"], *space, base);
        if (!space->is_pattern) made_->by_name_.emplace(name, space.get());
        made_->name_spaces_.push_back(std::move(space));
    }

    void read_event(const std::string& event, const config::node& rule, compiled_name_space& space,
                    scope in) {
        compiled_event made;
        made.name = event;
        const bool is_declared = rule.has("args") || rule.has("rest");
        const auto shape = shape_of(space.key, contract::direction::receives, event);
        if (is_declared) made.shape = shape;
        if (shape && shape->has_ack()) made.answer_shape = shape;
        in.has_args = true;
        in.has_rest = rule.has("rest");
        const config::node args = rule["args"];
        if (args.value().is_array()) in.argument_schemas = &args.value();
        made.allowed = read_permission(rule["allow"], in);
        made.limit = read_event_rate(rule["rate"]);
        made.actions = read_actions(rule["do"], in, space, shape ? &*shape : nullptr);
        refuse_reserved(event, rule);
        if (event == "auth:refresh") complain(rule, "another name: this one belongs to the protocol");
        space.events.emplace(event, std::move(made));
    }

    void read_presence(const config::node& given, compiled_name_space& space, scope in) {
        if (!given.value().is_object() && !given.boolean(false)) return;
        in.has_args = true;
        presence_rule made;
        made.join = given["join"].text("presence:join");
        made.leave = given["leave"].text("presence:leave");
        made.joined = given["joined"].text("presence:user_joined");
        made.left = given["left"].text("presence:user_left");
        for (const char* name : {"join", "leave", "joined", "left"}) {
            refuse_reserved(given[name].text(), given[name]);
        }
        made.rooms = read_rooms(given, in);
        made.allowed = read_permission(given["allow"], in);
        made.payload = read_payload(given, in);
        space.presence = std::move(made);
    }

    void read_typing(const config::node& given, compiled_name_space& space, scope in) {
        if (!given.value().is_object() && !given.boolean(false)) return;
        in.has_args = true;
        typing_rule made;
        made.start = given["start"].text("typing:start");
        made.stop = given["stop"].text("typing:stop");
        for (const char* name : {"start", "stop"}) refuse_reserved(given[name].text(), given[name]);
        made.rooms = read_rooms(given, in);
        made.payload = read_payload(given, in);
        made.expires = read_duration(given["expires"], std::chrono::seconds{5});
        space.typing = std::move(made);
    }

    std::shared_ptr<program> made_;
    config::node whole_;
    outbound::client* network_;
    weak_secrets weak_;
    std::vector<config::mistake>* mistakes_;
    std::vector<config::mistake>* remarks_;
    std::map<std::string, config::auth_provider> providers_;
    std::map<std::string, std::shared_ptr<const auth::verifier>> verifiers_;
    std::unique_ptr<contract::contract> contract_;
};

std::shared_ptr<const program> program::compile(const config::settings& chosen, outbound::client* network,
                                                std::vector<config::mistake>& mistakes,
                                                std::vector<config::mistake>& remarks, weak_secrets weak) {
    return program_compiler{chosen, network, mistakes, remarks, weak}.run();
}

const compiled_name_space* program::find(std::string_view name, std::vector<std::string>* groups) const {
    if (const auto known = by_name_.find(name); known != by_name_.end()) return known->second;
    // Long names never get here: the core bounds them (max_namespace_bytes).
    for (const auto& each : name_spaces_) {
        std::match_results<std::string_view::const_iterator> found;
        if (!each->is_pattern || !std::regex_match(name.begin(), name.end(), found, each->pattern)) continue;
        if (groups != nullptr) {
            for (const auto& group : found) groups->push_back(group.str());
        }
        return each.get();
    }
    return nullptr;
}

} // namespace roomcast::server::rules
