#pragma once
// What a RabbitMQ node is called (https://www.rabbitmq.com/docs/configure, NODENAME): it finds only what a node of the
// same name has stored. Pure.

#include <string>
#include <string_view>

#include "engine/types.hpp"

namespace davit::sources {

// The name that a container's node will have, as far as its record says: RABBITMQ_NODENAME, or rabbit@HOSTNAME. Empty
// if only the container that is yet to be made will tell: its host name is its id. `exists`: this very container is
// there, and will be started. A name that is set elsewhere, such as in rabbitmq-env.conf, is not known here.
[[nodiscard]] std::string node_name_of(const engine::ContainerInfo& container, bool exists);

// For a name that is set elsewhere: what in the records, of all that may tell it, says that the node of the second
// container would have another name than `name`, which was that of the first: "its image", or a variable. Empty:
// nothing does. `exists`: of the second.
[[nodiscard]] std::string naming_difference(std::string_view name, const engine::ContainerInfo& was,
                                            const engine::ContainerInfo& is, bool exists);

// Whether the container's host name is its id, which Compose's file says nothing about.
[[nodiscard]] bool has_chance_hostname(const engine::ContainerInfo& container);

}  // namespace davit::sources
