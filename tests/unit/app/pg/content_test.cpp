#include "app/pg/content.hpp"

#include <catch2/catch_test_macros.hpp>

#include "storage/memory_storage.hpp"
#include "stream/encoding.hpp"
#include "support/streams.hpp"
#include "support/ustar.hpp"

namespace davit::app {
namespace {

// The head of pg_dump's archives: magic, version, sizes of integers and offsets, format.
std::string archive(char format) {
  return std::string("PGDMP\x01\x0f\x00\x04\x08", 10) + format + std::string(2000, 'x');
}

std::string tar_with(const std::string& name, const std::string& data, const test::UstarOwner& owner = {}) {
  return test::ustar_member(name, data, owner) + test::end_of_tar();
}

// As pg_dump writes it, whoever runs it.
std::string tar_of_pg_dump(const std::string& data) {
  return tar_with("toc.dat", data, {.user = "0004000", .group = "0002000"});
}

void put(storage::MemoryStorage& storage, const std::string& key, const std::string& bytes) {
  auto writer = storage.create(key);
  REQUIRE(writer);
  REQUIRE((*writer)->write(test::bytes_of(bytes)));
  REQUIRE((*writer)->finish());
  REQUIRE((*writer)->commit());
}

std::string compressed(const std::string& text) {
  stream::MemorySink out;
  stream::Encoder encoder({}, out);
  REQUIRE(encoder.write(test::bytes_of(text)));
  REQUIRE(encoder.finish());
  return out.take();
}

}  // namespace

TEST_CASE("what a file holds is told by its contents") {
  CHECK(content_of(archive(1)) == DumpContent::custom);
  CHECK(content_of(tar_of_pg_dump(archive(3))) == DumpContent::tar);
  // Its toc.dat says that it is a tar.
  CHECK(content_of(tar_with("toc.dat", archive(3))) == DumpContent::directory);
  const test::UstarOwner of_gnu{.user = "0004000", .group = "0002000", .magic = std::string("ustar  \0", 8)};
  CHECK(content_of(tar_with("toc.dat", archive(3), of_gnu)) == DumpContent::directory);
  CHECK(content_of(tar_of_pg_dump("something else")) == DumpContent::unknown);
  CHECK(content_of(tar_with("backup_label", "START")) == DumpContent::base_plain);
  CHECK(content_of(tar_with("backup_manifest", "{")) == DumpContent::base_directory);
  CHECK(content_of("--\n-- PostgreSQL database cluster dump\n--\n") == DumpContent::cluster_script);
  CHECK(content_of("--\n-- PostgreSQL database dump\n--\n") == DumpContent::database_script);
  for (const std::string& other : {std::string(), std::string("PGDM"), std::string("create table x ()"),
                                   tar_with("holiday.jpg", "toc.dat"), std::string(2000, '\0')})
    CHECK(content_of(other) == DumpContent::unknown);
}

TEST_CASE("a dump's directory is told by its contents in whatever way it was packed") {
  const std::string toc = archive(3);
  const auto packed = [](const std::string& members) { return members + test::end_of_tar(); };
  const std::string dot = test::ustar_directory("./");
  CHECK(content_of(packed(dot + test::ustar_member("./toc.dat", toc))) == DumpContent::directory);
  CHECK(content_of(packed(dot + test::ustar_member("./4711.dat.gz", "rows") + test::ustar_member("./toc.dat", toc))) ==
        DumpContent::directory);
  for (const char* name : {"4711.dat", "./4711.dat.zst", "blobs.toc", "./blobs_1.toc", "./blob_16385.dat.lz4"}) {
    CAPTURE(name);
    CHECK(content_of(packed(test::ustar_member(name, "rows"))) == DumpContent::directory);
  }
  for (const char* name : {"./holiday.jpg", ".dat", "blob_.dat", "4711", "x4711.dat"}) {
    CAPTURE(name);
    CHECK(content_of(packed(dot + test::ustar_member(name, "toc.dat"))) == DumpContent::unknown);
  }
  CHECK(content_of(packed(dot + test::ustar_member("./toc.dat", "something else"))) == DumpContent::unknown);
  CHECK(content_of(packed(dot)) == DumpContent::unknown);
}

TEST_CASE("a compressed file is looked into") {
  storage::MemoryStorage storage;
  put(storage, "plain", "--\n-- PostgreSQL database cluster dump\n--\n");
  put(storage, "called.jpg", compressed("--\n-- PostgreSQL database cluster dump\n--\n" + std::string(100000, 'x')));
  put(storage, "base", compressed(tar_with("backup_label", "START")));
  put(storage, "empty", "");
  const auto look = [&](const std::string& key) {
    const auto found = look_into(storage, key);
    REQUIRE(found);
    return std::pair(found->content, found->codec);
  };
  using stream::Codec;
  CHECK(look("plain") == std::pair(DumpContent::cluster_script, Codec::none));
  CHECK(look("called.jpg") == std::pair(DumpContent::cluster_script, Codec::zstd));
  CHECK(look("base") == std::pair(DumpContent::base_plain, Codec::zstd));
  CHECK(look("empty") == std::pair(DumpContent::unknown, Codec::none));
  const auto missing = look_into(storage, "missing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
}

}  // namespace davit::app
