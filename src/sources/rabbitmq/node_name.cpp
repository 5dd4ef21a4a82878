#include "sources/rabbitmq/node_name.hpp"

#include "sources/postgres/detect.hpp"

namespace davit::sources {
namespace {

bool is_true(const engine::ContainerInfo& container, std::string_view variable) {
  return container.env_value(variable).value_or("") == "true";
}

}  // namespace

bool has_chance_hostname(const engine::ContainerInfo& container) {
  return container.hostname.size() == 12 && container.id.value.starts_with(container.hostname);
}

std::string node_name_of(const engine::ContainerInfo& container, bool exists) {
  std::string named = container.env_value("RABBITMQ_NODENAME").value_or("");
  if (named.contains('@')) return named;
  if (container.hostname.empty() || (has_chance_hostname(container) && !exists)) return {};
  // Without long names a node goes by the first part of its host's.
  const std::string host = is_true(container, "RABBITMQ_USE_LONGNAME")
                               ? container.hostname
                               : container.hostname.substr(0, container.hostname.find('.'));
  return (named.empty() ? "rabbit" : named) + "@" + host;
}

std::string naming_difference(std::string_view name, const engine::ContainerInfo& was, const engine::ContainerInfo& is,
                              bool exists) {
  if (image_name(was.image) != image_name(is.image)) return "its image";
  // RABBITMQ_NODE_NAME is of Bitnami's image.
  for (const char* variable :
       {"RABBITMQ_NODENAME", "RABBITMQ_NODE_NAME", "RABBITMQ_USE_LONGNAME", "RABBITMQ_CONF_ENV_FILE"})
    if (was.env_value(variable) != is.env_value(variable)) return variable;
  // What isn't the host's name doesn't go by it.
  const std::string_view host = name.substr(name.find('@') + 1);
  const bool by_host =
      !was.hostname.empty() && (host == was.hostname || was.hostname.starts_with(std::string(host) + "."));
  if (!by_host) return {};
  return was.hostname != is.hostname || (!exists && has_chance_hostname(is)) ? "its hostname" : std::string();
}

}  // namespace davit::sources
