#pragma once
// RabbitMQ's definitions: an object with a list of each kind of thing (vhosts, users, queues …). Pure.

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace davit::sources {

inline constexpr std::size_t kDefinitionsLimit = 256U << 20U;  // bytes of them as JSON; more is no definitions

class Definitions {
 public:
  // Errc::corrupt if it is no JSON, or not that of a broker.
  [[nodiscard]] static Result<Definitions> parse(std::string_view json);

  [[nodiscard]] std::uint64_t count() const { return all_.size(); }
  // "queue orders in vhost /shop" of those that are here and in `other` in another form, and of those that are only
  // here; in the order of their names.
  [[nodiscard]] std::vector<std::string> changed(const Definitions& other) const;
  [[nodiscard]] std::vector<std::string> missing(const Definitions& other) const;
  // What a broker has that was just made: one vhost, one user with permissions, and nothing of anybody's.
  [[nodiscard]] bool is_fresh() const;
  // "2 vhosts (/, /shop), 3 users (app, guest, ops), 14 queues (…)", for people.
  [[nodiscard]] std::string summary() const;

 private:
  std::map<std::string, nlohmann::json> all_;                           // by what it is called
  std::map<std::string, std::vector<std::string>, std::less<>> names_;  // by list
};

}  // namespace davit::sources
