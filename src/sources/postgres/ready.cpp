#include "sources/postgres/ready.hpp"

namespace davit::sources {

using namespace std::chrono_literals;

Result<bool> RealServer::operator()(const engine::ContainerId& id) {
  auto server = Server::connect(engine_, id, run_);
  if (!server) {
    if (server.error().code() == Errc::cancelled || server.error().code() == Errc::not_found)
      return std::unexpected(std::move(server).error());
    started_.clear();
    return false;
  }
  auto rows = server->query(server->database(),
                            {"current_setting('listen_addresses')", "pg_postmaster_start_time()",
                             server->superuser() ? "split_part(pg_read_file('postmaster.pid'), E'\\n', 1)" : "null"},
                            "", run_);
  if (!rows || rows->size() != 1) return false;
  const Row& row = rows->front();
  const std::string started = row[1].value_or("");
  const auto now = run_.clock.steady();
  if (started != started_) {
    started_ = started;
    since_ = now;
  }
  const bool listens = !row[0].value_or("").empty();
  return now - since_ >= (listens || row[2] == "1" ? 1s : 60s);
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
