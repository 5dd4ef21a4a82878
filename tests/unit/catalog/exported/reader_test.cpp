// Nothing of an exported file is believed: every byte of it is what it must be, and it ends where it must.

#include "catalog/exported/reader.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <format>

#include "support/small_backup.hpp"
#include "support/streams.hpp"
#include "support/tar.hpp"
#include "support/ustar.hpp"

namespace davit::catalog::exported {
namespace {

// What is in the file, in its order, and from where on.
struct Found {
  std::vector<std::pair<std::string, std::string>> members;
  std::vector<std::uint64_t> offsets;
  std::uint64_t total = 0;
};

Result<Found> read_from(stream::ByteSource& source, std::optional<std::uint64_t> length = {}) {
  Reader reader(source, "backup.tar", length);
  TRY(reader.begin());
  Found found{.members = {{"manifest.json", reader.manifest_text()}}, .offsets = {reader.manifest_member().offset}};
  while (true) {
    TRY_ASSIGN(member, reader.next());
    if (!member) break;
    TRY_ASSIGN(text, stream::read_all(reader, 1U << 20U));
    CHECK(text.size() == member->bytes);
    found.members.emplace_back(member->path, std::move(text));
    found.offsets.push_back(member->offset);
  }
  found.total = reader.total();
  return found;
}

Result<Found> read(const std::string& file, std::optional<std::uint64_t> length = {}) {
  stream::MemorySource source(file);
  return read_from(source, length);
}

// Reads it so that its data is skipped.
Result<> skim(const std::string& file) {
  stream::MemorySource source(file);
  Reader reader(source, "backup.tar");
  TRY(reader.begin());
  while (true) {
    TRY_ASSIGN(member, reader.next());
    if (!member) return {};
  }
}

Error refused(const std::string& file, std::optional<std::uint64_t> length = {}) {
  const auto found = read(file, length);
  REQUIRE_FALSE(found);
  return found.error();
}

// Where a header says that it begins, in a file made by hand.
std::string member(const std::string& name, const std::string& data, char type = '0') {
  return test::ustar_member(name, data, {}, type);
}

constexpr auto kBelow = "shop/20261121T083000Z-4f2a/";

TEST_CASE("an exported file holds the manifest, the guide, and the artefacts in the order of the manifest") {
  const test::SmallBackup backup;
  const std::string file = backup.exported();
  for (const bool stutter : {false, true}) {
    test::StutterSource slow(file);
    const auto found = stutter ? read_from(slow) : read(file, file.size());
    REQUIRE(found);
    CHECK(found->total == file.size());
    REQUIRE(found->members.size() == 5);
    CHECK(found->members[0].second == render_manifest(backup.manifest()).value());
    CHECK(found->members[1] == std::pair<std::string, std::string>{"RESTORE.md", backup.guide});
    for (std::size_t i = 0; i < backup.artefacts.size(); ++i) CHECK(found->members[i + 2] == backup.artefacts[i]);
    for (std::size_t i = 0; i < found->members.size(); ++i)
      CHECK(file.substr(found->offsets[i], found->members[i].second.size()) == found->members[i].second);
  }
}

TEST_CASE("a backup without a guide, without artefacts, or with names of every length is read back") {
  test::SmallBackup backup;
  backup.guide = "";
  CHECK(read(backup.exported())->members.size() == 4);
  backup.artefacts.clear();
  CHECK(read(backup.exported())->members.size() == 1);
  backup.guide = "x";
  backup.stack = std::string(120, 's');  // its names stand in headers of pax
  backup.artefacts = {{std::string(200, 'a') + "/" + std::string(200, 'b'), "1"}, {"new\nline\\and\r", "2"}};
  const std::string file = backup.exported();
  const auto found = read(file, file.size());
  REQUIRE(found);
  CHECK(found->members.size() == 4);
  CHECK(file.contains("\n\\d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35  new\\nline\\\\and\\r\n"));
}

TEST_CASE("a file that is cut anywhere is refused") {
  const std::string file = test::SmallBackup{}.exported();
  for (std::size_t length = 0; length < file.size(); ++length) {
    const std::string cut = file.substr(0, length);
    const Error error = refused(cut);
    INFO(length);
    CHECK(error.code() == Errc::corrupt);
    CHECK(error.message().contains(length == 0 ? "it is empty" : "is cut"));
    CHECK_FALSE(skim(cut));
  }
}

TEST_CASE("a file of known length that is cut is refused before its artefacts are read") {
  const std::string file = test::SmallBackup{}.exported();
  const std::string cut = file.substr(0, file.size() - 1);
  stream::MemorySource source(cut);
  Reader reader(source, "backup.tar", cut.size());
  REQUIRE(reader.begin());
  const auto next = reader.next();
  REQUIRE_FALSE(next);
  CHECK(next.error().message() == std::format("backup.tar: it is cut: it has {} of {} bytes", cut.size(), file.size()));
  CHECK(refused(file + "x", file.size() + 1).message().contains("a file holds one backup, and nothing else"));
}

TEST_CASE("a file with any byte altered is refused") {
  const std::string file = test::SmallBackup{}.exported();
  for (std::size_t at = 0; at < file.size(); ++at)
    for (const unsigned bit : {0x01U, 0x80U}) {
      std::string altered = file;
      altered[at] = static_cast<char>(static_cast<unsigned char>(altered[at]) ^ bit);
      INFO(at << " of " << file.size());
      CHECK(refused(altered).code() == Errc::corrupt);
      CHECK_FALSE(skim(altered));
    }
}

TEST_CASE("what is behind the end of a backup is refused") {
  const std::string file = test::SmallBackup{}.exported();
  for (const std::string& more : {std::string("x"), std::string(512, '\0'), file})
    CHECK(refused(file + more).message() ==
          "backup.tar: more stands behind its end: a file holds one backup, and nothing else");
}

// What stands where the guide or the first artefact belongs, and how it is called.
TEST_CASE("what is no plain member in its place is refused, and named") {
  struct Odd {
    std::string bytes;
    std::string said;
  };
  const std::string file = test::SmallBackup{.guide = ""}.exported();
  const auto found = read(file);
  const std::size_t at = found->offsets[1] - 512;
  const std::string artefact = std::string(kBelow) + "volumes/uploads.tar.zst";
  const std::string where = std::format(" stands {{}}, where {} belongs", artefact);
  const std::vector<Odd> odds{
      {member("../../etc/passwd", "x"), "a file ../../etc/passwd"},
      {member("/etc/passwd", "x"), "a file /etc/passwd"},
      {member(artefact, "", '2'), "a symbolic link " + artefact},
      {member(artefact, "", '1'), "a hard link " + artefact},
      {member(kBelow, "", '5'), std::string("a directory ") + kBelow},
      {member("fifo", "", '6'), "a fifo fifo"},
      {member("null", "", '3'), "a device null"},
      {member("././@LongLink", artefact, 'L'), "a long name as GNU tar has it ././@LongLink"},
      {member(artefact, "x", 'S'), "a sparse file as GNU tar has it " + artefact},
      {member("pax_global_header", "x", 'g'), "a header for all that follows (pax) pax_global_header"},
      {member("x", "x", '9'), "a member of an unknown type x"},
      {member(std::string(kBelow) + "manifest.json", "x"), std::format("a file {}manifest.json a second time", kBelow)},
      {file.substr(found->offsets[2] - 512, 512), std::format("a file {}db/db/empty.dump", kBelow)},
      {std::string(1024, '\0'), "the end of the archive"},
      {std::string(512, 'x'), "no header of a tar"},
  };
  for (const Odd& odd : odds) {
    const Error error = refused(file.substr(0, at) + odd.bytes + file.substr(at));
    CHECK(error.message() == std::format("backup.tar: at byte {} stands {}, where {} belongs", at, odd.said, artefact));
    CHECK(error.code() == Errc::corrupt);
    CHECK_FALSE(error.hint().empty());
  }
  // The right name of another length, and a header that somebody else wrote.
  CHECK(refused(file.substr(0, at) + member(artefact, std::string(513, 'u')) + file.substr(at)).message() ==
        std::format("backup.tar: at byte {}: the header of volumes/uploads.tar.zst is not what it was", at));
}

TEST_CASE("members in another order are refused") {
  const test::SmallBackup backup;
  const std::string file = backup.exported();
  const auto found = read(file);
  const std::size_t guide = found->offsets[1] - 512;
  const std::size_t first = found->offsets[2] - 512;
  const std::size_t second = found->offsets[3] - 512;
  const std::string swapped = file.substr(0, guide) + file.substr(first, second - first) +
                              file.substr(guide, first - guide) + file.substr(second);
  CHECK(refused(swapped).message().contains("RESTORE.md, where"));
  // Without a guide, and the sums speak of one.
  CHECK(refused(file.substr(0, guide) + file.substr(first)).code() == Errc::corrupt);
}

TEST_CASE("a guide that was put in the place of another is refused") {
  test::SmallBackup backup;
  const std::string file = backup.exported();
  backup.guide = "# hoaxed\n";
  REQUIRE(backup.guide.size() == test::SmallBackup{}.guide.size());
  std::string altered = file;
  altered.replace(altered.find("# how to\n"), backup.guide.size(), backup.guide);
  CHECK(refused(altered).message().contains("SHA256SUMS is not that of the members before it"));
}

TEST_CASE("a file that is packed says how it is unpacked") {
  for (const auto& [magic, tool] : std::vector<std::pair<std::string, std::string>>{{"\x28\xb5\x2f\xfd", "zstd"},
                                                                                    {"\x1f\x8b\x08", "gzip"},
                                                                                    {std::string("\xfd"
                                                                                                 "7zXZ\0",
                                                                                                 6),
                                                                                     "xz"},
                                                                                    {"BZh9", "bzip2"}}) {
    const Error error = refused(magic + std::string(600, 'x'));
    CHECK(error.code() == Errc::usage);
    CHECK(error.message() == "backup.tar: it is packed by " + tool + ", and davit reads the plain tar");
    CHECK(error.hint().contains("(" + tool + " -d)"));
  }
}

TEST_CASE("what was never exported is refused with what it is") {
  CHECK(refused(std::string(2000, 'x')).message() ==
        "backup.tar: it is not what `davit export` writes: it begins with no header of a tar, and not with the "
        "manifest of a backup");
  CHECK(refused(member("etc/hosts", "x") + test::end_of_tar())
            .message()
            .contains("it begins with a file etc/hosts, and not"));
  CHECK(refused(std::string(10240, '\0')).message().contains("it begins with the end of the archive"));
  CHECK(refused(member(std::string(kBelow) + "manifest.json", "{}") + test::end_of_tar()).code() == Errc::corrupt);
}

TEST_CASE("a whole manifest at the place of another backup is refused") {
  const std::string file = test::SmallBackup{.guide = ""}.exported();
  const std::string text = read(file)->members[0].second;
  CHECK(refused(member("other/20261121T083000Z-4f2a/manifest.json", text) + file.substr(512))
            .message()
            .contains("stands a file other/20261121T083000Z-4f2a/manifest.json, where "
                      "shop/20261121T083000Z-4f2a/manifest.json belongs"));
  CHECK(refused(test::SmallBackup{.id = "20261121T083000Z-0000"}.exported().substr(0, 512) + file.substr(512)).code() ==
        Errc::corrupt);
}

}  // namespace
}  // namespace davit::catalog::exported
