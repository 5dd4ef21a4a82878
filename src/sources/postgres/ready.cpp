#include "sources/postgres/ready.hpp"

#include <charconv>
#include <cstdint>

namespace davit::sources {

using namespace std::chrono_literals;

Result<bool> RealServer::operator()(const engine::ContainerId& id) {
  if (!server_) {
    auto server = Server::connect(engine_, id, run_);
    if (!server) {
      if (server.error().code() == Errc::cancelled || server.error().code() == Errc::not_found)
        return std::unexpected(std::move(server).error());
      return false;
    }
    server_ = *std::move(server);
  }
  auto rows = server_->query(server_->database(),
                             {"current_setting('listen_addresses')",
                              "floor(extract(epoch from clock_timestamp() - pg_postmaster_start_time()))::bigint",
                              server_->superuser() ? "split_part(pg_read_file('postmaster.pid'), E'\\n', 1)" : "null"},
                             "", run_);
  if (!rows || rows->size() != 1) {
    server_.reset();
    return false;
  }
  const Row& row = rows->front();
  const bool listens = !row[0].value_or("").empty();
  std::int64_t up = 0;  // seconds
  const std::string text = row[1].value_or("");
  std::from_chars(text.data(), text.data() + text.size(), up);
  return up >= (listens || row[2] == "1" ? 1 : 60);
}

Result<> wait_until_real(engine::Engine& engine, const engine::ContainerId& id, RunContext& run) {
  RealServer real_server(engine, run);
  const auto deadline = run.clock.steady() + 2min;
  while (true) {
    TRY(run.check());
    TRY_ASSIGN(real, real_server(id));
    if (real || run.clock.steady() >= deadline) return {};
    run.clock.sleep_for(500ms);
  }
}

}  // namespace davit::sources
