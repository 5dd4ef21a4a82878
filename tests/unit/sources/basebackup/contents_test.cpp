#include "sources/basebackup/contents.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "sources/basebackup/unpack.hpp"
#include "stream/digest.hpp"
#include "support/quiet_run.hpp"
#include "support/streams.hpp"
#include "support/temporary_directory.hpp"
#include "support/ustar.hpp"

namespace davit::sources {
namespace {

namespace fs = std::filesystem;
using test::bytes_of;
using Files = std::map<std::string, std::string>;

const Files kFiles{{"backup_label", "START WAL LOCATION: 0/2000028"},
                   {"PG_VERSION", "17\n"},
                   {"base/5/1259", std::string(9000, 'r')},
                   {"global/pg_control", std::string(8192, 'c')}};
const Files kSegments{{"pg_wal/000000010000000000000002", std::string(4096, 'w')},
                      {"pg_wal/000000010000000000000003", std::string(4096, 'x')}};

std::string sha256(const std::string& text) { return stream::extent_of(bytes_of(text))->sha256; }

// As the server writes it. The log has segments of 4 KiB here, so that 0x2000 is the begin of the third.
std::string manifest_of(const Files& files, const std::string& ranges =
                                                R"({ "Timeline": 1, "Start-LSN": "0/2028", "End-LSN": "0/3100" })") {
  std::string text = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [";
  for (const auto& [path, data] : files)
    text += (text.ends_with('[') ? "\n" : ",\n") + std::string("{ \"Path\": \"") + path +
            "\", \"Size\": " + std::to_string(data.size()) + ", \"Checksum-Algorithm\": \"SHA256\", \"Checksum\": \"" +
            sha256(data) + "\" }";
  text += "\n],\n\"WAL-Ranges\": [\n" + ranges + "\n],\n";
  return text + "\"Manifest-Checksum\": \"" + sha256(text) + "\"}\n";
}

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string tar;
  for (const auto& [path, data] : members) tar += test::ustar_member(path, data);
  return tar + test::end_of_tar();
}

std::vector<std::pair<std::string, std::string>> members_of(const Files& files) {
  std::vector<std::pair<std::string, std::string>> members{{"backup_label", files.at("backup_label")}};
  for (const auto& each : files)
    if (each.first != "backup_label") members.emplace_back(each);
  return members;
}

std::string plain_backup(const Files& files, const Files& segments, const std::string& manifest) {
  auto members = members_of(files);
  members.insert(members.end(), segments.begin(), segments.end());
  if (!manifest.empty()) members.emplace_back("backup_manifest", manifest);
  return tar_of(members);
}

Files with_tablespace() {
  Files files = kFiles;
  files["pg_tblspc/16385/PG_17_202406281/5/16386"] = "kept elsewhere";
  return files;
}

std::string directory_backup(const std::string& kept) {
  Files segments;
  for (const auto& [path, data] : kSegments) segments[path.substr(7)] = data;
  return tar_of({{"backup_manifest", manifest_of(with_tablespace())},
                 {"base.tar", tar_of(members_of(kFiles))},
                 {"16385.tar", tar_of({{"PG_17_202406281/5/16386", kept}})},
                 {"pg_wal.tar", tar_of({segments.begin(), segments.end()})}});
}

Result<> checked(const std::string& tar, BaseForm form = BaseForm::plain) {
  stream::MemorySource source(tar);
  test::QuietRun run;
  return check_base_backup(source, form, run.context);
}

void require_corrupt(const Result<>& result, const std::string& said) {
  REQUIRE(!result.has_value());
  CAPTURE(result.error().message());
  CHECK(result.error().code() == Errc::corrupt);
  CHECK(result.error().message().contains(said));
}

}  // namespace

TEST_CASE("a base backup is held against its manifest, file by file") {
  CHECK(checked(plain_backup(kFiles, kSegments, manifest_of(kFiles))).has_value());
  Files files = kFiles;
  SECTION("changed") {
    files["base/5/1259"][4711] = 'q';
    require_corrupt(checked(plain_backup(files, kSegments, manifest_of(kFiles))), "base/5/1259");
  }
  SECTION("missing") {
    files.erase("global/pg_control");
    require_corrupt(checked(plain_backup(files, kSegments, manifest_of(kFiles))),
                    "global/pg_control in the base backup is missing");
  }
  SECTION("longer") {
    files["PG_VERSION"] += "x";
    require_corrupt(checked(plain_backup(files, kSegments, manifest_of(kFiles))), "4 bytes, and its manifest says 3");
  }
  SECTION("foreign") {
    files["base/5/9999"] = "?";
    require_corrupt(checked(plain_backup(files, kSegments, manifest_of(kFiles))),
                    "base/5/9999 in the base backup is not in its manifest");
  }
  SECTION("no manifest, as pg_basebackup leaves it when it is killed") {
    require_corrupt(checked(plain_backup(kFiles, kSegments, "")), "no backup_manifest");
  }
  SECTION("a manifest that was changed") {
    std::string manifest = manifest_of(kFiles);
    manifest.replace(manifest.find("8192"), 4, "8193");
    require_corrupt(checked(plain_backup(kFiles, kSegments, manifest)), "not what its checksum says");
  }
  SECTION("a manifest that was cut") {
    const std::string manifest = manifest_of(kFiles);
    require_corrupt(checked(plain_backup(kFiles, kSegments, manifest.substr(0, manifest.size() / 2))), "cut off");
  }
}

TEST_CASE("a base backup without a part of its log can't become consistent") {
  Files segments = kSegments;
  SECTION("none") { segments.clear(); }
  SECTION("the last") { segments.erase("pg_wal/000000010000000000000003"); }
  SECTION("the first") { segments.erase("pg_wal/000000010000000000000002"); }
  SECTION("half of one") { segments["pg_wal/000000010000000000000002"].resize(1000); }
  require_corrupt(checked(plain_backup(kFiles, segments, manifest_of(kFiles))),
                  segments.empty() ? "no transaction log" : "pg_wal/0000000100000000000000");
}

TEST_CASE("a manifest that names more of the log than there can be is refused before it is counted out") {
  const std::string whole = R"({ "Timeline": 1, "Start-LSN": "0/2028", "End-LSN": "FFFFFFFF/FFFFFFFF" })";
  require_corrupt(checked(plain_backup(kFiles, kSegments, manifest_of(kFiles, whole))), "its manifest names more");
  Files odd = kSegments;
  for (auto& [path, data] : odd) data.resize(4097);
  require_corrupt(checked(plain_backup(kFiles, odd, manifest_of(kFiles))), "segments of 4097 bytes");
}

TEST_CASE("the segments of a range of the log") {
  constexpr std::uint64_t kUsual = 16U << 20U;
  CHECK(segments_of({{1, 0x2000028, 0x2000100}}, kUsual) == std::vector<std::string>{"000000010000000000000002"});
  // The end is behind the last byte: it takes nothing of the segment that it begins.
  CHECK(segments_of({{1, 0x2000028, 0x3000000}}, kUsual) == std::vector<std::string>{"000000010000000000000002"});
  CHECK(segments_of({{3, 0xFF000000, 0x101000000}}, kUsual) ==
        std::vector<std::string>{"0000000300000000000000FF", "000000030000000100000000"});
  CHECK(segments_of({{1, 0, 1}}, 0).empty());
}

TEST_CASE("a base backup with tablespaces is a tar of what pg_basebackup makes") {
  CHECK(checked(directory_backup("kept elsewhere"), BaseForm::directory).has_value());
  require_corrupt(checked(directory_backup("kept elsewherE"), BaseForm::directory),
                  "pg_tblspc/16385/PG_17_202406281/5/16386");
  const std::string foreign = tar_of({{"backup_manifest", manifest_of(kFiles)}, {"evil.sh", "#!/bin/sh"}});
  require_corrupt(checked(foreign, BaseForm::directory), "evil.sh");
}

TEST_CASE("the form is told by the first bytes") {
  const std::string plain = plain_backup(kFiles, kSegments, manifest_of(kFiles));
  CHECK(base_form_of(plain.substr(0, 600)) == BaseForm::plain);
  CHECK(base_form_of(directory_backup("").substr(0, 600)) == BaseForm::directory);
  CHECK(!base_form_of(tar_of({{"toc.dat", "PGDMP"}})));
  CHECK(!base_form_of("PGDMP"));
  CHECK(!base_form_of(""));
}

TEST_CASE("whoever passes a base backup on sees whether it has an end and a manifest") {
  const std::string whole = plain_backup(kFiles, kSegments, manifest_of(kFiles));
  const auto scan = [](const std::string& tar, std::size_t step) {
    stream::MemorySink out;
    MemberScan members(BaseForm::plain, out);
    for (std::size_t at = 0; at < tar.size(); at += step)
      REQUIRE(members.write(bytes_of(std::string_view(tar).substr(at, step))).has_value());
    CHECK(out.take() == tar);
    return std::pair(members.check().has_value(), members.members());
  };
  for (const std::size_t step : {1UL, 511UL, 512UL, 513UL, 100000UL})
    CHECK(scan(whole, step) == std::pair(true, std::uint64_t{7}));
  for (const std::size_t cut : {whole.size() / 3, whole.size() - 2048, std::size_t{512}})
    CHECK(!scan(whole.substr(0, cut), 4096).first);
  CHECK(!scan(plain_backup(kFiles, kSegments, ""), 4096).first);
  CHECK(!scan("no tar at all" + whole, 4096).first);
}

TEST_CASE("what is unpacked are the files of the cluster, tablespaces in their own directories") {
  const test::TemporaryDirectory directory;
  const fs::path root = directory.path();
  fs::create_directories(root / "new/pg_wal");
  fs::create_directories(root / "space");
  const Cluster cluster(Programs::on_this_machine({"PATH=/usr/bin:/bin"}), root.string());
  test::QuietRun run;
  const auto contents = [](const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  const std::string backup = directory_backup("kept elsewhere");
  SECTION("whole") {
    stream::MemorySource plain(backup);
    const UnpackTarget target{(root / "new").string(), {{"16385", (root / "space").string()}}};
    REQUIRE(unpack_base_backup(cluster, target, BaseForm::directory, plain, run.context).has_value());
    CHECK(contents(root / "new/base/5/1259") == kFiles.at("base/5/1259"));
    CHECK(contents(root / "new/pg_wal/000000010000000000000003") == std::string(4096, 'x'));
    CHECK(contents(root / "space/PG_17_202406281/5/16386") == "kept elsewhere");
  }
  SECTION("a tablespace that nobody knows") {
    stream::MemorySource plain(backup);
    const auto unpacked =
        unpack_base_backup(cluster, {(root / "new").string(), {}}, BaseForm::directory, plain, run.context);
    require_corrupt(unpacked, "16385");
  }
  SECTION("plain, and where it goes on behind its end") {
    stream::MemorySource plain(plain_backup(kFiles, kSegments, manifest_of(kFiles)));
    REQUIRE(
        unpack_base_backup(cluster, {(root / "new").string(), {}}, BaseForm::plain, plain, run.context).has_value());
    CHECK(contents(root / "new/global/pg_control") == kFiles.at("global/pg_control"));
  }
  SECTION("a source that fails") {
    test::FailingSource plain(plain_backup(kFiles, kSegments, manifest_of(kFiles)), 3000);
    const auto unpacked =
        unpack_base_backup(cluster, {(root / "new").string(), {}}, BaseForm::plain, plain, run.context);
    REQUIRE(!unpacked.has_value());
    CHECK(unpacked.error().code() == Errc::unavailable);
  }
}

TEST_CASE("the map of tablespaces survives odd names") {
  CHECK(render_tablespace_map({{"a", 16385, "/srv/a b"}, {"b", 16390, "/srv/x\\y\nz"}}) ==
        "16385 /srv/a b\n16390 /srv/x\\\\y\\\nz\n");
}

}  // namespace davit::sources
