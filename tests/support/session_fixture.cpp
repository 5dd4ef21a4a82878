#include "support/session_fixture.hpp"

#include <algorithm>

namespace davit::test {

using helper::Access;
using helper::Host;
using helper::Place;
using helper::Session;

SessionFixture::SessionFixture() {
  engine.add_image("busybox");
  engine::ContainerInfo self;
  self.name = "davit";
  engine.add_container(self);
}

Session SessionFixture::open(Host& host, const Place& place, Access access) {
  auto session = Session::open(host, place, access, run.context);
  if (!session) FAIL(session.error().message());
  return std::move(*session);
}

Place volume(const std::string& name) { return {Place::Kind::volume, name, false}; }
Place directory(const std::filesystem::path& path, bool create) { return {Place::Kind::directory, path, create}; }

helper::StageOptions stage_options(const helper::PackResult& packed) {
  return {stream::Codec::zstd, packed.plain, packed.stored, {}};
}

Archive archive_of(SessionFixture& fixture, Host& host, const std::filesystem::path& path) {
  auto session = fixture.open(host, directory(path), Access::read);
  stream::MemorySink sink;
  auto result = session.pack({}, sink);
  REQUIRE(result);
  REQUIRE(session.close());
  return {*result, sink.take()};
}

Result<> HookSink::write(std::span<const std::byte> bytes) {
  seen_ += bytes.size();
  if (seen_ >= at_ && hook_) TRY(std::exchange(hook_, nullptr)());
  return sink.write(bytes);
}

Result<std::size_t> HookSource::read(std::span<std::byte> into) {
  TRY_ASSIGN(got, source_.read(into.first(std::min<std::size_t>(into.size(), 4096))));
  seen_ += got;
  if (seen_ >= at_ && hook_) TRY(std::exchange(hook_, nullptr)());
  return got;
}

}  // namespace davit::test
