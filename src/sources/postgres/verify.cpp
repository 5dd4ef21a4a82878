#include "sources/postgres/verify.hpp"

#include "engine/command.hpp"
#include "sources/postgres/archive.hpp"
#include "sources/postgres/sql_text.hpp"

namespace davit::sources {
namespace {

constexpr std::size_t kGlobalsLimit = 64U << 20U;

engine::Command plain_command(std::vector<std::string> argv) {
  engine::Command command;
  command.argv = std::move(argv);
  return command;
}

}  // namespace

Result<> Verifier::open(const model::Item& item, const Stack& recorded, RunContext& run) {
  const Service* service = recorded.find_service(item.id.name);
  if (service == nullptr || service->containers.empty())
    return fail(Errc::unavailable, "the backup's definition has no service " + item.id.name);
  const engine::ContainerInfo& container = service->containers.front();
  if (container_ && image_id_ == container.image_id && container_->check_running()) return {};
  container_.reset();
  OneOffOptions options;
  options.purpose = "verify " + item.id.text();
  options.entrypoint = {"sh", "-c", "exec sleep 2147483647"};
  options.command = std::vector<std::string>{};
  options.mounts = OneOffOptions::Mounts::none;
  if (const auto image = recorded.images.find(container.image); image != recorded.images.end())
    options.repo_digests = image->second.repo_digests;
  const auto ready = [&](const engine::ContainerId& id) -> Result<bool> {
    TRY_ASSIGN(answer, engine::run_command_for_text(engine_, id, plain_command({"pg_restore", "--version"}), run));
    if (answer.outcome.exit_code != 0)
      return std::unexpected(command_error("verify " + item.id.text(), "pg_restore", answer.outcome));
    return true;
  };
  auto started = OneOff::start(engine_, container, options, ready, run);
  if (!started) {
    // Whatever the reason, it says nothing about the dump.
    Error error = std::move(started).error();
    return std::unexpected(error.code() == Errc::cancelled ? std::move(error) : std::move(error).as(Errc::unavailable));
  }
  container_ = std::move(*started);
  image_id_ = container.image_id;
  return {};
}

Result<> Verifier::verify(const model::Item& item, const model::Artefact& artefact, stream::ByteSource& stored,
                          const Stack& recorded, RunContext& run) {
  stream::Decoder plain(artefact.codec, stored, artefact.plain, artefact.stored);
  if (artefact.content == model::Content::sql) {
    TRY_ASSIGN(script, stream::read_all(plain, kGlobalsLimit));
    TRY_ASSIGN(statements, split_statements(script));
    if (statements.empty()) return fail(Errc::corrupt, "holds no statement");
    return {};
  }
  TRY(open(item, recorded, run));
  return check_archive(Programs::in_container(engine_, container_->id(), {}), plain, false, run);
}

}  // namespace davit::sources
