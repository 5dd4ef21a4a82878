#pragma once
// What a run has found out about the Engine as a host of helpers, once for all of its sessions. Thread-safe.

#include <mutex>
#include <optional>
#include <string>

#include "helper/session.hpp"

namespace davit::helper {

struct HelperImage {
  std::string reference;
  bool has_program = false;                   // imported from our own executable; else it must be put in
  [[nodiscard]] std::string program() const;  // its path in a container
};

class HostState {
 public:
  HostState(engine::Engine& engine, Host::Options options) : engine_(engine), options_(std::move(options)) {}
  [[nodiscard]] engine::Engine& engine() const { return engine_; }

  // The image of helpers: pulled or imported where there is none.
  [[nodiscard]] Result<HelperImage> image(RunContext& run);
  // The network mode in which a helper can reach a socket of ours; empty if there is none: then the streams are
  // attached.
  [[nodiscard]] std::string network();
  // From now on streams are attached; `why` goes to the log.
  void give_up_socket(std::string_view why);
  [[nodiscard]] const std::optional<DirectoryId>& repository() const { return options_.repository; }
  // The bytes of the davit that helpers run.
  [[nodiscard]] Result<std::string> program() const;

 private:
  [[nodiscard]] Result<HelperImage> find_image(RunContext& run);
  [[nodiscard]] Result<HelperImage> chosen_image(RunContext& run);
  [[nodiscard]] Result<bool> has_image(const std::string& reference);
  [[nodiscard]] Result<> pull(const std::string& reference, RunContext& run);
  [[nodiscard]] Result<> import(const std::string& reference, const std::string& bytes);
  [[nodiscard]] std::string find_network();

  engine::Engine& engine_;
  Host::Options options_;
  std::mutex mutex_;
  std::optional<HelperImage> image_;
  std::optional<std::string> network_;
};

struct Host::Impl : HostState {
  using HostState::HostState;
};

}  // namespace davit::helper
