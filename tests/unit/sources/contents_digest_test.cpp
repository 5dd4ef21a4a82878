#include "sources/contents_digest.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/streams.hpp"
#include "support/tar.hpp"

namespace davit::sources {
namespace {

using test::tar_file;
using test::TarMember;

std::vector<std::string> digests(const std::vector<TarMember>& members, std::string_view key,
                                 const std::vector<std::string>& paths) {
  stream::MemorySource source(test::write_tar(members));
  const auto result = digest_contents(source, key, paths);
  REQUIRE(result);
  return *result;
}

TarMember file(const std::string& path, const std::string& data, std::uint32_t mode = 0644) {
  stream::TarEntry entry = tar_file(path, data.size());
  entry.mode = mode;
  return {entry, data};
}

TEST_CASE("a digest follows names and contents, and not order, times, owners and modes") {
  TarMember odd = file("./b", "2", 0600);
  odd.entry.uid = 1000;
  odd.entry.mtime_ns = 5;
  const auto one = digests({file("a", "1"), file("b", "2")}, "key", {});
  REQUIRE(one.size() == 1);
  CHECK(one == digests({odd, file("a", "1")}, "key", {}));
  CHECK(one != digests({file("a", "1"), file("b", "3")}, "key", {}));
  CHECK(one != digests({file("a", "1"), file("c", "2")}, "key", {}));
  CHECK(one != digests({file("a", "1")}, "key", {}));
  CHECK(one != digests({file("a", "1"), file("b", "2"), file("c", "")}, "key", {}));
  CHECK(one != digests({file("a", "1"), file("b", "2")}, "another", {}));
}

TEST_CASE("each path has a digest of its own, with what is below it") {
  const std::vector<TarMember> members{file("compose.yaml", "x"), file("certs/a", "1"), file("certs-old", "2")};
  const auto found = digests(members, "key", {"compose.yaml", "certs", "missing"});
  REQUIRE(found.size() == 3);
  CHECK_FALSE(found[0].empty());
  CHECK(found[1] == digests({file("certs/a", "1")}, "key", {"certs"})[0]);
  CHECK(found[2].empty());
}

TEST_CASE("a digest does not depend on the pieces in which an archive arrives") {
  const std::string tar = test::write_tar({file("a", test::noise(300'000)), file("b", "2")});
  stream::MemorySource whole(tar);
  test::StutterSource stutter(tar);
  const auto one = digest_contents(whole, "key", {});
  const auto other = digest_contents(stutter, "key", {});
  REQUIRE((one && other));
  CHECK(*one == *other);
}

TEST_CASE("a link and a file of the same name differ") {
  stream::TarEntry link = tar_file("a", 0);
  link.type = stream::TarType::symlink;
  link.link_target = "b";
  stream::TarEntry other = link;
  other.link_target = "c";
  CHECK(digests({{link, ""}}, "key", {}) != digests({file("a", "")}, "key", {}));
  CHECK(digests({{link, ""}}, "key", {}) != digests({{other, ""}}, "key", {}));
}

TEST_CASE("a cut archive has no digest") {
  const std::string tar = test::write_tar({file("a", "1"), file("b", "2")});
  test::CutSource cut(tar, 1024);
  CHECK_FALSE(digest_contents(cut, "key", {}));
}

TEST_CASE("a capture keeps what fits, and passes on everything") {
  stream::MemorySink next;
  CaptureSink sink(next, 5);
  REQUIRE(sink.write(test::bytes_of("abc")));
  REQUIRE(sink.captured() != nullptr);
  CHECK(*sink.captured() == "abc");
  REQUIRE(sink.write(test::bytes_of("def")));
  CHECK(sink.captured() == nullptr);
  REQUIRE(sink.write(test::bytes_of("g")));
  CHECK(sink.captured() == nullptr);
  REQUIRE(sink.finish());
  CHECK(next.contents() == "abcdefg");
  CHECK(next.finished());
  test::FailingSink failing(1);
  CaptureSink over(failing, 5);
  CHECK_FALSE(over.write(test::bytes_of("a")));
}

}  // namespace
}  // namespace davit::sources
