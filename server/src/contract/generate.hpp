#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

/// Code and documents from a contract. All take its source: see core/contract/compiler.hpp,
/// `compile_contract`, which must have accepted it.
namespace roomcast::server::contract {

/// TypeScript declarations (a .d.ts): a type for each named schema, and for each namespace a TypeScript
/// namespace with `ClientToServerEvents` and `ServerToClientEvents` as socket.io-client takes them. `/` is
/// `Main`, others are called as they are, in PascalCase. A type says less than its schema where TypeScript
/// has no word for it (`pattern`). An event with an acknowledgement takes its callback last and always, as
/// `emitWithAck` wants it. Of what the source does not say: `is_answered` of an event, `has_auth` of a
/// namespace. The server's own events are there, where they can come.
std::string typescript(const nlohmann::json& source);

/// A C++20 header (`namespace contract`, nlohmann/json): a struct for each object schema with to_json and
/// from_json, and for each event a struct that converts from and to the array of its arguments. from_json
/// throws nlohmann::json::exception where the types do not fit; it does not check the contract.
std::string cpp(const nlohmann::json& source);

/// An AsyncAPI 3.0 document (JSON). @param info its `info` object: title and version at least
std::string asyncapi(const nlohmann::json& source, const nlohmann::json& info);

} // namespace roomcast::server::contract
