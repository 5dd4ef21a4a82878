#include "helper/guard/guard_spec.hpp"

#include <format>
#include <nlohmann/json.hpp>

namespace davit::helper {

using nlohmann::json;

std::string guard_name(std::string_view stack) { return std::format("davit-guard-{}", stack); }

json guard_body(const GuardSpec& spec) {
  json body = create_body(OwnContainerSpec{
      .image = spec.image.reference,
      .program = spec.image.program(),
      .labels = spec.labels,
      .arguments = {"guard", "--run", spec.run, "--stack", spec.stack},
  });
  json& host = body["HostConfig"];
  host["Mounts"].push_back({{"Type", "bind"}, {"Source", spec.engine_socket}, {"Target", kEngineSocket}});
  // Whoever starts it anew must be able to read what it did. What goes over the channel is in there as well, and small.
  host["LogConfig"] = {{"Type", "json-file"}, {"Config", {{"max-size", "1m"}, {"max-file", "1"}}}};
  // After an Engine's crash. It ends with 0 only if nothing is left to be put right.
  host["RestartPolicy"] = {{"Name", "on-failure"}};
  // The socket is root's of the host, and what guards it (a user namespace, SELinux) must let it through.
  host["UsernsMode"] = "host";
  host["SecurityOpt"].push_back("label=disable");
  return body;
}

}  // namespace davit::helper
