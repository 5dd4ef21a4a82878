#include "catalog/exported/layout.hpp"

#include <catch2/catch_test_macros.hpp>

#include "catalog/exported/header.hpp"
#include "stream/digest.hpp"
#include "stream/pax_header.hpp"
#include "support/small_backup.hpp"

namespace davit::catalog::exported {
namespace {

constexpr std::uint64_t kOctal = std::uint64_t{8} << 30U;  // what 11 octal digits have no room for

Manifest manifest_of_sizes(std::vector<std::uint64_t> sizes) {
  Manifest manifest = test::SmallBackup{}.manifest();
  for (std::size_t i = 0; i < sizes.size(); ++i) manifest.items[0].artefacts[i].stored.bytes = sizes[i];
  return manifest;
}

TEST_CASE("a header is one block, unless its name or its size has no room there") {
  const Layout layout = Layout::of(test::SmallBackup{}.manifest()).value();
  const std::string below = "shop/20261121T083000Z-4f2a/";
  CHECK(layout.directory() == below);
  const std::string fits(100 - below.size(), 'n');
  CHECK(layout.header(fits, kOctal - 1).size() == stream::kTarBlock);
  const Block plain = parse_block(layout.header(fits, kOctal - 1));
  CHECK(plain.kind == Block::Kind::file);
  CHECK(plain.name == below + fits);
  CHECK(plain.bytes == kOctal - 1);

  for (const auto& [name, bytes] :
       std::vector<std::pair<std::string, std::uint64_t>>{{fits + "n", 1}, {fits, kOctal}, {fits + fits, kOctal + 5}}) {
    const std::string header = layout.header(name, bytes);
    REQUIRE(header.size() == 3 * stream::kTarBlock);
    const Block extended = parse_block(header.substr(0, stream::kTarBlock));
    CHECK(extended.kind == Block::Kind::extended);
    const Records records = parse_records(std::string_view(header).substr(stream::kTarBlock, extended.bytes));
    CHECK(records.path == (name == fits ? std::nullopt : std::optional(below + name)));
    CHECK(records.bytes == (bytes < kOctal ? std::nullopt : std::optional(bytes)));
    const Block main = parse_block(header.substr(2 * stream::kTarBlock));
    CHECK(main.name == (below + name).substr(0, 100));
    CHECK(main.bytes == bytes);
  }
}

TEST_CASE("records that make no sense are none") {
  for (const std::string text :
       {"", "x", "0 ", "99 path=x\n", "1 path=x\n", "18446744073709551616 path=x\n", "7 path\n"}) {
    const Records records = parse_records(text);
    CHECK_FALSE(records.path);
    CHECK_FALSE(records.bytes);
  }
  CHECK(parse_records("9 path=x\n9 path=y\n").path == "y");
}

TEST_CASE("the time of a member is when the backup was finished, as far as a plain header can say") {
  Manifest manifest = test::SmallBackup{}.manifest();
  const auto mtime = [&](std::chrono::sys_seconds finished) {
    manifest.finished = finished;
    return Layout::of(manifest)->entry("x", 1).mtime_ns / 1'000'000'000;
  };
  CHECK(mtime(std::chrono::sys_seconds(std::chrono::seconds(1'795'249'800))) == 1'795'249'800);
  CHECK(mtime(std::chrono::sys_seconds(std::chrono::seconds(-1))) == 0);
  CHECK(mtime(std::chrono::sys_seconds(std::chrono::seconds(250'000'000'000))) == 8'589'934'591);
  CHECK(Layout::of(manifest)->header("x", 1).size() == stream::kTarBlock);
}

TEST_CASE("sizes that no file has are refused") {
  const std::uint64_t half = std::uint64_t{1} << 61U;
  CHECK(Layout::of(manifest_of_sizes({half, half, 0})));
  CHECK(Layout::of(manifest_of_sizes({half, half, 1})).error().code() == Errc::corrupt);
  CHECK(Layout::of(manifest_of_sizes({UINT64_MAX})).error().code() == Errc::corrupt);
}

TEST_CASE("the length of a file is known from its parts") {
  const test::SmallBackup backup;
  const Manifest manifest = backup.manifest();
  const Layout layout = Layout::of(manifest).value();
  std::vector<Part> parts{{"manifest.json", render_manifest(manifest)->size()}, {"RESTORE.md", backup.guide.size()}};
  parts.insert(parts.end(), layout.artefacts().begin(), layout.artefacts().end());
  CHECK(layout.total(parts) == backup.exported().size());
  CHECK(padding_behind(0) == 0);
  CHECK(padding_behind(1) == 511);
  CHECK(padding_behind(512) == 0);
}

}  // namespace
}  // namespace davit::catalog::exported
