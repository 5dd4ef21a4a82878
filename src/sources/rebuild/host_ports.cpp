#include <charconv>

#include "sources/compose_labels.hpp"
#include "sources/json_field.hpp"
#include "sources/rebuild/host_check.hpp"
#include "util/text.hpp"

namespace davit::sources {
namespace {

using nlohmann::json;

struct Port {
  std::string protocol;  // "tcp", "udp", "sctp"
  std::string address;   // of the host; empty: all of them
  int number = 0;
  const engine::ContainerInfo* of = nullptr;

  [[nodiscard]] bool is_taken_by(const Port& other) const {
    return protocol == other.protocol && number == other.number &&
           (address.empty() || other.address.empty() || address == other.address);
  }
  [[nodiscard]] std::string text() const {
    const std::string at = address.contains(':') ? "[" + address + "]" : address;
    return (at.empty() ? "" : at + ":") + std::to_string(number) + (protocol == "tcp" ? "" : "/" + protocol);
  }
};

// {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}; without a port of the host, the Engine takes one that is free.
void add_ports(const json& bindings, const engine::ContainerInfo& of, std::vector<Port>& ports) {
  if (!bindings.is_object()) return;
  for (const auto& [inside, list] : bindings.items()) {
    if (!list.is_array()) continue;  // null: exposed, and not published
    for (const json& binding : list) {
      const std::string text = text_field(binding, "HostPort");
      Port port{inside.contains('/') ? inside.substr(inside.find('/') + 1) : "tcp", text_field(binding, "HostIp"), 0,
                &of};
      if (port.address == "0.0.0.0" || port.address == "::") port.address.clear();
      const std::from_chars_result read = std::from_chars(text.data(), text.data() + text.size(), port.number);
      // A range ("8000-8010") is the Engine's to choose from.
      if (read.ec == std::errc() && read.ptr == text.data() + text.size() && port.number != 0) ports.push_back(port);
    }
  }
}

// What it asks for; those that it has been given are under NetworkSettings.
std::vector<Port> asked_by(const engine::ContainerInfo& container) {
  std::vector<Port> ports;
  const json raw = json::parse(container.raw, nullptr, false);
  add_ports(field(field(raw, "HostConfig"), "PortBindings"), container, ports);
  return ports;
}

std::vector<Port> had_by(const engine::ContainerInfo& container) {
  std::vector<Port> ports;
  const json raw = json::parse(container.raw, nullptr, false);
  add_ports(field(field(raw, "NetworkSettings"), "Ports"), container, ports);
  return ports;
}

}  // namespace

std::vector<Conflict> taken_ports(const Recorded& containers, const HostView& host) {
  std::vector<Port> taken;
  for (const engine::ContainerInfo& other : host.containers)
    if (other.state.running)
      for (Port& port : had_by(other)) taken.push_back(std::move(port));
  std::vector<Conflict> conflicts;
  for (const engine::ContainerInfo* container : containers)
    for (const Port& port : asked_by(*container))
      for (const Port& other : taken) {
        if (!port.is_taken_by(other)) continue;
        const std::string_view project = compose::label(other.of->labels, compose::kProject);
        conflicts.push_back({"port " + port.text() + " of " + container->name + " is taken by container " +
                                 other.of->name + (project.empty() ? "" : " of stack " + escape_for_display(project)),
                             "stop container " + other.of->name, false});
        break;  // one for both IPv4 and IPv6
      }
  return conflicts;
}

}  // namespace davit::sources
