#include <catch2/catch_test_macros.hpp>

#include "stream/acl.hpp"
#include "stream/encoding.hpp"
#include "support/streams.hpp"
#include "support/tar.hpp"

using namespace davit;
using namespace davit::stream;
using namespace davit::test;
using namespace std::string_literals;

namespace {

const std::string kAccess = render_acl({{AclTag::owner, 6, 0},
                                        {AclTag::user, 7, 1000},
                                        {AclTag::user, 4, 4294967294U},
                                        {AclTag::owning_group, 4, 0},
                                        {AclTag::group, 1, 50},
                                        {AclTag::mask, 5, 0},
                                        {AclTag::other, 0, 0}});
const std::string kDefault = render_acl({{AclTag::owner, 7, 0}, {AclTag::owning_group, 5, 0}, {AclTag::other, 0, 0}});

// One of everything that a file system holds.
std::vector<TarMember> everything() {
  std::vector<TarMember> members;
  const auto add = [&](TarEntry entry, std::string data = {}) {
    entry.mtime_ns = entry.mtime_ns == 0 ? 1'700'000'000'000'000'001 : entry.mtime_ns;
    members.push_back({std::move(entry), std::move(data)});
  };
  add({.path = "dir/",
       .type = TarType::directory,
       .mode = 03755,
       .uid = 1000,
       .gid = 1001,
       .xattrs = {{"system.posix_acl_default", kDefault}}});
  add({.path = "dir/file", .mode = 04711, .uid = 4294967294U, .gid = 3000000000U, .size = 5, .mtime_ns = 1}, "hello");
  add({.path = "empty", .mode = 0, .mtime_ns = -1'000'000'000}, "");
  add({.path = "link", .type = TarType::symlink, .mode = 0777, .link_target = "dir/\xff target"});
  add({.path = "hard", .type = TarType::hardlink, .mode = 04711, .link_target = "dir/file"});
  add({.path = "fifo", .type = TarType::fifo, .mode = 0600});
  add({.path = "null", .type = TarType::character_device, .mode = 0666, .device_major = 1, .device_minor = 3});
  add({.path = "disk", .type = TarType::block_device, .mode = 0660, .device_major = 259, .device_minor = 1048575});
  add({.path = "xattrs",
       .mode = 0640,
       .size = 1,
       .xattrs = {{"user.empty", ""},
                  {"user.binary", "\0=\n\xff"s},
                  {"user.a=b %20\xc3\xa9", "odd name"},
                  {"security.capability", "\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s},
                  {"trusted.x", noise(60000)},
                  {"user." + std::string(250, 'n'), "long name"}}},
      "x");
  add({.path = "acl", .mode = 0650, .size = 1, .xattrs = {{"system.posix_acl_access", kAccess}}}, "a");
  add({.path = "not utf-8 \xff\xfe caf\xe9", .mode = 0644, .size = 1}, "n");
  add({.path = "größe/日本", .mode = 0644, .size = 1}, "u");
  add({.path = "control\n\t\\ \"'", .mode = 0644, .size = 1}, "c");
  add({.path = std::string(200, 'd') + "/" + std::string(255, 'f'), .mode = 0644, .size = 1}, "l");
  add({.path = "long link", .type = TarType::symlink, .mode = 0777, .link_target = std::string(4000, 't')});
  add({.path = "before 1970", .mode = 0644, .mtime_ns = -1'250'000'000});
  add({.path = "long before", .mode = 0644, .mtime_ns = -2'000'000'000'000'000'001});
  add({.path = "far ahead", .mode = 0644, .mtime_ns = 9'000'000'000'999'999'999});
  add({.path = "sparse", .mode = 0644, .size = 1 << 20, .sparse = true, .data = {{0, 3}, {4096, 5}, {500000, 2}}},
      "abcdefghij");
  add({.path = "sparse to its end", .mode = 0644, .size = 9000, .sparse = true, .data = {{8998, 2}}}, "yz");
  add({.path = "all hole", .mode = 0600, .size = 123456, .sparse = true});
  add({.path = "sparse caf\xe9/" + std::string(250, 's'),
       .mode = 0644,
       .size = 20LL << 40,
       .sparse = true,
       .data = {{9LL << 40, 4}}},
      "data");
  return members;
}

Result<TarContents> read_cut(const std::string& archive, std::size_t length) {
  CutSource source(archive, length);
  return read_tar(source);
}

}  // namespace

TEST_CASE("a tar gives back everything that went in") {
  const std::vector<TarMember> members = everything();
  const auto contents = read_tar(write_tar(members));
  REQUIRE(contents);
  CHECK(contents->findings.empty());
  REQUIRE(contents->members.size() == members.size());
  for (std::size_t at = 0; at < members.size(); ++at) {
    const TarEntry& found = contents->members[at].entry;
    const TarEntry& expected = members[at].entry;
    INFO(expected.path);
    CHECK(found.path == expected.path);
    CHECK(found.type == expected.type);
    CHECK(found.mode == expected.mode);
    CHECK(found.uid == expected.uid);
    CHECK(found.gid == expected.gid);
    CHECK(found.size == expected.size);
    CHECK(found.mtime_ns == expected.mtime_ns);
    CHECK(found.link_target == expected.link_target);
    CHECK(found.device_major == expected.device_major);
    CHECK(found.device_minor == expected.device_minor);
    CHECK(found.xattrs == expected.xattrs);
    CHECK(found.sparse == expected.sparse);
    CHECK(found.data == expected.data);
    CHECK(contents->members[at].data == members[at].data);
    CHECK(found == expected);
  }
}

TEST_CASE("a tar is read from a source that stutters") {
  const std::vector<TarMember> members = everything();
  StutterSource source(write_tar(members));
  const auto contents = read_tar(source);
  REQUIRE(contents);
  REQUIRE(contents->members.size() == members.size());
  for (std::size_t at = 0; at < members.size(); ++at) {
    CHECK(contents->members[at].entry == members[at].entry);
    CHECK(contents->members[at].data == members[at].data);
  }
}

TEST_CASE("an archive of nothing is one, and no bytes are none") {
  const std::string archive = write_tar({});
  CHECK(archive == std::string(1024, '\0'));
  const auto contents = read_tar(archive);
  REQUIRE(contents);
  CHECK(contents->members.empty());
  for (std::size_t length = 0; length < archive.size(); ++length) CHECK_FALSE(read_cut(archive, length));
}

TEST_CASE("every cut of a tar is noticed, also between members and behind zeros") {
  // Zeros at the end of the last member look like end-of-archive blocks to whoever only looks at the tail.
  const std::string archive =
      write_tar({{tar_file("a", 600), noise(600)}, {tar_file("zeros", 4096), std::string(4096, '\0')}});
  for (std::size_t length = 0; length < archive.size(); ++length) {
    const auto contents = read_cut(archive, length);
    INFO(length);
    REQUIRE_FALSE(contents);
    CHECK(contents.error().code() == Errc::corrupt);
  }
  REQUIRE(read_tar(archive));
  REQUIRE(read_tar(archive + std::string(9216, '\0')));  // as GNU tar pads
}

TEST_CASE("bytes behind the end of the archive are noticed") {
  const std::string archive = write_tar({{tar_file("a", 1), "a"}});
  for (const std::string& behind : {"x"s, std::string(511, '\0') + "x", archive, std::string(3 << 20, '\0') + "x"}) {
    const auto contents = read_tar(archive + behind);
    REQUIRE_FALSE(contents);
    CHECK(contents.error().code() == Errc::corrupt);
  }
  // One block of zeros, then more: libarchive would stop at the first.
  REQUIRE_FALSE(read_tar(archive.substr(0, archive.size() - 512) + archive));
}

TEST_CASE("every cut of a compressed tar is noticed") {
  MemorySink sink;
  Encoder encoder({Codec::zstd, 3, 0}, sink);
  TarWriter writer(encoder);
  REQUIRE(writer.begin(tar_file("a", 600)));
  REQUIRE(writer.write_data(bytes_of(noise(600))));
  REQUIRE(writer.finish());
  REQUIRE(sink.finished());
  for (std::size_t length = 0; length <= sink.contents().size(); ++length) {
    CutSource source(sink.contents(), length);
    Decoder decoder(Codec::zstd, source, encoder.plain(), encoder.stored());
    const auto contents = read_tar(decoder);
    INFO(length);
    CHECK(contents.has_value() == (length == sink.contents().size()));
    if (!contents) CHECK(contents.error().code() == Errc::corrupt);
  }
}

TEST_CASE("members that are not read are skipped, and the end is verified all the same") {
  const std::string archive = write_tar(everything());
  const auto count = [](const std::string& bytes) -> Result<std::size_t> {
    MemorySource source{bytes_of(bytes)};
    TarReader reader(source);
    for (std::size_t members = 0;; ++members) {
      TRY_ASSIGN(entry, reader.next());
      if (!entry) {
        TRY_ASSIGN(again, reader.next());
        CHECK_FALSE(again);
        CHECK_FALSE(reader.read_data());
        return members;
      }
    }
  };
  CHECK(count(archive) == everything().size());
  CHECK_FALSE(count(archive.substr(0, archive.size() - 1)));
  CHECK_FALSE(count(archive.substr(0, archive.size() - 1024)));
}

TEST_CASE("a damaged header is noticed") {
  const std::string archive = write_tar({{{.path = "a", .mode = 0644, .size = 3, .mtime_ns = 1'000'000'000}, "abc"}});
  std::size_t header = 0;
  while (archive.compare(header, 2, "a\0"s) != 0) header += 512;
  for (std::size_t bit = header * 8; bit < (header + 500) * 8; ++bit) {
    std::string damaged = archive;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto contents = read_tar(damaged);
    INFO(bit - header * 8);
    // Only the case of a digit in the checksum itself, or its blanks, may read the same.
    if (contents) {
      REQUIRE(contents->members.size() == 1);
      CHECK(contents->members[0].entry.path == "a");
      CHECK(contents->members[0].data == "abc");
    }
  }
}

TEST_CASE("a file that shrank is filled with zeros, and the archive stays whole") {
  MemorySink sink;
  TarWriter writer(sink);
  REQUIRE(writer.begin(tar_file("shrank", 3 << 20)));
  REQUIRE(writer.write_data(bytes_of("start")));
  CHECK(writer.remaining() == (3 << 20) - 5);
  CHECK(writer.pad_to_end() == (3U << 20) - 5);
  CHECK(writer.pad_to_end() == 0U);
  TarEntry sparse = tar_file("sparse", 1 << 20);
  sparse.sparse = true;
  sparse.data = {{10, 4}, {5000, 3}};
  REQUIRE(writer.begin(sparse));
  REQUIRE(writer.write_data(bytes_of("12")));
  CHECK(writer.pad_to_end() == 5U);
  REQUIRE(writer.begin(tar_file("next", 1)));
  REQUIRE(writer.write_data(bytes_of("n")));
  REQUIRE(writer.finish());
  const auto contents = read_tar(sink.contents());
  REQUIRE(contents);
  REQUIRE(contents->members.size() == 3);
  CHECK((contents->members[0].data == "start" + std::string((3 << 20) - 5, '\0')));
  CHECK(contents->members[1].data == "12"s + std::string(5, '\0'));
  CHECK(contents->members[2].data == "n");
}

TEST_CASE("a writer that is used against its promises says so") {
  MemorySink sink;
  const auto is_bug = [](const Result<>& result) { return !result && result.error().code() == Errc::bug; };
  {
    TarWriter writer(sink);
    REQUIRE(writer.begin(tar_file("a", 2)));
    CHECK(is_bug(writer.write_data(bytes_of("abc"))));
    REQUIRE(writer.write_data(bytes_of("a")));
    CHECK(is_bug(writer.begin(tar_file("b", 0))));
    CHECK(is_bug(writer.finish()));
  }
  TarWriter writer(sink);
  CHECK(is_bug(writer.begin(tar_file("", 0))));
  CHECK(is_bug(writer.begin(tar_file("a\0b"s, 0))));
  for (const std::vector<TarExtent>& data : std::vector<std::vector<TarExtent>>{
           {{0, 11}}, {{11, 0}}, {{5, 2}, {3, 1}}, {{0, 5}, {4, 1}}, {{5, UINT64_MAX}}}) {
    TarEntry entry = tar_file("sparse", 10);
    entry.sparse = true;
    entry.data = data;
    CHECK(is_bug(writer.begin(entry)));
  }
  CHECK_FALSE(sink.finished());
}

TEST_CASE("extents that touch, are empty or cover everything are the same file") {
  for (const std::vector<TarExtent>& data :
       std::vector<std::vector<TarExtent>>{{{0, 10}}, {{0, 4}, {4, 6}}, {{0, 4}, {4, 0}, {4, 6}, {10, 0}}}) {
    TarEntry entry = tar_file("full", 10);
    entry.sparse = true;
    entry.data = data;
    const auto contents = read_tar(write_tar({{entry, "0123456789"}, {tar_file("next", 1), "n"}}));
    REQUIRE(contents);
    REQUIRE(contents->members.size() == 2);
    CHECK(contents->members[0].data == "0123456789");
    CHECK(contents->members[0].entry.size == 10);
    CHECK_FALSE(contents->members[0].entry.sparse);
  }
  TarEntry nothing = tar_file("nothing", 0);
  nothing.sparse = true;
  const auto contents = read_tar(write_tar({{nothing, ""}}));
  REQUIRE(contents);
  CHECK(contents->members[0].entry.size == 0);
}

TEST_CASE("a writer that is dropped does not make its archive look whole") {
  MemorySink sink;
  {
    TarWriter writer(sink);
    REQUIRE(writer.begin(tar_file("a", 300000)));
    REQUIRE(writer.write_data(bytes_of(noise(300000))));
    REQUIRE(writer.begin(tar_file("huge", 1ULL << 60)));  // would take for ever to fill
  }
  CHECK_FALSE(sink.finished());
  CHECK_FALSE(read_tar(sink.contents()));
  MemorySink between;
  {
    TarWriter writer(between);
    REQUIRE(writer.begin(tar_file("a", 1)));
    REQUIRE(writer.write_data(bytes_of("a")));
  }
  CHECK_FALSE(between.finished());
  CHECK_FALSE(read_tar(between.contents()));
}

TEST_CASE("an error of the sink or the source comes through, and nobody is called again") {
  const std::string text = noise(1 << 20);
  // The gathered headers, the data, its padding with the end-of-archive blocks, and the finish.
  for (std::size_t n = 1; n <= 4; ++n) {
    FailingSink sink(n);
    Result<> done;
    {
      TarWriter writer(sink);
      done = writer.begin(tar_file("a", text.size()));
      if (done) done = writer.write_data(bytes_of(text));
      if (done) done = writer.finish();
      if (!done) CHECK_FALSE(writer.begin(tar_file("b", 0)));
    }
    INFO(n);
    REQUIRE_FALSE(done);
    CHECK(done.error().message() == "the sink fails as it was told");
    CHECK(done.error().hint() == "free space");
    CHECK(sink.calls_after_failure() == 0);
  }
  const std::string archive = write_tar({{tar_file("a", 1000), noise(1000)}});
  for (std::size_t bytes = 0; bytes <= archive.size(); bytes += 100) {
    FailingSource source(archive, bytes);
    const auto contents = read_tar(source);
    INFO(bytes);
    REQUIRE_FALSE(contents);
    CHECK(contents.error().code() == Errc::unavailable);
  }
}

TEST_CASE("what can't be stored is a finding, and the rest is") {
  MemorySink sink;
  TarWriter writer(sink);
  TarEntry entry = tar_file("odd\n", 1);
  entry.xattrs = {{"system.posix_acl_access", "no acl"}, {"user.a", "b"}};
  for (int i = 0; i < 20; ++i) entry.xattrs["user.large" + std::to_string(i)] = std::string(65536, 'v');
  REQUIRE(writer.begin(entry));
  REQUIRE(writer.write_data(bytes_of("x")));
  REQUIRE(writer.finish());
  const std::vector<Finding> findings = writer.take_findings();
  REQUIRE(findings.size() > 1);
  CHECK(findings[0].path == "odd\\x0a");
  CHECK(findings[0].what == "its ACL is not stored: an ACL of 6 bytes can't be one");
  CHECK(writer.take_findings().empty());
  const auto contents = read_tar(sink.contents());
  REQUIRE(contents);
  REQUIRE(contents->members.size() == 1);
  CHECK(contents->members[0].entry.xattrs.at("user.a") == "b");
  CHECK(contents->members[0].entry.xattrs.size() + findings.size() == 22);
  CHECK(contents->members[0].entry.mode == 0644);
}
